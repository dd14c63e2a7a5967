// SPDX-License-Identifier: MIT
#include "training/batch.hpp"

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "training/augment.hpp"

namespace deepfake {

at::Tensor to_tensor(std::span<const cv::Mat> images) {
  const int height = images.front().rows;
  const int width = images.front().cols;
  const auto count = static_cast<std::int64_t>(images.size());
  at::Tensor tensor = at::empty({count, 3, height, width}, at::kFloat);
  auto* data = tensor.data_ptr<float>();
  for (const cv::Mat& image : images) {
    TORCH_CHECK(image.rows == height && image.cols == width && image.type() == CV_8UC3,
                "a batch needs 8-bit RGB images of one size");
    cv::Mat scaled;
    image.convertTo(scaled, CV_32FC3, 2.0 / 255, -1.0);
    std::vector<cv::Mat> planes;
    for (int channel = 0; channel < 3; ++channel) {
      planes.emplace_back(height, width, CV_32F, data);
      data += static_cast<std::ptrdiff_t>(height) * width;
    }
    cv::split(scaled, planes);
  }
  return tensor;
}

Batch make_batch(std::span<const SamplePair> pairs, ImageCache& cache,
                 const AugmentOptions& options, const Forger* forger) {
  std::vector<cv::Mat> reals, fakes;
  Batch batch;
  for (const SamplePair& pair : pairs) {
    const bool is_made = forger != nullptr && forger->makes(pair.fake);
    const Forged forged =
        is_made ? forger->forge(pair) : Forged{cache.get(pair.real), cache.get(pair.fake), {}};
    reals.push_back(augment(forged.real, options, pair.key));
    fakes.push_back(augment(forged.fake, options, options.pair_augment ? pair.key : ~pair.key));
    batch.frames.push_back(pair.real);
  }
  for (const SamplePair& pair : pairs) batch.frames.push_back(pair.fake);
  reals.insert(reals.end(), fakes.begin(), fakes.end());
  batch.images = to_tensor(reals);
  const auto count = static_cast<std::int64_t>(pairs.size());
  batch.labels = at::cat({at::zeros({count}), at::ones({count})});
  return batch;
}

at::Tensor detection_loss(const at::Tensor& logits, const at::Tensor& labels) {
  return at::binary_cross_entropy_with_logits(logits, labels);
}

}  // namespace deepfake
