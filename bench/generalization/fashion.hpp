// SPDX-License-Identifier: MIT
// Domains made of Fashion-MNIST: real images, the shift between them known.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace generalization {

struct Domain {
  std::string name;
  at::Tensor images;  ///< [N, C, 28, 28], float
  at::Tensor labels;  ///< [N], int64
};

/// Domains to train on, the same domains' validation images, and the held-out domain.
struct Problem {
  std::vector<Domain> train;
  std::vector<Domain> validation;
  Domain test;
  std::int64_t classes = 0;
  std::int64_t channels = 0;
};

struct ProblemOptions {
  std::filesystem::path data = "/usr/share/datasets/fashion-mnist";
  std::string family = "rotated";  ///< rotated or coloured
  std::string held_out = "75";     ///< a name of domains()
  std::int64_t train = 300;        ///< images of each domain
  std::int64_t validation = 200;
  std::int64_t test = 2000;
  double label_noise = 0;  ///< share of training labels drawn anew
  std::uint64_t seed = 0;
};

/// rotated: 0, 15, 30, 45, 60 and 75 degrees, ten classes. coloured: classes 0 to 4 against 5 to 9,
/// a quarter of the labels flipped, and a colour that agrees with the label with probability 0.9,
/// 0.8 or, held out, 0.1 (Arjovsky et al. 2019, arXiv 1907.02893, with clothes for digits).
std::vector<std::string> domains(const std::string& family);

/// The base images are split first, by seed: no image appears in two domains or two splits. The
/// test images come from Fashion-MNIST's own test set.
/// @throws std::runtime_error naming the file that is missing, or an unknown family or domain
Problem make_problem(const ProblemOptions& options);

}  // namespace generalization
