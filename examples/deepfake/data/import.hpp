// SPDX-License-Identifier: MIT
// Turns raw videos and images into DeepfakeBench's layout and index, which the other commands read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/face_crop.hpp"
#include "files/left_out.hpp"

namespace deepfake {

struct ImportOptions {
  /// Raw FaceForensics++ or Celeb-DF, known by their folders; or a tree of folders, one of real
  /// and one for each kind of fake, possibly below train, val and test.
  std::filesystem::path from;
  std::filesystem::path output;  ///< gets rgb/ and dataset_json/
  std::string name = {};         ///< of a tree's data set; the output folder's if empty
  std::size_t frames = 32;       ///< per video, evenly spaced; 0: all
  bool crop_faces = false;       ///< also if they are to be aligned
  FaceCropOptions face = {};     ///< aligned faces get landmarks/ beside frames/
  /// A video for every person, of whom the first keeps its name: 000, 000@2, ... Everybody in a
  /// fake counts as fake.
  bool every_person = false;
  std::string compression = "c23";  ///< of FaceForensics++
  std::uint64_t seed = 0;           ///< of the splits, where the data has none of its own
  unsigned threads = 1;             ///< the result does not depend on it
};

/// What was left out, by name relative to ImportOptions::from.
struct ImportFaults {
  std::vector<std::string> unreadable;      ///< videos and images that cannot be decoded
  std::vector<std::string> without_face;    ///< videos, with the number of their faceless frames
  std::vector<std::string> without_frames;  ///< videos of which no frame is left
  std::vector<std::string> unlisted;        ///< videos in none of the data's split lists
  std::vector<std::string> across_splits;   ///< videos of people who are in another split
  std::vector<std::string> absent;          ///< videos of the data's lists that are not there
  std::vector<std::string> ignored;         ///< files and folders that are none of this, and why
};

struct ImportResult {
  std::string kind;                   ///< what the data was taken for
  std::vector<std::string> datasets;  ///< an index file each
  std::size_t videos = 0;             ///< listed in them
  std::size_t frames = 0;
  std::size_t written = 0;   ///< of the frames, by this call
  std::size_t in_place = 0;  ///< of the frames, listed where they were
  ImportFaults faults;
};

/// Can be stopped at any moment and called again: frames that are there are not made anew.
/// @param progress called with the videos done and their number
/// @throws std::runtime_error, one line: data that is not understood, a missing split list, an
/// output that other options or somebody else made
ImportResult import_data(const ImportOptions& options,
                         const std::function<void(std::size_t, std::size_t)>& progress = {});

/// A line for each kind of fault. Empty if there is none.
std::string to_text(const ImportFaults& faults);
/// All of them, for OUTPUT/left_out.csv.
std::vector<LeftOut> left_out(const ImportFaults& faults);

}  // namespace deepfake
