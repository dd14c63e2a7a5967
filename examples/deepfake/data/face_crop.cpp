// SPDX-License-Identifier: MIT
#include "data/face_crop.hpp"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr char cascade_name[] = "haarcascade_frontalface_alt2.xml";

}  // namespace

fs::path find_face_cascade() {
  std::string searched;
  for (const fs::path prefix : {DEEPFAKE_OPENCV_PREFIX, "/usr", "/usr/local", "/opt/opencv"}) {
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

FaceCropper::FaceCropper(FaceCropOptions options) : options_(std::move(options)) {
  if (options_.cascade.empty()) options_.cascade = find_face_cascade();
  bool loaded = false;
  try {
    loaded = fs::is_regular_file(options_.cascade) && cascade_.load(options_.cascade.string());
  } catch (const cv::Exception&) {
    loaded = false;  // reported below, with the file's name
  }
  if (!loaded) {
    throw std::runtime_error(options_.cascade.string() +
                             ": not a Haar cascade; name one of OpenCV's haarcascades/*.xml");
  }
}

std::vector<cv::Rect> FaceCropper::faces(const cv::Mat& rgb) {
  // Faces to train on fill more than a thirtieth of a frame; larger frames only cost time.
  constexpr int working_side = 720, smallest_part = 30, cascade_side = 20;
  cv::Mat grey;
  cv::cvtColor(rgb, grey, cv::COLOR_RGB2GRAY);
  const int side = std::min(grey.rows, grey.cols);
  const double scale = std::max(1.0, static_cast<double>(side) / working_side);
  if (scale > 1) cv::resize(grey, grey, {}, 1 / scale, 1 / scale, cv::INTER_AREA);
  cv::equalizeHist(grey, grey);
  const int smallest = std::max(std::min(grey.rows, grey.cols) / smallest_part, cascade_side);
  std::vector<cv::Rect> found;
  cascade_.detectMultiScale(grey, found, 1.1, 4, 0, cv::Size(smallest, smallest));
  for (cv::Rect& face : found) {
    face = cv::Rect(cvRound(face.x * scale), cvRound(face.y * scale), cvRound(face.width * scale),
                    cvRound(face.height * scale));
  }
  // Places break ties: the order of detection depends on OpenCV's threads.
  std::ranges::sort(found, {},
                    [](const cv::Rect& face) { return std::tuple(-face.area(), face.y, face.x); });
  return found;
}

std::optional<cv::Mat> FaceCropper::crop(const cv::Mat& rgb) {
  const std::vector<cv::Rect> found = faces(rgb);
  if (found.empty()) return std::nullopt;
  return crop(rgb, found.front());
}

cv::Mat FaceCropper::crop(const cv::Mat& rgb, const cv::Rect& face) const {
  const int side = std::max(cvRound(std::max(face.width, face.height) * options_.margin), 1);
  const cv::Point2f centre(static_cast<float>(face.x) + static_cast<float>(face.width - 1) / 2,
                           static_cast<float>(face.y) + static_cast<float>(face.height - 1) / 2);
  cv::Mat part;
  cv::getRectSubPix(rgb, cv::Size(side, side), centre, part);
  cv::Mat result;
  cv::resize(part, result, cv::Size(options_.size, options_.size), 0, 0,
             side > options_.size ? cv::INTER_AREA : cv::INTER_CUBIC);
  return result;
}

}  // namespace deepfake
