// SPDX-License-Identifier: MIT
#include "data/face_finder.hpp"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <tuple>

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr const char* cascade_name = "haarcascade_frontalface_alt2.xml";

}  // namespace

fs::path find_cascade(const fs::path& given) {
  if (!given.empty()) {
    if (fs::is_regular_file(given)) return given;
    throw std::runtime_error(given.string() + ": no such face cascade; name an existing XML file");
  }
  std::string searched;
  for (const fs::path prefix :
       {DEEPFAKE_OPENCV_PREFIX, "/usr", "/usr/local", "/opt/homebrew", "/opt/opencv"}) {
    for (const char* folder : {"share/opencv4", "share/opencv", "share/OpenCV", "etc"}) {
      const fs::path place = prefix / folder / "haarcascades";
      if (fs::exists(place / cascade_name)) return place / cascade_name;
      searched += (searched.empty() ? "" : ", ") + place.string();
    }
  }
  throw std::runtime_error(std::string(cascade_name) +
                           " not found; install OpenCV's data (Debian: opencv-data) or name the "
                           "file with --cascade; searched " +
                           searched);
}

FaceFinder::FaceFinder(const fs::path& cascade, FaceSearch search) : search_(search) {
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
      std::min(1.0, static_cast<double>(search_.longest_side) / std::max(grey.cols, grey.rows));
  if (shrink < 1.0) cv::resize(grey, grey, {}, shrink, shrink, cv::INTER_AREA);
  cv::equalizeHist(grey, grey);
  std::vector<cv::Rect> boxes;
  if (std::min(grey.cols, grey.rows) < search_.smallest) return boxes;
  classifier_.detectMultiScale(grey, boxes, search_.step, 4, 0,
                               {search_.smallest, search_.smallest});
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
