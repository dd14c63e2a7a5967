// SPDX-License-Identifier: MIT
#include "generalization/faces.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <stdexcept>

#include "data/image_cache.hpp"
#include "data/index.hpp"
#include "training/batch.hpp"

namespace generalization {
namespace {

constexpr std::array manipulations{"FF-DF", "FF-F2F", "FF-FS", "FF-NT"};
constexpr std::array unseen_sets{"Synthetic-SBI", "Synthetic-FWA", "Synthetic-Partial",
                                 "Synthetic-Shift"};
constexpr auto training_set = "FaceForensics++";

/// Kept, since a process trains often on the same faces.
const Domain& face_domain(const std::filesystem::path& data, const std::string& dataset,
                          const std::string& split, const std::string& manipulation = {}) {
  static std::map<std::string, Domain> domains;
  auto [made, is_new] =
      domains.try_emplace(data.string() + '\n' + dataset + '\n' + split + '\n' + manipulation);
  if (is_new) {
    const auto pairs = read_pairs(data, dataset, split, manipulation);
    made->second = domain_of(manipulation.empty() ? dataset : manipulation, pairs);
    if (split == "train") {
      made->second.pictures = pairs.real;
      std::ranges::copy(pairs.forged, std::back_inserter(made->second.pictures));
    }
  }
  return made->second;
}

}  // namespace

FacePairs read_pairs(const std::filesystem::path& data, const std::string& dataset,
                     const std::string& split, const std::string& manipulation) {
  const std::filesystem::path index_file = data / "dataset_json" / (dataset + ".json");
  if (!std::filesystem::exists(index_file)) {
    throw std::runtime_error(index_file.string() +
                             ": missing; roga-deepfake make-data --preset demo makes the faces");
  }
  const deepfake::Index index =
      deepfake::load_index(deepfake::locate_data(index_file), {.keep = {.split = split}});
  deepfake::ImageCache images(index, side_of_faces);
  FacePairs result;
  for (std::size_t video = 0; video < index.videos.size(); ++video) {
    const deepfake::Video& fake = index.videos[video];
    if (!fake.is_fake || !fake.real_partner) continue;
    if (!manipulation.empty() && fake.label != manipulation) continue;
    for (const auto& pair : pair_frames(index.videos[*fake.real_partner], fake)) {
      result.real.push_back(images.get({*fake.real_partner, pair.real}).clone());
      result.forged.push_back(images.get({video, pair.fake}).clone());
    }
  }
  if (result.real.empty()) {
    throw std::runtime_error(index_file.string() + ": no pair of a real and a forged frame" +
                             (manipulation.empty() ? "" : " of " + manipulation) +
                             " in its split " + split);
  }
  return result;
}

Domain domain_of(const std::string& name, const FacePairs& pairs) {
  std::vector<cv::Mat> images = pairs.real;
  images.insert(images.end(), pairs.forged.begin(), pairs.forged.end());
  const auto count = std::ssize(pairs.real);
  return {name, deepfake::to_tensor(images), at::cat({at::zeros({count}), at::ones({count})})};
}

std::vector<std::string> face_domains(const std::string& family) {
  if (family == "faces") return {"unseen"};
  return {manipulations.begin(), manipulations.end()};
}

Problem faces_problem(const ProblemOptions& options) {
  Problem problem;
  problem.classes = 1;
  problem.channels = 3;
  problem.side = side_of_faces;
  problem.in_pairs = true;
  for (const std::string manipulation : manipulations) {
    const bool left_out =
        manipulation == options.held_out || manipulation == options.also_left_out;
    if (!left_out) {
      problem.train.push_back(face_domain(options.faces, training_set, "train", manipulation));
      problem.validation.push_back(face_domain(options.faces, training_set, "val", manipulation));
    } else if (!options.also_left_out.empty()) {
      problem.tests.push_back(face_domain(options.faces, training_set, "val", manipulation));
    } else {
      problem.tests.push_back(face_domain(options.faces, training_set, "test", manipulation));
    }
  }
  if (problem.tests.empty()) {
    for (const char* set : unseen_sets) {
      problem.tests.push_back(face_domain(options.faces, set, "test"));
    }
  }
  return problem;
}

}  // namespace generalization
