// SPDX-License-Identifier: MIT
// An aligned face crop, rendered or photographed, as the manipulations see it.
#pragma once

#include <opencv2/core.hpp>

namespace deepfake {

/// Where the face lies in its crop, in pixels. Left and right are the viewer's.
struct FaceGeometry {
  cv::Point2f left_eye, right_eye, nose, left_mouth, right_mouth;
  cv::Point2f centre;    ///< centre of the face region
  cv::Size2f half_axes;  ///< half width and half height of the face region
  float roll = 0.0F;     ///< rotation of the face in the image plane, radians
};

/// Geometry of a crop aligned in DeepfakeBench's way (five key points on the ArcFace template,
/// margin 1.3): what to assume of a photograph that was cropped so.
FaceGeometry template_geometry(int size);

struct Face {
  cv::Mat image;  ///< CV_32FC3, BGR, display-encoded, in [0, 1]
  FaceGeometry geometry;
  float noise = 0.0F;  ///< standard deviation of the sensor noise, see estimate_noise()
};

/// Standard deviation of the pixel noise of an image, from the median absolute response of a
/// filter that ignores planes and edges along the axes.
float estimate_noise(const cv::Mat& image);

}  // namespace deepfake
