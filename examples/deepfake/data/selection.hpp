// SPDX-License-Identifier: MIT
// What the index reader and select share.
#pragma once

#include <string>

#include "data/index.hpp"

namespace deepfake {

/// FF-real and FF-DF are of the family FF, CelebDFv2_real and CelebDFv2_fake of CelebDFv2.
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

/// Whether @p selection names the data set, in whatever compression, or none at all.
bool keeps_dataset(const Selection& selection, const std::string& dataset);

Faults select(const Faults& faults, const Selection& selection);

/// Sets Video::real_partner by the videos' names.
void link_real_partners(Index& index);

}  // namespace deepfake
