// SPDX-License-Identifier: MIT
// What there is to import, before any of it is decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/import.hpp"
#include "data/index.hpp"

namespace deepfake {

struct SourceVideo {
  Video video;                   ///< without frames
  std::filesystem::path source;  ///< a video file, an image, or a folder of images
  std::filesystem::path folder;  ///< for its frames, below rgb/
  bool in_place = false;         ///< the images of `source` are listed where they are
};

struct Sources {
  std::string kind;
  std::vector<SourceVideo> videos;
  ImportFaults faults;
};

/// @throws std::runtime_error, one line
Sources find_sources(const ImportOptions& options);

// The kinds. Each takes a folder that was recognized.
Sources face_forensics_sources(const ImportOptions& options);
Sources celeb_df_sources(const ImportOptions& options);
Sources tree_sources(const ImportOptions& options);

/// Gives every video a split, 70 % of people to train and 15 % each to val and test, in an order
/// that depends on their names and @p seed only. People who share a video stay together. Where that
/// ties too many together, people are split one by one, a video goes with its first person, and
/// those that show people of two splits move from @p videos to @p faults.
void assign_splits(std::vector<SourceVideo>& videos, std::uint64_t seed, bool with_test,
                   ImportFaults& faults);

struct NumberedImage {
  int number = 0;
  std::filesystem::path file;
};
/// The images of a folder by the number at the end of their names; by name, and numbered from 0,
/// where those numbers do not tell them apart.
std::vector<NumberedImage> numbered_images(const std::filesystem::path& folder);

/// Entries of a folder by name, without hidden ones.
std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& folder);

}  // namespace deepfake
