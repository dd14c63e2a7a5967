// SPDX-License-Identifier: MIT
#include "photos/face_finder.hpp"

#include <algorithm>
#include <array>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <tuple>

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr const char* cascade_name = "haarcascade_frontalface_alt2.xml";
constexpr std::array share_folders{"/usr/share/opencv4", "/usr/local/share/opencv4",
                                   "/usr/share/opencv", "/usr/local/share/opencv",
                                   "/opt/homebrew/share/opencv4"};

/// Larger photographs are searched at this size of their longer side: detection takes time in
/// proportion to the pixels, and a face that matters is not small there.
constexpr int searched_side = 2400;
constexpr int smallest_face = 24;  ///< pixels of the searched image; the cascade's window is 20

}  // namespace

fs::path find_cascade(const fs::path& given) {
  if (!given.empty()) {
    if (fs::is_regular_file(given)) return given;
    throw std::runtime_error(given.string() + ": no such face cascade; name an existing XML file");
  }
  for (const char* folder : share_folders) {
    const fs::path file = fs::path(folder) / "haarcascades" / cascade_name;
    if (fs::is_regular_file(file)) return file;
  }
  throw std::runtime_error(std::string("no ") + cascade_name +
                           " in OpenCV's share folders; install OpenCV's data (Debian: "
                           "opencv-data), name a cascade with --cascade, or use --no-crop");
}

FaceFinder::FaceFinder(const fs::path& cascade) {
  bool loaded = false;
  try {
    loaded = classifier_.load(cascade.string());
  } catch (const cv::Exception&) {
    loaded = false;  // reported below, with the file's name
  }
  if (!loaded) {
    throw std::runtime_error(cascade.string() +
                             ": not a face cascade that OpenCV reads; name another file");
  }
}

std::vector<cv::Rect> FaceFinder::faces(const cv::Mat& rgb) const {
  cv::Mat grey;
  cv::cvtColor(rgb, grey, cv::COLOR_RGB2GRAY);
  const double shrink =
      std::min(1.0, static_cast<double>(searched_side) / std::max(grey.cols, grey.rows));
  if (shrink < 1.0) cv::resize(grey, grey, {}, shrink, shrink, cv::INTER_AREA);
  cv::equalizeHist(grey, grey);
  std::vector<cv::Rect> boxes;
  if (std::min(grey.cols, grey.rows) < smallest_face) return boxes;
  classifier_.detectMultiScale(grey, boxes, 1.08, 4, 0, {smallest_face, smallest_face});
  for (cv::Rect& box : boxes) {
    const auto back = [shrink](int v) { return cvRound(v / shrink); };
    box = cv::Rect(back(box.x), back(box.y), back(box.width), back(box.height)) &
          cv::Rect(0, 0, rgb.cols, rgb.rows);
  }
  const auto rank = [](const cv::Rect& box) {
    return std::tuple(-box.area(), box.x, box.y, box.width);
  };
  std::ranges::sort(boxes, {}, rank);
  return boxes;
}

}  // namespace deepfake
