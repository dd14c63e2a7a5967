// SPDX-License-Identifier: MIT
// The one step through which every frame goes on its way to disk, real and fake alike.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <string_view>

#include "random/random.hpp"

namespace deepfake {

struct PublishOptions {
  cv::Rect crop;     ///< part of the image that is kept
  int size = 64;     ///< width and height of the result
  int quality = 90;  ///< JPEG quality, 4:2:0
};

/// How frame k of a person and all its forgeries are published: the crop varies from frame to
/// frame, the quality from video to video.
/// @param captured side of the image before the crop, at least `size`
PublishOptions sample_publishing(const Random& person, int k, int captured, int size,
                                 int quality_low, int quality_high);

/// Crops, resizes, goes through JPEG and back.
/// @param image CV_32FC3 in [0, 1]
/// @return CV_8UC3
cv::Mat publish(const cv::Mat& image, const PublishOptions& options);

/// The same crop and size for a manipulation mask, made binary.
/// @return CV_8U, 0 or 255
cv::Mat publish_mask(const cv::Mat& mask, const PublishOptions& options);

/// Writes a PNG, making folders as needed.
/// @throws std::runtime_error naming the file and the reason
void write_image(const std::filesystem::path& file, const cv::Mat& image);

/// replace_file(), making folders as needed.
void write_file(const std::filesystem::path& file, std::string_view content);

}  // namespace deepfake
