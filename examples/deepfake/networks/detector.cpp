// SPDX-License-Identifier: MIT
#include "networks/detector.hpp"

#include <ATen/ops/empty.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace deepfake {

at::Tensor Detector::before(std::size_t count, const at::Tensor& images) {
  at::Tensor x = images;
  if (scale_.defined()) x = images * scale_.to(images.options()) + shift_.to(images.options());
  for (std::size_t number = 0; number < count; ++number) x = stage(number, x);
  return x;
}

at::Tensor Detector::after(std::size_t count, at::Tensor x) {
  for (std::size_t number = count; number < stages(); ++number) x = stage(number, x);
  return head(x);
}

at::Tensor Detector::stage(std::size_t, const at::Tensor&) {
  throw std::logic_error("stage() of a detector that has no stages");
}

void Detector::normalise(const Normalisation& normalisation) {
  scale_ = at::empty({3, 1, 1}, at::kFloat);
  shift_ = at::empty({3, 1, 1}, at::kFloat);
  bool changes = false;
  for (std::size_t c = 0; c < 3; ++c) {
    // A pixel x in [-1, 1] has the value (x + 1) range / 2.
    const double half = normalisation.range / 2;
    const double scale = half / normalisation.deviation[c];
    const double shift = (half - normalisation.mean[c]) / normalisation.deviation[c];
    scale_[static_cast<std::int64_t>(c)].fill_(scale);
    shift_[static_cast<std::int64_t>(c)].fill_(shift);
    changes = changes || scale != 1 || shift != 0;
  }
  if (changes) return;
  scale_ = at::Tensor();
  shift_ = at::Tensor();
}

}  // namespace deepfake
