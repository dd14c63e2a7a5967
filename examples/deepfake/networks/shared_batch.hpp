// SPDX-License-Identifier: MIT
// A batch whose rows lie on several processes, and layers that give each row what it would get in
// one process: batch norm over all rows, and random numbers by a row's place in the whole batch.
#pragma once

#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/core/Tensor.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/dropout.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace deepfake {

/// What a network has to know of the rows that it does not see. Every process makes the same passes
/// in the same order.
struct SharedBatch {
  std::int64_t processes = 1;
  std::int64_t process = 0;  ///< this one, in [0, processes)
  std::int64_t rows = 0;     ///< of the whole batch
  at::Tensor here;           ///< which of them this process has: int64, [n], on the host
  /// Replaces float64 numbers [n] on the host by their sums over the processes.
  std::function<void(at::Tensor)> add_up;
};

/// A layer that has to know of it.
class AcrossRows {
 public:
  virtual ~AcrossRows() = default;

  void share(std::shared_ptr<const SharedBatch> batch) { batch_ = std::move(batch); }

 protected:
  /// Whether there are other rows than those of @p input.
  bool is_part(const at::Tensor& input) const {
    if (batch_ == nullptr) return false;
    TORCH_CHECK(input.size(0) == batch_->here.numel(), "a layer that shares its batch got ",
                input.size(0), " rows of its ", batch_->here.numel());
    return true;
  }
  const SharedBatch& batch() const { return *batch_; }
  /// The rows of this process of what was drawn for all.
  at::Tensor rows_here(const at::Tensor& of_all) const;

 private:
  std::shared_ptr<const SharedBatch> batch_;
};

/// torch::nn::BatchNorm2d, with the statistics of the whole batch where it is shared. The loss of a
/// process is the mean over its rows, and counts in the whole one as its rows do.
class BatchNormImpl
    : public torch::nn::NormImplBase<2, BatchNormImpl, torch::nn::BatchNorm2dOptions>,
      public AcrossRows {
 public:
  using NormImplBase::NormImplBase;
  at::Tensor forward(const at::Tensor& input);

 protected:
  void _check_input_dim(const at::Tensor& input) override;

 private:
  at::Tensor normalize(const at::Tensor& input, double rate);
};
TORCH_MODULE(BatchNorm);

/// torch::nn::Dropout of vectors [N, C], whose masks do not depend on how the batch is shared.
class RowDropoutImpl : public torch::nn::DropoutImpl, public AcrossRows {
 public:
  using torch::nn::DropoutImpl::DropoutImpl;
  at::Tensor forward(const at::Tensor& input);
};
TORCH_MODULE(RowDropout);

}  // namespace deepfake
