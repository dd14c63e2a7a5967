// SPDX-License-Identifier: MIT
#include "networks/shared_batch.hpp"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

namespace deepfake {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const std::vector<std::int64_t>& all_but_channels() {
  static const std::vector<std::int64_t> dimensions{0, 2, 3};
  return dimensions;
}

/// Of the whole batch, by channel.
struct Statistics {
  at::Tensor mean;      ///< [C], float64 on the host
  at::Tensor variance;  ///< [C], the same, over n
  double count = 0;     ///< n: rows times pixels
};

/// Each process tells the count, mean and variance of its rows; the parts are put together as in
/// Chan, Golub and LeVeque, so nothing cancels.
Statistics statistics_of(const at::Tensor& input, const SharedBatch& batch) {
  const std::int64_t channels = input.size(1);
  const auto [variance, mean] = at::var_mean(input, all_but_channels(), /*unbiased=*/false);
  at::Tensor parts = at::zeros({batch.processes, 2 * channels + 1}, at::kDouble);
  at::Tensor own = parts.select(0, batch.process);
  own.narrow(0, 0, channels).copy_(mean);
  own.narrow(0, channels, channels).copy_(variance);
  own.select(0, 2 * channels).fill_(static_cast<double>(input.numel() / channels));
  batch.add_up(parts.view({-1}));
  const at::Tensor counts = parts.narrow(1, 2 * channels, 1);
  const at::Tensor means = parts.narrow(1, 0, channels);
  Statistics all;
  all.count = counts.sum().item<double>();
  all.mean = means.mul(counts).sum(0).div_(all.count);
  all.variance = means.sub(all.mean)
                     .square_()
                     .add_(parts.narrow(1, channels, channels))
                     .mul_(counts)
                     .sum(0)
                     .div_(all.count);
  return all;
}

struct KeptBatch : torch::CustomClassHolder {
  explicit KeptBatch(const SharedBatch& batch) : shared(batch) {}
  SharedBatch shared;
};

/// y = weight (x - mean) / sqrt(variance + eps) + bias, where mean and variance depend on the rows
/// of all processes. With n_r of the n numbers of a channel on process r, whose loss counts n_r /
/// n, and g the gradient of that process's own loss by y:
///
///     dx = weight (g - sum(g) / n_r - x^ sum(g x^) / n_r) / sqrt(variance + eps),
///     sum(v) = sum_r n_r / n sum_rows(v)
class SharedNorm : public torch::autograd::Function<SharedNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& mean, const at::Tensor& variance, double eps,
                            double share, const c10::intrusive_ptr<KeptBatch>& batch) {
    context->save_for_backward({input, weight, mean, variance});
    context->saved_data["eps"] = eps;
    context->saved_data["share"] = share;
    context->saved_data["batch"] = c10::IValue::make_capsule(batch);
    return at::batch_norm(input, weight, bias, mean, variance, /*training=*/false, /*momentum=*/0.0,
                          eps, /*cudnn_enabled=*/false);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& weight = saved[1];
    const double share = context->saved_data["share"].toDouble();
    const auto kept = context->saved_data["batch"].toCapsule();
    const SharedBatch& batch = static_cast<const KeptBatch&>(*kept).shared;
    const auto by_channel = [](const at::Tensor& x) { return x.view({1, -1, 1, 1}); };
    const at::Tensor inverse = saved[3].add(context->saved_data["eps"].toDouble()).rsqrt_();
    // Passes in half precision have weights in float32.
    const at::ScalarType type = weight.scalar_type();
    const at::Tensor gradient = gradients[0].to(type);
    const at::Tensor normal = saved[0].to(type).sub(by_channel(saved[2])).mul_(by_channel(inverse));
    const at::Tensor sum = gradient.sum(all_but_channels());
    const at::Tensor product = gradient.mul(normal).sum(all_but_channels());

    const std::int64_t channels = sum.numel();
    at::Tensor sums = at::cat({sum, product}).to(at::kCPU, at::kDouble).mul_(share);
    batch.add_up(sums);
    const double count_here = static_cast<double>(gradient.numel() / channels);
    const at::Tensor means = sums.div_(count_here).to(gradient.options());
    const at::Tensor of_input =
        gradient.sub(by_channel(means.narrow(0, 0, channels)))
            .sub_(normal.mul(by_channel(means.narrow(0, channels, channels))))
            .mul_(by_channel(inverse * weight))
            .to(saved[0].scalar_type());
    const at::Tensor none;
    return {of_input, product, sum, none, none, none, none, none};
  }
};

}  // namespace

at::Tensor AcrossRows::rows_here(const at::Tensor& of_all) const {
  return of_all.index_select(0, batch_->here.to(of_all.device()));
}

void BatchNormImpl::_check_input_dim(const at::Tensor& input) {
  TORCH_CHECK(input.dim() == 4, "batch norm expects [N, C, H, W], and got ", input.dim(),
              " dimensions");
}

at::Tensor BatchNormImpl::forward(const at::Tensor& input) {
  _check_input_dim(input);
  double rate = options.momentum().value_or(0);
  if (is_training()) {
    num_batches_tracked.add_(1);
    if (!options.momentum()) rate = 1 / num_batches_tracked.item<double>();
    if (is_part(input)) return normalize(input, rate);
  }
  return torch::nn::functional::batch_norm(input, running_mean, running_var,
                                           torch::nn::functional::BatchNormFuncOptions()
                                               .weight(weight)
                                               .bias(bias)
                                               .training(is_training())
                                               .momentum(rate)
                                               .eps(options.eps()));
}

/// By the statistics of the whole batch.
/// @param rate of the running statistics
at::Tensor BatchNormImpl::normalize(const at::Tensor& input, double rate) {
  Statistics all;
  {
    const c10::NoGradGuard no_grad;
    all = statistics_of(input.to(weight.scalar_type()), batch());
    running_mean.mul_(1 - rate).add_(all.mean.mul(rate).to(running_mean.options()));
    running_var.mul_(1 - rate).add_(
        all.variance.mul(rate * all.count / (all.count - 1)).to(running_var.options()));
  }
  const auto as_weights = weight.options().requires_grad(false);
  const double count_here = static_cast<double>(input.numel() / input.size(1));
  return SharedNorm::apply(input, weight, bias, all.mean.to(as_weights),
                           all.variance.to(as_weights), options.eps(), count_here / all.count,
                           c10::make_intrusive<KeptBatch>(batch()));
}

at::Tensor RowDropoutImpl::forward(const at::Tensor& input) {
  if (!is_training() || !is_part(input)) return torch::nn::DropoutImpl::forward(input);
  // The factors that the rows get in one process: 0 or 1 / (1 - p).
  const at::Tensor ones =
      at::ones({batch().rows, input.size(1)}, input.options().requires_grad(false));
  const at::Tensor factors = at::dropout(ones, options.p(), /*train=*/true);
  return input * rows_here(factors);
}

}  // namespace deepfake
