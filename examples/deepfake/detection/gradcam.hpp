// SPDX-License-Identifier: MIT
// Where a detector looks (Selvaraju et al., ICCV 2017, arXiv 1610.02391).
#pragma once

#include <opencv2/core.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/face_crop.hpp"
#include "detection/test_data.hpp"
#include "networks/detector.hpp"
#include "runs/analysis_files.hpp"

namespace deepfake {

struct HeatMap {
  cv::Mat heat;  ///< as large as the image, float in [0, 1]; 0 everywhere if nothing speaks for it
  double prob = 0;  ///< of "fake"
};

/// Grad-CAM of the decision for "fake": the feature maps A_c, weighted by the mean gradient of the
/// logit y along each,
///     heat = relu(sum_c w_c A_c) / max,   w_c = mean_ij dy / dA_c,ij,
/// enlarged to the image. One forward pass, and a backward pass through the head.
/// @param image 8-bit RGB of the network's size
/// @throws std::runtime_error for a network without feature maps
HeatMap grad_cam(Detector& detector, const cv::Mat& image);

/// The image beside itself under its heat map, 8-bit RGB.
cv::Mat side_by_side(const cv::Mat& image, const HeatMap& map);

struct GradCamOptions : TestOptions {
  std::size_t per_domain = 4;  ///< frames of each manipulation, and of the reals of each data set
  std::optional<FaceCropOptions> faces = {};  ///< cut out the largest; else whole frames are judged
};

/// Writes RUN/gradcam/: a picture for each frame, evenly spaced over each label's videos, and
/// index.csv, which the report reads.
std::vector<GradCamRow> write_grad_cams(const GradCamOptions& options);

}  // namespace deepfake
