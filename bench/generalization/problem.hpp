// SPDX-License-Identifier: MIT
// Domains to train on, and one that is left out.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace generalization {

struct Domain {
  std::string name;
  at::Tensor images;  ///< [N, C, side, side], float
  at::Tensor labels;  ///< [N], int64; with one class float, 1 for fake
  /// The same images in 8 bits, where training changes them at random as the detector's does.
  std::vector<cv::Mat> pictures = {};
  /// As a test: unlike all that training shows, and so part of the tests' mean.
  bool shifted = true;
};

/// The training domains, their validation images, and images of what was left out.
struct Problem {
  std::vector<Domain> train;
  std::vector<Domain> validation;
  std::vector<Domain> tests;
  std::int64_t classes = 0;  ///< 1: one logit, judged by its AUC
  std::int64_t channels = 0;
  std::int64_t side = 0;   ///< pixels
  bool in_pairs = false;   ///< the second half of the images are the forgeries of the first
  std::int64_t shift = 0;  ///< training images are moved by up to so many pixels at random
};

struct ProblemOptions {
  std::filesystem::path data = "/usr/share/datasets/fashion-mnist";
  std::filesystem::path emoji = "out/emoji";
  std::filesystem::path faces = "out/demo/data";
  std::string family = "rotated";  ///< a name that domains() knows
  std::string held_out = "75";     ///< a name of domains()
  /// A training domain that is left out as well, for the selection of settings by it. Then no
  /// image for the last test is looked at: both domains are judged on their validation images.
  std::string also_left_out;
  std::int64_t train = 300;       ///< images of each domain; of styles, half of the concepts
  std::int64_t validation = 200;  ///< of each; of styles, 15 % of the concepts
  std::int64_t test = 2000;       ///< of the one left out; of styles, 35 % of the concepts
  double label_noise = 0;         ///< share of training labels drawn anew
  std::uint64_t seed = 0;
};

/// rotated: Fashion-MNIST turned by 0, 15, 30, 45, 60 and 75 degrees, ten classes. coloured: its
/// classes 0 to 4 against 5 to 9, a quarter of the labels flipped, and a colour that agrees with
/// the label with probability 0.9, 0.8 or, held out, 0.1 (Arjovsky et al. 2019, arXiv 1907.02893,
/// with clothes for digits). styles: emoji in nine categories as four artists drew them. faces:
/// synthetic faces and four manipulations; what is left out, "unseen", are four others.
/// manipulations: one of the four is left out. quality: the same faces in two qualities; what is
/// left out, "quality", are many others.
std::vector<std::string> domains(const std::string& family);

/// Split by seed: no image, and no concept of the styles, is in two splits.
/// @throws std::runtime_error naming the file that is missing, or an unknown family or domain
Problem make_problem(const ProblemOptions& options);

}  // namespace generalization
