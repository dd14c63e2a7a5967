// SPDX-License-Identifier: MIT
#include "data/landmark_finder.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#if ROGA_HAS_DLIB
#include <dlib/array2d.h>
#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>
#include <dlib/revision.h>
#endif

namespace deepfake {

namespace fs = std::filesystem;

fs::path find_landmark_model(const fs::path& given) {
  if (!given.empty()) {
    if (fs::is_regular_file(given)) return given;
    throw std::runtime_error(given.string() +
                             ": no such file of landmarks; name dlib's file of 68 points, or leave "
                             "--landmarks out");
  }
  constexpr const char* name = "shape_predictor_68_face_landmarks.dat";
  std::string searched;
  for (const fs::path folder : {"/usr/share/dlib", "/usr/local/share/dlib"}) {
    if (fs::exists(folder / name)) return folder / name;
    searched += (searched.empty() ? "" : ", ") + folder.string();
  }
  throw std::runtime_error(std::string(name) +
                           " not found; install dlib's data (Debian: libdlib-data) or name the "
                           "file with --landmarks; searched " +
                           searched);
}

#if ROGA_HAS_DLIB

namespace {

using Trees = std::shared_ptr<const dlib::shape_predictor>;

/// Read once for all threads: the file has 100 MB.
Trees landmark_trees(const fs::path& file) {
  static std::mutex one_at_a_time;
  static std::map<fs::path, std::weak_ptr<const dlib::shape_predictor>> known;
  const std::lock_guard lock(one_at_a_time);
  std::weak_ptr<const dlib::shape_predictor>& place = known[file];
  if (Trees trees = place.lock()) return trees;
  auto trees = std::make_shared<dlib::shape_predictor>();
  try {
    dlib::deserialize(file.string()) >> *trees;
  } catch (const std::exception&) {
    throw std::runtime_error(file.string() +
                             ": no file of dlib's landmarks, or damaged; name another with "
                             "--landmarks");
  }
  const unsigned long points = trees->num_parts();
  if (points != 68 && points != 81) {
    throw std::runtime_error(file.string() + ": has " + std::to_string(points) +
                             " landmarks; faces are aligned by 68 or 81");
  }
  place = trees;
  return trees;
}

}  // namespace

const char* dlib_version() {
  static const std::string version =
      "dlib " + std::to_string(DLIB_MAJOR_VERSION) + '.' + std::to_string(DLIB_MINOR_VERSION);
  return version.c_str();
}

void require_dlib() {}

struct LandmarkFinder::Search {
  Trees trees;
  int enlargements;
  dlib::frontal_face_detector detector;  // looking changes its buffers only
};

LandmarkFinder::LandmarkFinder(const fs::path& model, int enlargements)
    : search_(std::make_unique<Search>(
          Search{landmark_trees(model), enlargements, dlib::get_frontal_face_detector()})) {}

std::vector<FoundFace> LandmarkFinder::faces(const cv::Mat& rgb) const {
  dlib::array2d<dlib::rgb_pixel> image(rgb.rows, rgb.cols), searched;
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const auto& pixel = rgb.at<cv::Vec3b>(y, x);
      image[y][x] = {pixel[0], pixel[1], pixel[2]};
    }
  }
  dlib::assign_image(searched, image);
  dlib::pyramid_down<2> pyramid;
  for (int n = 0; n < search_->enlargements; ++n) dlib::pyramid_up(searched, pyramid);
  std::vector<FoundFace> faces;
  for (const dlib::rectangle& found : search_->detector(searched)) {
    const dlib::rectangle box =
        pyramid.rect_down(found, static_cast<unsigned int>(search_->enlargements));
    FoundFace face{cv::Rect(static_cast<int>(box.left()), static_cast<int>(box.top()),
                            static_cast<int>(box.width()), static_cast<int>(box.height()))};
    const dlib::full_object_detection points = (*search_->trees)(image, box);
    for (unsigned long i = 0; i < points.num_parts(); ++i) {
      face.landmarks.emplace_back(static_cast<double>(points.part(i).x()),
                                  static_cast<double>(points.part(i).y()));
    }
    face.box &= cv::Rect(0, 0, rgb.cols, rgb.rows);
    faces.push_back(std::move(face));
  }
  const auto rank = [](const FoundFace& face) {
    return std::tuple(-face.box.area(), face.box.x, face.box.y, face.box.width);
  };
  std::ranges::sort(faces, {}, rank);
  return faces;
}

#else

const char* dlib_version() { return ""; }

void require_dlib() {
  throw std::runtime_error(
      "--align needs dlib, which this program was built without; install it "
      "(scripts/install_dependencies.sh faces; Debian: libdlib-dev, libdlib-data) and build again, "
      "or take the crops of OpenCV's Haar cascade with --crop-faces");
}

struct LandmarkFinder::Search {};

LandmarkFinder::LandmarkFinder(const fs::path&, int) { require_dlib(); }

std::vector<FoundFace> LandmarkFinder::faces(const cv::Mat&) const { return {}; }

#endif

LandmarkFinder::~LandmarkFinder() = default;
LandmarkFinder::LandmarkFinder(LandmarkFinder&&) noexcept = default;
LandmarkFinder& LandmarkFinder::operator=(LandmarkFinder&&) noexcept = default;

}  // namespace deepfake
