// SPDX-License-Identifier: MIT
// What four artists drew for the same emoji (scripts/fetch_emoji.sh): real images in four styles.
#pragma once

#include <map>

#include "generalization/problem.hpp"

namespace generalization {

/// fluent, google, openmoji and twitter.
const std::vector<std::string>& emoji_styles();

struct Emoji {
  std::map<std::string, at::Tensor>
      of_style;       ///< RGB on white in [-1, 1], [concepts, 3, side, side]
  at::Tensor labels;  ///< of concepts: the category, int64
  std::int64_t categories = 0;
};

/// @throws std::runtime_error naming the file that is missing or no 8-bit picture
Emoji read_emoji(const std::filesystem::path& folder, std::int64_t side);

/// Numbers of concepts in random order: half of them to train on, 15 % for validation, 35 % for the
/// test, whatever the style.
struct Concepts {
  at::Tensor train, validation, test;
};
Concepts split_concepts(std::int64_t count, std::uint64_t seed);

/// Pictures of 32 pixels, moved by up to two at random.
Problem styles_problem(const ProblemOptions& options);

}  // namespace generalization
