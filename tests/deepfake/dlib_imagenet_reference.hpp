// SPDX-License-Identifier: MIT
// dlib's own ResNet-34, to compare with.
#pragma once

#include <filesystem>
#include <memory>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace deepfake::testing {

class DlibImageNet {
 public:
  static bool is_there();  ///< whether the tests were built with dlib

  explicit DlibImageNet(const std::filesystem::path& file);
  ~DlibImageNet();

  /// Of 8-bit RGB, 227 x 227, by dlib's own conversion: 1000 logits.
  std::vector<float> logits(const cv::Mat& rgb);
  /// Of numbers that are ready for the first convolution, [3, side, side].
  std::vector<float> logits(const std::vector<float>& numbers, int side);
  const std::vector<std::string>& labels() const;

 private:
  struct Net;
  std::unique_ptr<Net> net_;
};

}  // namespace deepfake::testing
