// SPDX-License-Identifier: MIT
// The frames of one video, as import keeps them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/face_crop.hpp"
#include "data/face_track.hpp"
#include "data/import.hpp"
#include "data/import_sources.hpp"
#include "data/video_frames.hpp"

namespace deepfake {

/// What became of one video.
struct Extracted {
  /// Paths for the index, by person. One list, unless every person is kept.
  std::vector<std::vector<std::string>> people;
  std::size_t written = 0;
  std::size_t in_place = 0;
  std::size_t faceless = 0;
  std::vector<std::string> unreadable;
};

/// Extracts videos one after the other; a thread has its own.
class FrameExtractor {
 public:
  explicit FrameExtractor(const ImportOptions& options);

  Extracted extract(const SourceVideo& source);

 private:
  std::filesystem::path below_rgb(std::size_t person) const;
  std::filesystem::path frame_file(std::size_t person, int number) const;
  std::filesystem::path landmark_file(std::size_t person, int number) const;
  bool is_there(std::size_t person, int number) const;
  /// Whether nothing of the frame has to be made; unknown for several people.
  bool is_done(int number) const;
  std::vector<NumberedImage> spaced_images(const std::filesystem::path& folder) const;
  std::vector<int> extract_video(const std::filesystem::path& file);
  std::vector<int> convert_images(const std::vector<NumberedImage>& images);
  /// @return whether there was something to write
  bool write(const VideoFrame& frame);
  void write(std::size_t person, int number, const FaceCut& cut);
  std::string name_of(const std::filesystem::path& file) const;
  void remember_people() const;
  bool recall_people();

  const ImportOptions& options_;
  std::optional<FaceCutter> cutter_;
  // Of this video:
  FaceTrack track_;
  PeopleTracks tracks_;
  std::filesystem::path folder_;  // below rgb/
  Extracted result_;
  std::set<std::filesystem::path> written_;
  std::vector<std::set<int>> numbers_;  // of frames, by person
};

}  // namespace deepfake
