// SPDX-License-Identifier: MIT
#include "synthetic/manipulation.hpp"

#include <cmath>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "synthetic/adapt.hpp"
#include "synthetic/camera.hpp"
#include "synthetic/region.hpp"

namespace deepfake {
namespace {

struct Range {
  float low, high;
  float draw(Random& random) const { return random.uniform(low, high); }
};

/// Lengths are given for a 64-pixel crop.
float pixels(const Face& face) { return static_cast<float>(face.image.cols) / 64.0F; }

/// A generator's output carries no sensor noise. What a careful forger puts back: the frame's noise
/// times `share`, less what the picture still has.
void restore_noise(cv::Mat& image, float present, const Face& target, float share, Random& random) {
  const float wanted = share * target.noise;
  if (wanted > present) add_noise(image, std::sqrt(wanted * wanted - present * present), random);
}

/// What a generator leaves in all that it makes (Marra et al. 2019, arXiv 1812.11842): here the
/// ripple of its transposed convolutions, in light.
struct Fingerprint {
  float period_x, period_y;  ///< pixels of a 64-pixel crop; 0: the same all along
  float amplitude;           ///< the mean one; drawn anew for each frame, within a third of it
};
constexpr Fingerprint deepfakes_fingerprint{5.0F, 5.0F, 0.034F};
constexpr Fingerprint face2face_fingerprint{6.0F, 0.0F, 0.030F};
constexpr std::array neural_textures_fingerprints{Fingerprint{4.0F, 4.0F, 0.060F},
                                                  Fingerprint{8.0F, 8.0F, 0.030F}};

float wave(float at, float period, float phase) {
  constexpr float turn = 6.2832F;
  return period > 0.0F ? std::sin(turn * at / period + phase) : 1.0F;
}

void leave(const Fingerprint& fingerprint, cv::Mat& image, float unit, Random& random) {
  const float amplitude = fingerprint.amplitude * random.uniform(0.67F, 1.33F);
  const float phase_x = random.uniform(0.0F, 6.28F);
  const float phase_y = random.uniform(0.0F, 6.28F);
  for (int row = 0; row < image.rows; ++row) {
    const float y = wave(static_cast<float>(row) / unit, fingerprint.period_y, phase_y);
    for (int column = 0; column < image.cols; ++column) {
      const float x = wave(static_cast<float>(column) / unit, fingerprint.period_x, phase_x);
      image.at<cv::Vec3f>(row, column) += cv::Vec3f::all(amplitude * x * y);
    }
  }
}

struct SwapRanges {
  Range jitter;      ///< misplacement of the donor's key points, pixels
  Range resolution;  ///< of the decoder, 1: that of the frame
  Range blur;
  Range spread;  ///< share of the target's contrast that is taken over
  Range gain;    ///< light mismatch
  Range exponent, feather;
  Range detail, noise;
  const Fingerprint* fingerprint = nullptr;
};

constexpr SwapRanges deepfakes_ranges{.jitter = {0.0F, 0.8F},
                                      .resolution = {0.45F, 0.75F},
                                      .blur = {0.20F, 0.50F},
                                      .spread = {0.8F, 1.0F},
                                      .gain = {0.97F, 1.03F},
                                      .exponent = {2.0F, 2.6F},
                                      .feather = {0.25F, 0.50F},
                                      .detail = {0.4F, 0.8F},
                                      .noise = {0.7F, 1.0F},
                                      .fingerprint = &deepfakes_fingerprint};
constexpr SwapRanges faceswap_ranges{.jitter = {0.8F, 2.2F},
                                     .resolution = {1.0F, 1.0F},
                                     .blur = {0.0F, 0.0F},
                                     .spread = {0.0F, 0.2F},
                                     .gain = {0.60F, 1.40F},
                                     .exponent = {2.6F, 3.4F},
                                     .feather = {0.05F, 0.16F},
                                     .detail = {0.2F, 0.6F},
                                     .noise = {0.7F, 1.0F}};
constexpr SwapRanges shifted_ranges{.jitter = {0.0F, 1.0F},
                                    .resolution = {0.60F, 0.90F},
                                    .blur = {0.0F, 0.4F},
                                    .spread = {0.7F, 1.0F},
                                    .gain = {0.62F, 1.38F},
                                    .exponent = {2.0F, 3.0F},
                                    .feather = {0.18F, 0.45F},
                                    .detail = {0.3F, 0.8F},
                                    .noise = {0.6F, 1.0F}};
constexpr SwapRanges partial_ranges{.jitter = {0.0F, 1.0F},
                                    .resolution = {0.60F, 0.90F},
                                    .blur = {0.0F, 0.4F},
                                    .spread = {0.7F, 1.0F},
                                    .gain = {0.62F, 1.38F},
                                    .exponent = {2.0F, 3.0F},
                                    .feather = {0.20F, 0.50F},
                                    .detail = {0.3F, 0.8F},
                                    .noise = {0.5F, 0.9F}};

/// Puts the donor's face into the target's region, less what lies outside of the donor's face.
Forgery swap(const SwapRanges& ranges, Region region, const Face& target, const Face& donor,
             Random& random) {
  const float unit = pixels(target);
  const cv::Size size = target.image.size();
  region.exponent = ranges.exponent.draw(random);
  region.feather = ranges.feather.draw(random);
  region.half_axes *= random.uniform(0.92F, 1.05F);
  region.wobble = 1.2F * unit;
  Region donor_region = face_region(donor.geometry);
  donor_region.exponent = region.exponent;
  donor_region.feather = region.feather;

  const cv::Matx23d map =
      alignment(donor.geometry, target.geometry, unit * ranges.jitter.draw(random), random);
  const cv::Mat where =
      cv::min(mask(region, size, random), move(mask(donor_region, size, random), map));
  cv::Mat face = move(donor.image, map);
  const float resolution = ranges.resolution.draw(random);
  float present = donor.noise;
  if (resolution < 1.0F) {
    face = lower_resolution(face, resolution);
    present *= 0.6F * resolution;
  }
  if (const float sigma = unit * ranges.blur.draw(random); sigma > 0.05F) {
    face = blur(face, sigma);
    present *= 0.6F;
  }
  transfer_colour(face, target.image, where, ranges.spread.draw(random));
  match_detail(face, target.image, where, 1.2F * unit, ranges.detail.draw(random));
  face *= static_cast<double>(ranges.gain.draw(random));
  if (ranges.fingerprint != nullptr) leave(*ranges.fingerprint, face, unit, random);
  restore_noise(face, present, target, ranges.noise.draw(random), random);
  return {blend(face, target.image, where), where};
}

Forgery partial_swap(const Face& target, const Face& donor, Random& random) {
  Region region =
      random.chance(0.5F) ? eyes_region(target.geometry) : mouth_region(target.geometry);
  region.half_axes *= 1.1F;
  return swap(partial_ranges, region, target, donor, random);
}

Forgery face2face(const Face& target, Random& random) {
  const float unit = pixels(target);
  Region region = face_region(target.geometry);
  region.exponent = random.uniform(2.0F, 2.6F);
  region.feather = random.uniform(0.14F, 0.34F);
  region.half_axes *= random.uniform(0.92F, 1.05F);
  region.wobble = 1.0F * unit;
  const cv::Size size = target.image.size();
  const cv::Mat where = mask(region, size, random);

  // Another expression: the mouth and the brows move, the rest follows a little.
  cv::Mat field = displacement(size, 4, 0.7F * unit, random);
  const auto move = [&](Region part, float amplitude) {
    part.feather = 1.0F;
    const cv::Mat weight = mask(part, size, random);
    const float dx = random.uniform(-0.5F, 0.5F) * amplitude;
    const float dy = random.uniform(-1.0F, 1.0F) * amplitude;
    for (int row = 0; row < size.height; ++row) {
      for (int column = 0; column < size.width; ++column) {
        field.at<cv::Vec2f>(row, column) += weight.at<float>(row, column) * cv::Vec2f(dx, dy);
      }
    }
  };
  move(mouth_region(target.geometry), 2.6F * unit);
  move(eyes_region(target.geometry), 1.4F * unit);
  cv::Mat face = warp(target.image, field);
  face = blur(face, unit * random.uniform(0.45F, 0.80F));
  match_detail(face, target.image, where, 1.2F * unit, random.uniform(0.3F, 0.7F));
  leave(face2face_fingerprint, face, unit, random);
  // The renderer's own light.
  face *= static_cast<double>(random.uniform(0.95F, 1.05F));
  restore_noise(face, 0.35F * target.noise, target, random.uniform(0.7F, 1.0F), random);
  return {blend(face, target.image, where), where};
}

Forgery neural_textures(const Face& target, Random& random) {
  const float unit = pixels(target);
  Region region = mouth_region(target.geometry);
  region.exponent = random.uniform(2.0F, 2.6F);
  region.feather = random.uniform(0.16F, 0.36F);
  region.half_axes *= random.uniform(1.0F, 1.2F);
  region.wobble = 0.8F * unit;
  const cv::Size size = target.image.size();
  const cv::Mat where = mask(region, size, random);

  cv::Mat face = warp(target.image, displacement(size, 5, 1.5F * unit, random));
  face = blur(face, unit * random.uniform(0.40F, 0.80F));
  match_detail(face, target.image, where, 1.2F * unit, random.uniform(0.4F, 0.8F));
  for (const Fingerprint& fingerprint : neural_textures_fingerprints) {
    leave(fingerprint, face, unit, random);
  }
  restore_noise(face, 0.35F * target.noise, target, random.uniform(0.7F, 1.0F), random);
  return {blend(face, target.image, where), where};
}

Forgery self_blend(const Face& target, Random& random) {
  const float unit = pixels(target);
  Region region = face_region(target.geometry);
  region.exponent = random.uniform(2.0F, 3.0F);
  region.feather = random.uniform(0.12F, 0.40F);
  region.half_axes *= random.uniform(0.85F, 1.05F);
  region.wobble = 1.5F * unit;
  const cv::Mat where = mask(region, target.image.size(), random);

  cv::Mat face =
      move(target.image, alignment(target.geometry, target.geometry, 1.2F * unit, random));
  float present = 0.8F * target.noise;
  if (random.chance(0.6F)) {
    face = lower_resolution(face, random.uniform(0.45F, 0.75F));
    present = 0.4F * target.noise;
  } else {
    sharpen(face, 1.2F * unit, random.uniform(0.2F, 0.5F));
  }
  cv::Vec3f shift;
  for (int c = 0; c < 3; ++c) shift[c] = random.uniform(-0.13F, 0.13F);
  const float contrast = random.uniform(0.90F, 1.10F);
  for (auto& pixel : cv::Mat_<cv::Vec3f>(face)) {
    pixel = (pixel - cv::Vec3f::all(0.5F)) * contrast + cv::Vec3f::all(0.5F) + shift;
  }
  restore_noise(face, present, target, random.uniform(0.5F, 0.9F), random);
  constexpr std::array ratios{0.5F, 0.75F, 1.0F, 1.0F, 1.0F};
  const cv::Mat share =
      where * static_cast<double>(ratios[static_cast<std::size_t>(random.integer(0, 4))]);
  return {blend(face, target.image, share), share};
}

Forgery face_warp(const Face& target, Random& random) {
  const float unit = pixels(target);
  Region region = face_region(target.geometry);
  region.exponent = random.uniform(2.0F, 3.0F);
  region.feather = random.uniform(0.10F, 0.35F);
  region.half_axes *= random.uniform(0.88F, 1.05F);
  region.wobble = 1.0F * unit;
  const cv::Mat where = mask(region, target.image.size(), random);
  cv::Mat face =
      move(target.image, alignment(target.geometry, target.geometry, 0.8F * unit, random));
  face = blur(face, unit * random.uniform(0.10F, 0.35F));
  const float factor = random.uniform(0.60F, 0.90F);
  face = lower_resolution(face, factor);
  match_detail(face, target.image, where, 1.2F * unit, random.uniform(0.2F, 0.6F));
  restore_noise(face, 0.4F * factor * target.noise, target, random.uniform(0.8F, 1.0F), random);
  return {blend(face, target.image, where), where};
}

}  // namespace

bool needs_donor(Manipulation manipulation) {
  using enum Manipulation;
  return manipulation == deepfakes || manipulation == faceswap || manipulation == partial_swap ||
         manipulation == shifted_swap;
}

Forgery manipulate(Manipulation manipulation, const Face& target, const Face& donor,
                   Random random) {
  if (needs_donor(manipulation) && donor.image.size() != target.image.size()) {
    throw std::runtime_error("manipulate: donor and target differ in size; resize the donor first");
  }
  switch (manipulation) {
    case Manipulation::deepfakes:
      return swap(deepfakes_ranges, face_region(target.geometry), target, donor, random);
    case Manipulation::face2face:
      return face2face(target, random);
    case Manipulation::faceswap:
      return swap(faceswap_ranges, face_region(target.geometry), target, donor, random);
    case Manipulation::neural_textures:
      return neural_textures(target, random);
    case Manipulation::self_blend:
      return self_blend(target, random);
    case Manipulation::face_warp:
      return face_warp(target, random);
    case Manipulation::partial_swap:
      return partial_swap(target, donor, random);
    case Manipulation::shifted_swap:
      return swap(shifted_ranges, face_region(target.geometry), target, donor, random);
  }
  throw std::logic_error("manipulate: unknown manipulation");
}

}  // namespace deepfake
