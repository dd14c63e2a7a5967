// SPDX-License-Identifier: MIT
#include "generalization/problem.hpp"

#include <algorithm>
#include <stdexcept>

#include "generalization/emoji.hpp"
#include "generalization/faces.hpp"
#include "generalization/fashion.hpp"
#include "generalization/quality.hpp"

namespace generalization {

std::vector<std::string> domains(const std::string& family) {
  if (family == "styles") return emoji_styles();
  if (family == "faces" || family == "manipulations") return face_domains(family);
  if (family == "quality") return {"quality"};
  if (family == "rotated" || family == "coloured") return fashion_domains(family);
  throw std::runtime_error(
      "family must be rotated, coloured, styles, faces, manipulations or quality, not " + family);
}

Problem make_problem(const ProblemOptions& options) {
  const auto names = domains(options.family);
  const auto check = [&](const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) {
      throw std::runtime_error("family " + options.family + " has no domain " + name);
    }
  };
  check(options.held_out);
  if (!options.also_left_out.empty()) check(options.also_left_out);
  if (options.also_left_out == options.held_out) {
    throw std::runtime_error("domain " + options.held_out + " is left out twice");
  }
  if (options.family == "faces" || options.family == "manipulations") {
    return faces_problem(options);
  }
  if (options.family == "quality") return quality_problem(options);
  return options.family == "styles" ? styles_problem(options) : fashion_problem(options);
}

}  // namespace generalization
