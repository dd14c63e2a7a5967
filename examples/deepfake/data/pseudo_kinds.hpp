// SPDX-License-Identifier: MIT
// The kinds of forgery that training makes from real frames: their names, and what they make known.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/index.hpp"

namespace deepfake {

/// A kind, and the sets of make-data that hold forgeries of the same kind.
struct PseudoKind {
  std::string_view name;
  std::string_view twin;  ///< a label of make-data, without Synthetic-; empty: there is none
};
inline constexpr std::array pseudo_kinds{PseudoKind{"self-blend", "SBI_fake"},
                                         PseudoKind{"region-swap", "Partial_fake"},
                                         PseudoKind{"resample", "FWA_fake"},
                                         PseudoKind{"recolour", ""},
                                         PseudoKind{"warp", ""},
                                         PseudoKind{"recompress", ""}};

std::vector<std::string> pseudo_kind_names();

/// The domain, and label, of a kind's forgeries: pseudo-self-blend.
std::string pseudo_domain(std::string_view kind);

/// The kind among @p train_domains whose forgeries are those of @p label; empty if there is none.
std::string trained_twin(std::span<const std::string> train_domains, std::string_view label);

/// Adds, for each kind, a fake video to each real one: of the same frames, which are forged when
/// they are asked for.
void add_pseudo_videos(Index& index, std::span<const std::string> kinds);

/// @p index without those.
Index without_pseudo(Index index);
/// @p index without any fake.
Index only_real(Index index);

}  // namespace deepfake
