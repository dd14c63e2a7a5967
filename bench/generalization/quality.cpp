// SPDX-License-Identifier: MIT
#include "generalization/quality.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "data/image_cache.hpp"
#include "data/index.hpp"
#include "detection/robustness.hpp"
#include "training/batch.hpp"

namespace generalization {
namespace {

constexpr int side_of_faces = 64;

using Spoil = std::function<cv::Mat(const cv::Mat&, std::uint64_t key)>;

Spoil corruption(const std::string& name, double level) {
  return [=](const cv::Mat& image, std::uint64_t key) {
    return deepfake::corrupt(image, name, level, key);
  };
}

Spoil quality(double jpeg, double blur) {
  return [=](const cv::Mat& image, std::uint64_t) {
    return deepfake::corrupt(deepfake::corrupt(image, "blur", blur, 0), "jpeg", jpeg, 0);
  };
}

/// 8-bit RGB, a real frame and its forgery at the same place of either list.
struct Faces {
  std::vector<cv::Mat> real, forged;
};

Faces faces(const std::filesystem::path& data, const std::string& split) {
  const std::filesystem::path index_file = data / "dataset_json" / "FaceForensics++.json";
  if (!std::filesystem::exists(index_file)) {
    throw std::runtime_error(index_file.string() +
                             ": missing; roga-deepfake make-data --preset demo makes the faces");
  }
  const deepfake::Index index =
      deepfake::load_index(deepfake::locate_data(index_file), {.keep = {.split = split}});
  deepfake::ImageCache images(index, side_of_faces);
  Faces result;
  for (std::size_t video = 0; video < index.videos.size(); ++video) {
    const deepfake::Video& fake = index.videos[video];
    if (!fake.is_fake || !fake.real_partner) continue;
    for (const auto& pair : pair_frames(index.videos[*fake.real_partner], fake)) {
      result.real.push_back(images.get({*fake.real_partner, pair.real}).clone());
      result.forged.push_back(images.get({video, pair.fake}).clone());
    }
  }
  return result;
}

Domain spoiled(const std::string& name, const Faces& faces, const Spoil& spoil) {
  std::vector<cv::Mat> images;
  for (const auto* of_kind : {&faces.real, &faces.forged}) {
    for (std::size_t i = 0; i < of_kind->size(); ++i) images.push_back(spoil((*of_kind)[i], i));
  }
  const auto pairs = std::ssize(faces.real);
  return {name, deepfake::to_tensor(images), at::cat({at::zeros({pairs}), at::ones({pairs})})};
}

Problem read(const std::filesystem::path& data) {
  Problem problem;
  problem.classes = 1;
  problem.channels = 3;
  problem.side = side_of_faces;
  problem.in_pairs = true;
  const auto train = faces(data, "train"), validation = faces(data, "val"),
             test = faces(data, "test");
  for (const auto& [name, spoil] :
       {std::pair("light", quality(90, 0.3)), std::pair("strong", quality(60, 0.8))}) {
    problem.train.push_back(spoiled(name, train, spoil));
    problem.validation.push_back(spoiled(name, validation, spoil));
  }
  problem.tests.push_back(spoiled("none", test, corruption("none", 0)));
  for (const auto& [name, levels] : deepfake::corruptions()) {
    for (const double level : levels) {
      std::ostringstream title;
      title << name << ' ' << level;
      problem.tests.push_back(spoiled(title.str(), test, corruption(name, level)));
    }
  }
  return problem;
}

}  // namespace

Problem quality_problem(const ProblemOptions& options) {
  if (!options.also_left_out.empty()) {
    throw std::runtime_error("family quality leaves out no second domain");
  }
  static std::map<std::filesystem::path, Problem> problems;  // takes seconds
  auto [made, is_new] = problems.try_emplace(options.faces);
  if (is_new) made->second = read(options.faces);
  return made->second;
}

}  // namespace generalization
