// SPDX-License-Identifier: MIT
// Faces by the steps of dlib's own examples, from dlib's own image reader.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <vector>

namespace deepfake::testing {

/// Boxes in the picture. None without dlib.
std::vector<cv::Rect> dlib_example_faces(const std::filesystem::path& picture);

/// dlib's photographs of people, which Debian's libdlib19.1 brings.
inline std::filesystem::path dlib_photographs() { return "/usr/share/doc/libdlib19.1/examples"; }

}  // namespace deepfake::testing
