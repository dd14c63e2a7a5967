// SPDX-License-Identifier: MIT
// What the index reader and select share.
#pragma once

#include <string>

#include "data/index.hpp"

namespace deepfake {

/// FF-real and FF-DF, CelebDFv2_real and CelebDFv2_fake are of one family: what stands before the
/// first - or _.
std::string label_family(const std::string& label);

bool is_split(const std::string& name);
bool is_compression(const std::string& name);

struct NamedSet {
  std::string dataset;
  std::string compression;
};
/// "FF-DF_c40" is FF-DF in c40.
NamedSet split_compression(const std::string& name);

/// Whether @p selection keeps @p video, frames aside.
bool keeps(const Selection& selection, const Video& video);

/// Sets Video::real_partner by the videos' names.
void link_real_partners(Index& index);

}  // namespace deepfake
