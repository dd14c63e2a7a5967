// SPDX-License-Identifier: MIT
// Looks at data before somebody trains on it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data/identities.hpp"
#include "data/index.hpp"

namespace deepfake {

struct CheckOptions {
  bool read_images = true;  ///< decode every frame; otherwise only look whether the file is there
  unsigned threads = 1;
  bool all_bytes = false;       ///< fingerprint all that the files hold
  std::size_t named_files = 5;  ///< how many bad files the text names
};

/// Videos and frames of one label in one split of a data set.
struct GroupCount {
  std::string dataset;
  std::string label;
  std::string split;
  std::string compression;
  bool is_fake = false;
  std::size_t videos = 0;
  std::size_t frames = 0;
  std::size_t without_real = 0;  ///< fakes whose real partner is not listed
  std::size_t min_frames = 0;    ///< per video
  double median_frames = 0;
  std::size_t max_frames = 0;
};

struct DataCheck {
  bool synthetic = false;
  std::string fingerprint;
  std::vector<GroupCount> groups;
  std::vector<std::size_t> videos_by_frames;  ///< histogram: entry n, videos with n frames
  std::vector<std::string> bad_files;
  std::vector<std::string> odd_entries;
  std::vector<std::string> empty_entries;   ///< no fault: nothing is lost
  std::vector<std::string> unknown_labels;  ///< with the number of videos
  std::vector<std::string> without_frames;
  std::vector<std::string> repeated;        ///< videos that list frames more than once
  std::vector<std::string> contradictions;  ///< labels other than their group's
  std::vector<std::string> same_content;    ///< equal images in two splits, by pairs of videos
  std::vector<std::string> copies;          ///< the same in one split: no fault
  std::vector<std::string> val_is_test;     ///< data sets that validate on their test videos
  std::vector<std::string> missing;         ///< frame files, in the index's order
  std::vector<std::string> unreadable;
  std::size_t grey = 0;  ///< images without colour: no fault, but worth knowing
  std::vector<IdentityLeak> leaks;
  std::vector<std::string> one_class;  ///< data set and split with only reals or only fakes
  /// Data sets without a test split, or with a train and no val split: no fault, but not sound.
  std::vector<std::string> empty_splits;
  bool has_compared = false;  ///< the images were looked at, and equal ones looked for

  /// Whether there is no fault.
  bool ok() const;
  /// Whether there is nothing to say against training and testing on it, as far as one can see.
  bool is_sound() const { return ok() && has_compared && empty_splits.empty(); }
};

DataCheck check_data(const Index& index, const CheckOptions& options = {});

/// What check-data prints: the verdict comes last.
/// @param width of the terminal; 0: all columns, however wide
std::string to_text(const DataCheck& check, std::size_t named_files = 5, std::size_t width = 0);

}  // namespace deepfake
