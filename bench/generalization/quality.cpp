// SPDX-License-Identifier: MIT
#include "generalization/quality.hpp"

#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "detection/robustness.hpp"
#include "generalization/faces.hpp"

namespace generalization {
namespace {

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

constexpr double light_jpeg = 90, light_blur = 0.3, strong_jpeg = 60, strong_blur = 0.8;

/// Between the two qualities of training.
bool shown_in_training(const std::string& corruption, double level) {
  return (corruption == "jpeg" && level >= strong_jpeg) ||
         (corruption == "blur" && level <= strong_blur);
}

Domain spoiled(const std::string& name, FacePairs pairs, const Spoil& spoil) {
  for (auto* of_kind : {&pairs.real, &pairs.forged}) {
    for (std::size_t i = 0; i < of_kind->size(); ++i) (*of_kind)[i] = spoil((*of_kind)[i], i);
  }
  return domain_of(name, pairs);
}

Problem read(const std::filesystem::path& data) {
  Problem problem = problem_of_pairs();
  const auto of_split = [&](const char* split) {
    return read_pairs(data, deepfake::training_place(split));
  };
  const FacePairs train = of_split("train"), validation = of_split("val"), test = of_split("test");
  for (const auto& [name, spoil] : {std::pair("light", quality(light_jpeg, light_blur)),
                                    std::pair("strong", quality(strong_jpeg, strong_blur))}) {
    problem.train.push_back(spoiled(name, train, spoil));
    problem.validation.push_back(spoiled(name, validation, spoil));
  }
  const auto add_test = [&](const std::string& name, const Spoil& spoil, bool shifted) {
    problem.tests.push_back(spoiled(name, test, spoil));
    problem.tests.back().shifted = shifted;
  };
  add_test("none", corruption("none", 0), false);
  for (const auto& [name, levels] : deepfake::corruptions()) {
    for (const double level : levels) {
      std::ostringstream title;
      title << name << ' ' << level;
      add_test(title.str(), corruption(name, level), !shown_in_training(name, level));
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
