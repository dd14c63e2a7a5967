// SPDX-License-Identifier: MIT
#include "photos/photo_person.hpp"

#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "synthetic/adapt.hpp"
#include "synthetic/camera.hpp"
#include "synthetic/dataset.hpp"

namespace deepfake {
namespace {

/// Each video has its own camera. Without it the people of one group photograph share their grain
/// and sharpness to a hair, and the least smoothing gives a forgery away.
struct Camera {
  float blur, noise;  ///< pixels of a 64-pixel frame; deviation

  explicit Camera(Random random)
      : blur(random.uniform(0.25F, 0.75F)), noise(random.uniform(0.006F, 0.022F)) {}
};

/// What differs between two frames of one photograph.
struct Nuisance {
  float scale, roll, shift_x, shift_y, gain;

  explicit Nuisance(Random random)
      : scale(random.uniform(0.96F, 1.04F)),
        roll(random.uniform(-0.05F, 0.05F)),
        shift_x(random.uniform(-0.025F, 0.025F)),
        shift_y(random.uniform(-0.025F, 0.025F)),
        gain(random.uniform(0.94F, 1.06F)) {}

  /// Scales by factor * scale, turns, and takes the middle of one square to that of another.
  cv::Matx23d map(float factor, int from, int to) const {
    const double f = static_cast<double>(factor * scale);
    const double c = f * std::cos(static_cast<double>(roll));
    const double s = f * std::sin(static_cast<double>(roll));
    const double middle = 0.5 * from - 0.5;  // pixel centres are at whole numbers here
    const double x = 0.5 * to - 0.5 + static_cast<double>(shift_x) * to;
    const double y = 0.5 * to - 0.5 + static_cast<double>(shift_y) * to;
    return {c, -s, x - c * middle + s * middle, s, c, y - s * middle - c * middle};
  }

  FaceGeometry moved(FaceGeometry g, int size) const {
    const cv::Matx23d m = map(1.0F, size, size);
    for (cv::Point2f* point :
         {&g.left_eye, &g.right_eye, &g.nose, &g.left_mouth, &g.right_mouth, &g.centre}) {
      const cv::Vec2d p = m * cv::Vec3d(static_cast<double>(point->x) - 0.5,
                                        static_cast<double>(point->y) - 0.5, 1.0);
      *point = {static_cast<float>(p[0]) + 0.5F, static_cast<float>(p[1]) + 0.5F};
    }
    g.half_axes *= scale;
    g.roll += roll;
    return g;
  }
};

/// Grain is measured on the face: what lies behind it may be out of focus.
cv::Rect inner_face(const FaceGeometry& g, int size) {
  const cv::Size2f half(0.8F * g.half_axes.width, 0.8F * g.half_axes.height);
  const cv::Rect box(cvRound(g.centre.x - half.width), cvRound(g.centre.y - half.height),
                     cvRound(2.0F * half.width), cvRound(2.0F * half.height));
  return box & cv::Rect(0, 0, size, size);
}

}  // namespace

cv::Mat grey_of(const cv::Mat& image) {
  cv::Mat one, result;
  cv::extractChannel(image, one, 1);
  cv::merge(std::array{one, one, one}, result);
  return result;
}

FaceGeometry detected_geometry(int size) {
  const auto s = static_cast<float>(size);
  // Positions in the detector's box, measured on portraits; the frame shows 1.38 boxes.
  const auto at = [s](float x, float y) {
    return cv::Point2f{(0.5F + (x - 0.5F) / 1.38F) * s, (0.5F + (y - 0.5F) / 1.38F) * s};
  };
  FaceGeometry g;
  g.left_eye = at(0.31F, 0.40F);
  g.right_eye = at(0.69F, 0.40F);
  g.nose = at(0.50F, 0.60F);
  g.left_mouth = at(0.35F, 0.79F);
  g.right_mouth = at(0.65F, 0.79F);
  g.centre = at(0.50F, 0.55F);
  g.half_axes = {0.39F / 1.38F * s, 0.48F / 1.38F * s};
  return g;
}

PhotoPerson::PhotoPerson(const AlbumPerson& person, bool aligned, int number)
    : person_(&person), aligned_(aligned), number_(number) {}

std::string PhotoPerson::name() const { return person_name(number_); }

cv::Vec3f PhotoPerson::colour() const {
  const cv::Mat& image = person_->portraits.front().image;
  const int third = image.cols / 3;
  const cv::Scalar mean = cv::mean(image(cv::Rect(third, third, third, third)));
  return {static_cast<float>(mean[0]), static_cast<float>(mean[1]), static_cast<float>(mean[2])};
}

Face PhotoPerson::frame(const Random& stream, int k, int size) const {
  const Portrait& portrait = this->portrait(k);
  const Nuisance nuisance(stream.fork("frame", k));
  const int side = portrait.image.cols;
  const float factor = static_cast<float>(size) / (portrait.share * static_cast<float>(side));
  cv::Mat photo;
  portrait.image.convertTo(photo, CV_32FC3, 1.0 / 255.0);
  Face face;
  cv::warpAffine(photo, face.image, nuisance.map(factor, side, size), {size, size}, cv::INTER_CUBIC,
                 cv::BORDER_REFLECT_101);
  face.image = cv::min(cv::max(face.image * static_cast<double>(nuisance.gain), 0.0), 1.0);
  const Camera camera(stream.fork("camera"));
  face.image = blur(face.image, camera.blur * static_cast<float>(size) / 64.0F);
  Random sensor = stream.fork("sensor", k);
  add_noise(face.image, camera.noise, sensor);
  face.geometry =
      nuisance.moved(aligned_ ? template_geometry(size) : detected_geometry(size), size);
  if (portrait.grey) face.image = grey_of(face.image);
  face.noise = estimate_noise(face.image(inner_face(face.geometry, size)).clone());
  return face;
}

}  // namespace deepfake
