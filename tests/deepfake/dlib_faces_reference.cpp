// SPDX-License-Identifier: MIT
#include "dlib_faces_reference.hpp"

#if ROGA_HAS_DLIB
#include <dlib/image_io.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>
#endif

namespace deepfake::testing {

std::vector<cv::Rect> dlib_example_faces(const std::filesystem::path& picture) {
  std::vector<cv::Rect> boxes;
#if ROGA_HAS_DLIB
  dlib::frontal_face_detector detector = dlib::get_frontal_face_detector();
  dlib::array2d<dlib::rgb_pixel> image;
  dlib::load_image(image, picture.string());
  dlib::pyramid_up(image);
  for (const dlib::rectangle& box : detector(image)) {
    boxes.emplace_back(static_cast<int>(box.left() / 2), static_cast<int>(box.top() / 2),
                       static_cast<int>(box.width() / 2), static_cast<int>(box.height() / 2));
  }
#else
  static_cast<void>(picture);
#endif
  return boxes;
}

}  // namespace deepfake::testing
