// SPDX-License-Identifier: MIT
#include "generalization/faces.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <stdexcept>

#include "data/image_cache.hpp"
#include "data/index.hpp"
#include "training/batch.hpp"

namespace generalization {
namespace {

/// Kept, since a process trains often on the same faces.
const Domain& face_domain(const std::filesystem::path& data, const deepfake::Place& place,
                          const std::string& manipulation = {}) {
  static std::map<std::string, Domain> domains;
  auto [made, is_new] = domains.try_emplace(data.string() + '\n' + place.dataset + '\n' +
                                            place.split + '\n' + manipulation);
  if (is_new) {
    const auto pairs = read_pairs(data, place, manipulation);
    made->second = domain_of(manipulation.empty() ? place.dataset : manipulation, pairs);
    if (place.split == "train") {
      made->second.pictures = pairs.real;
      std::ranges::copy(pairs.forged, std::back_inserter(made->second.pictures));
    }
  }
  return made->second;
}

}  // namespace

FacePairs read_pairs(const std::filesystem::path& data, const deepfake::Place& place,
                     const std::string& manipulation) {
  const std::filesystem::path index_file = data / "dataset_json" / (place.dataset + ".json");
  if (!std::filesystem::exists(index_file)) {
    throw std::runtime_error(index_file.string() +
                             ": missing; roga-deepfake make-data --preset demo makes the faces");
  }
  const deepfake::Index index =
      deepfake::load_index(deepfake::locate_data(index_file), {.keep = {.split = place.split}});
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
                             " in its split " + place.split);
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
  std::vector<std::string> manipulations;
  for (const auto& fake : deepfake::training_place("train").fakes) {
    manipulations.push_back(fake.kind.label);
  }
  return manipulations;
}

Problem problem_of_pairs() {
  Problem problem;
  problem.classes = 1;
  problem.channels = 3;
  problem.side = side_of_faces;
  problem.in_pairs = true;
  return problem;
}

Problem faces_problem(const ProblemOptions& options) {
  Problem problem = problem_of_pairs();
  const auto of_split = [&](const char* split, const std::string& manipulation) {
    return face_domain(options.faces, deepfake::training_place(split), manipulation);
  };
  for (const std::string& manipulation : face_domains("manipulations")) {
    if (manipulation != options.held_out && manipulation != options.also_left_out) {
      problem.train.push_back(of_split("train", manipulation));
      problem.validation.push_back(of_split("val", manipulation));
    } else {
      const bool in_search = !options.also_left_out.empty();
      problem.tests.push_back(of_split(in_search ? "val" : "test", manipulation));
    }
  }
  if (problem.tests.empty()) {
    for (const auto& set : deepfake::unseen_sets) {
      problem.tests.push_back(face_domain(options.faces, deepfake::unseen_place(set)));
    }
  }
  return problem;
}

}  // namespace generalization
