// SPDX-License-Identifier: MIT
// A person known from photographs, as the frames of a video.
#pragma once

#include <string>

#include "photos/album.hpp"
#include "random/random.hpp"
#include "synthetic/face.hpp"
#include "synthetic/manipulation.hpp"
#include "synthetic/publish.hpp"

namespace deepfake {

class PhotoPerson {
 public:
  /// @param aligned whether the portraits are aligned crops, or were cut around a detector's box
  /// @param number names the person in the data set
  PhotoPerson(const AlbumPerson& person, bool aligned, int number);

  std::string name() const;  ///< at least three digits
  const AlbumPerson& album() const { return *person_; }
  const Portrait& portrait(int frame) const {
    return person_->portraits[static_cast<std::size_t>(frame) % person_->portraits.size()];
  }
  /// Mean colour of the face.
  cv::Vec3f colour() const;

  /// Frame k: a portrait, moved, turned, scaled, lit and noised a little.
  /// @param stream the person's, in this data set
  Face frame(const Random& stream, int k, int size) const;

 private:
  const AlbumPerson* person_;
  bool aligned_;
  int number_;
};

/// One channel three times: a mean of the channels would have less noise than each.
cv::Mat grey_of(const cv::Mat& image);

/// Where the face lies in a square around the box that the detector found.
FaceGeometry detected_geometry(int size);

}  // namespace deepfake
