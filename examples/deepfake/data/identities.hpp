// SPDX-License-Identifier: MIT
// People must not cross splits: a detector that knows the faces of the test set proves nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data/index.hpp"

namespace deepfake {

/// The people in a video, told from its name: "071_054" (target_source) shows 071 and 054,
/// "id0_id1_0003" id0 and id1, "01_02__walking" 01 and 02, "000_M101" 000 and M101. Any other name
/// stands for one person; a fake's is its real partner's. "071_054@2", the second person that was
/// found in that video, counts as all whom its name tells.
std::vector<std::string> identities(const Index& index, const Video& video);

/// How many people are told apart by numbers in names alone: 071, 054, 01, 02 and 17 in "071_054",
/// "01_02__walking" and "17". Such numbers may mean something else.
std::size_t count_numbered_people(const Index& index);

/// One person in two splits.
struct IdentityLeak {
  std::string identity;
  std::string first_split;
  std::string first_video;
  std::string second_split;
  std::string second_video;
};
std::vector<IdentityLeak> identity_leaks(const Index& index);

/// @throws std::runtime_error naming the first leak and their number.
void require_disjoint_identities(const Index& index);

}  // namespace deepfake
