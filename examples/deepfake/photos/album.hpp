// SPDX-License-Identifier: MIT
// The people in a folder of photographs.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace deepfake {

struct AlbumOptions {
  std::filesystem::path folder;
  std::filesystem::path cascade;  ///< empty: OpenCV's own
  bool crop = true;               ///< false: every image is an aligned face crop already
  int side = 72;                  ///< of the frames that the portraits are for, pixels
};

/// A square part of a photograph, with the face in its middle.
struct Portrait {
  std::string photo;   ///< path under the folder
  cv::Rect box;        ///< the face as found there; the whole image without cropping
  cv::Mat image;       ///< CV_8UC3, BGR
  bool grey = false;   ///< a black-and-white photograph; its forgeries are so, too
  float share = 1.0F;  ///< of the image's side that a frame shows; the rest is room to move
};

struct AlbumPerson {
  std::string key;  ///< a sub-folder's name, or the photograph and the number of the face
  std::vector<Portrait> portraits;
};

struct Album {
  std::vector<AlbumPerson> people;    ///< sorted by key
  std::vector<std::string> left_out;  ///< one line for each photograph that gave less than it could
};

inline constexpr int smallest_portrait = 40;  ///< pixels; smaller faces are left out

/// The image files under the folder, sorted; paths relative to it.
/// @throws std::runtime_error if it is not a folder or has no images
std::vector<std::filesystem::path> photo_files(const std::filesystem::path& folder);

/// Hash of the files' names and contents.
std::string photo_hash(const std::filesystem::path& folder,
                       const std::vector<std::filesystem::path>& files);

/// Each face of a photograph in the folder itself is a person. Each sub-folder is one person, with
/// the largest face of each of its photographs.
Album read_album(const AlbumOptions& options);

}  // namespace deepfake
