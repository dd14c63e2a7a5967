// SPDX-License-Identifier: MIT
#include "forging/forge.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "forging/soft_mask.hpp"
#include "images/jpeg.hpp"
#include "synthetic/adapt.hpp"
#include "synthetic/region.hpp"

namespace deepfake {
namespace {

/// What is blended, and where. Float RGB in [0, 1].
struct Draft {
  cv::Mat source, target, mask;
};

cv::Mat to_float(const cv::Mat& image) {
  cv::Mat result;
  image.convertTo(result, CV_32FC3, 1.0 / 255);
  return result;
}
cv::Mat to_bytes(const cv::Mat& image) {
  cv::Mat result;
  image.convertTo(result, CV_8UC3, 255);
  return result;
}
void clip(cv::Mat& image) {
  cv::max(image, 0.0, image);
  cv::min(image, 1.0, image);
}

/// Shifts of channels, hue, saturation, brightness and contrast; at least the channels'.
void recolour(cv::Mat& image, Random random) {
  cv::Vec3f shift;
  for (int c = 0; c < 3; ++c) shift[c] = random.uniform(-0.08F, 0.08F);
  const float contrast = random.uniform(0.88F, 1.12F);
  for (auto& pixel : cv::Mat_<cv::Vec3f>(image)) {
    pixel = (pixel - cv::Vec3f::all(0.5F)) * contrast + cv::Vec3f::all(0.5F) + shift;
  }
  clip(image);
  if (!random.chance(0.3F)) return;
  const float turn = random.uniform(-12.0F, 12.0F);
  const float saturation = random.uniform(0.7F, 1.3F);
  cv::Mat hsv;
  cv::cvtColor(image, hsv, cv::COLOR_RGB2HSV);
  for (auto& pixel : cv::Mat_<cv::Vec3f>(hsv)) {
    pixel[0] += turn;
    pixel[0] -= 360.0F * std::floor(pixel[0] / 360.0F);
    pixel[1] = std::min(1.0F, pixel[1] * saturation);
  }
  cv::cvtColor(hsv, image, cv::COLOR_HSV2RGB);
  clip(image);
}

/// Another sharpness.
void refocus(cv::Mat& image, Random random) {
  const float unit = static_cast<float>(image.cols) / 64.0F;
  if (random.chance(0.6F)) {
    image = lower_resolution(image, random.uniform(0.4F, 0.9F));
  } else {
    sharpen(image, 1.2F * unit, random.uniform(0.2F, 0.6F));
  }
}

/// Normal numbers, the same in every run: drawing them anew for each picture would take longer
/// than the rest of the forgery.
const cv::Mat& noise_tile() {
  static const cv::Mat tile = [] {
    constexpr int side = 256;
    cv::Mat numbers(side, side, CV_32FC3);
    Random random(0);
    for (auto& pixel : cv::Mat_<cv::Vec3f>(numbers)) {
      for (int c = 0; c < 3; ++c) pixel[c] = random.normal();
    }
    return numbers;
  }();
  return tile;
}

/// A generator's output has none, and a sharpness of its own would give it away.
void add_grain(cv::Mat& image, Random random) {
  const cv::Mat& tile = noise_tile();
  const auto deviation = static_cast<double>(random.uniform(0.0F, 0.02F));
  const int x = random.integer(0, tile.cols - 1);
  const int y = random.integer(0, tile.rows - 1);
  cv::Mat noise(image.size(), CV_32FC3);
  for (int row = 0; row < noise.rows; ++row) {
    const auto* from = tile.ptr<cv::Vec3f>((y + row) % tile.rows);
    auto* to = noise.ptr<cv::Vec3f>(row);
    for (int column = 0; column < noise.cols; ++column) to[column] = from[(x + column) % tile.cols];
  }
  cv::scaleAdd(noise, deviation, image, image);
  clip(image);
}

/// A little aside, larger or smaller.
cv::Mat moved(const cv::Mat& image, float shift, float scaling, Random random) {
  const auto side = static_cast<float>(image.cols);
  const float scale = 1.0F + random.uniform(-scaling, scaling);
  const float x = side * random.uniform(-shift, shift);
  const float y = side * random.uniform(-0.5F * shift, 0.5F * shift);
  const float centre = 0.5F * side - 0.5F;
  const cv::Matx23d map(
      static_cast<double>(scale), 0.0, static_cast<double>(centre - scale * centre + x), 0.0,
      static_cast<double>(scale), static_cast<double>(centre - scale * centre + y));
  cv::Mat result;
  cv::warpAffine(image, result, map, image.size(), cv::INTER_LINEAR, cv::BORDER_REFLECT_101);
  return result;
}

cv::Mat bent(const cv::Mat& image, float amplitude, Random random) {
  const auto side = static_cast<float>(image.cols);
  const int cells = random.integer(4, 6);
  cv::Mat map = displacement(image.size(), cells, side * amplitude, random);
  for (int row = 0; row < map.rows; ++row) {
    auto* field = map.ptr<cv::Vec2f>(row);
    for (int column = 0; column < map.cols; ++column) {
      field[column] += cv::Vec2f(static_cast<float>(column), static_cast<float>(row));
    }
  }
  cv::Mat result;
  cv::remap(image, result, map, cv::noArray(), cv::INTER_CUBIC, cv::BORDER_REFLECT_101);
  clip(result);
  return result;
}

/// Through JPEG, whose blocks lie anywhere.
cv::Mat recompressed(const cv::Mat& image, Random random) {
  const int left = random.integer(0, 7);
  const int top = random.integer(0, 7);
  const int quality = random.integer(20, 70);
  cv::Mat padded;
  cv::copyMakeBorder(to_bytes(image), padded, top, 0, left, 0, cv::BORDER_REFLECT_101);
  const cv::Mat coded = rgb_through_jpeg(padded, quality);
  return to_float(coded(cv::Rect(left, top, image.cols, image.rows)));
}

Draft self_blend(const Picture& picture, const Random& random, bool keep_target) {
  Draft draft{to_float(picture.image), to_float(picture.image), {}};
  Random choice = random.fork("choice");
  const bool changes_target = choice.chance(0.5F) && !keep_target;
  const bool colours = choice.chance(0.75F);
  const bool focus = !colours || choice.chance(0.5F);
  cv::Mat& changed = changes_target ? draft.target : draft.source;
  if (colours) recolour(changed, random.fork("colour"));
  if (focus) refocus(changed, random.fork("focus"));
  draft.mask = soft_mask(picture.shape.face, picture.image.size(), random.fork("mask"));
  // The mask goes with the face that it was drawn for.
  draft.source = moved(draft.source, 0.03F, 0.05F, random.fork("move"));
  draft.mask = moved(draft.mask, 0.03F, 0.05F, random.fork("move"));
  if (choice.chance(0.5F)) draft.source = bent(draft.source, 0.01F, random.fork("bend"));
  return draft;
}

const std::vector<cv::Point2f>& part_of(const FaceShape& shape, Random random) {
  switch (random.integer(0, 3)) {
    case 0:
      return shape.eyes;
    case 1:
      return shape.mouth;
    default:
      return shape.face;
  }
}

Draft region_swap(const Picture& target, const Picture& donor, const Random& random) {
  Draft draft{to_float(donor.image), to_float(target.image), {}};
  Random fit = random.fork("fit");
  const float jitter = 0.015F * static_cast<float>(target.image.cols);
  const cv::Matx23d map = alignment(donor.shape.geometry, target.shape.geometry, jitter, fit);
  draft.source = move(draft.source, map);
  draft.mask = soft_mask(part_of(target.shape, random.fork("part")), target.image.size(),
                         random.fork("mask"));
  const float spread = fit.uniform();
  transfer_colour(draft.source, draft.target, draft.mask, spread);
  if (fit.chance(0.5F)) draft.source = lower_resolution(draft.source, fit.uniform(0.6F, 0.95F));
  return draft;
}

/// Kinds that change the face where it is.
template <class Change>
Draft in_place(const Picture& picture, const Random& random, Change change) {
  Draft draft{to_float(picture.image), to_float(picture.image), {}};
  change(draft.source);
  draft.mask = soft_mask(picture.shape.face, picture.image.size(), random.fork("mask"));
  return draft;
}

Draft draft_of(std::string_view kind, const Picture& target, const Picture* donor,
               const Random& random, bool keep_target) {
  if (kind == "self-blend") return self_blend(target, random, keep_target);
  if (kind == "region-swap") {
    if (donor == nullptr || donor->image.size() != target.image.size()) {
      throw std::logic_error("forge: region-swap needs a donor of the target's size");
    }
    return region_swap(target, *donor, random);
  }
  if (kind == "resample") {
    return in_place(target, random, [&](cv::Mat& face) {
      face = lower_resolution(face, random.fork("factor").uniform(0.4F, 0.85F));
    });
  }
  if (kind == "recolour") {
    return in_place(target, random, [&](cv::Mat& face) { recolour(face, random.fork("colour")); });
  }
  if (kind == "warp") {
    return in_place(target, random, [&](cv::Mat& face) {
      face = bent(face, random.fork("strength").uniform(0.015F, 0.04F), random.fork("bend"));
    });
  }
  if (kind == "recompress") {
    return in_place(target, random,
                    [&](cv::Mat& face) { face = recompressed(face, random.fork("jpeg")); });
  }
  throw std::logic_error("forge: no kind " + std::string(kind));
}

}  // namespace

bool needs_donor(std::string_view kind) { return kind == "region-swap"; }

Forged forge(std::string_view kind, const Picture& target, const Picture* donor,
             const Random& random, const ForgeOptions& options) {
  Draft draft = draft_of(kind, target, donor, random, options.keep_target);
  Random finish = random.fork("finish");
  if (finish.chance(0.5F)) add_grain(draft.source, random.fork("grain"));
  // A blend may be faint (Shiohara and Yamasaki's ratios).
  constexpr std::array ratios{0.25, 0.5, 0.75, 1.0, 1.0, 1.0};
  draft.mask *= ratios[static_cast<std::size_t>(finish.integer(0, 5))];
  return {to_bytes(draft.target), to_bytes(blend(draft.source, draft.target, draft.mask)),
          draft.mask};
}

}  // namespace deepfake
