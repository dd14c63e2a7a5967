// SPDX-License-Identifier: MIT
#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/silu.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "networks/layers.hpp"
#include "networks/networks.hpp"

namespace deepfake {
namespace {

namespace nn = torch::nn;

BatchNorm normalization(int channels) {
  return BatchNorm(nn::BatchNorm2dOptions(channels).eps(1e-3).momentum(0.01));
}

/// TensorFlow's "same" padding, which the published weights were trained with: where the total is
/// odd, the extra row and column come last.
at::Tensor same_padded(const at::Tensor& x, std::int64_t kernel, std::int64_t stride) {
  const auto padding = [&](std::int64_t side) {
    const std::int64_t out = (side + stride - 1) / stride;
    return std::max<std::int64_t>((out - 1) * stride + kernel - side, 0);
  };
  const std::int64_t rows = padding(x.size(2));
  const std::int64_t columns = padding(x.size(3));
  if (rows == 0 && columns == 0) return x;
  return at::constant_pad_nd(x, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2});
}

/// Pads by the input's size, so the convolution itself does not.
nn::Conv2d unpadded(int in, int out, int kernel, int stride, int groups = 1, bool bias = false) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).groups(groups).bias(bias));
}

struct BottleneckShape {
  int in, out, kernel, stride, expansion;
};

/// Mobile inverted bottleneck with squeeze and excitation.
class InvertedBottleneck : public nn::Module, public AcrossRows {
 public:
  /// @param drop probability that a sample skips the block in training (stochastic depth)
  InvertedBottleneck(const BottleneckShape& shape, double drop) : shape_(shape), drop_(drop) {
    const int wide = shape.in * shape.expansion;
    if (shape.expansion != 1) {
      expand_ = register_module("_expand_conv", unpadded(shape.in, wide, 1, 1));
      norm0_ = register_module("_bn0", normalization(wide));
    }
    depthwise_ =
        register_module("_depthwise_conv", unpadded(wide, wide, shape.kernel, shape.stride, wide));
    norm1_ = register_module("_bn1", normalization(wide));
    const int squeezed = std::max(1, shape.in / 4);
    reduce_ = register_module("_se_reduce", unpadded(wide, squeezed, 1, 1, 1, true));
    excite_ = register_module("_se_expand", unpadded(squeezed, wide, 1, 1, 1, true));
    project_ = register_module("_project_conv", unpadded(wide, shape.out, 1, 1));
    norm2_ = register_module("_bn2", normalization(shape.out));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    if (!expand_.is_empty()) x = at::silu(norm0_(expand_(x)));
    x = at::silu(norm1_(depthwise_(same_padded(x, shape_.kernel, shape_.stride))));
    x = x * excite_(at::silu(reduce_(x.mean({2, 3}, /*keepdim=*/true)))).sigmoid();
    x = norm2_(project_(x));
    if (shape_.stride != 1 || shape_.in != shape_.out) return x;
    if (is_training() && drop_ > 0) {
      const double keep = 1 - drop_;
      x = x / keep * (random_by_row(x) < keep).to(x.dtype());
    }
    return x + input;
  }

 private:
  at::Tensor random_by_row(const at::Tensor& x) const {
    const auto options = x.options().requires_grad(false);
    if (!is_part(x)) return at::rand({x.size(0), 1, 1, 1}, options);
    return rows_here(at::rand({batch().rows, 1, 1, 1}, options));
  }

  BottleneckShape shape_;
  double drop_;
  nn::Conv2d expand_{nullptr}, depthwise_{nullptr}, reduce_{nullptr}, excite_{nullptr},
      project_{nullptr};
  BatchNorm norm0_{nullptr}, norm1_{nullptr}, norm2_{nullptr};
};

/// B0's stages, widened by 1.4 and deepened by 1.8.
class EfficientNetB4 : public Detector {
 public:
  EfficientNetB4() {
    constexpr double width = 1.4, depth = 1.8, stochastic_depth = 0.2, dropout = 0.4;
    struct Stage {
      int repeats, kernel, stride, expansion, out;
    };
    const std::array<Stage, 7> stages{{{1, 3, 1, 1, 16},
                                       {2, 3, 2, 6, 24},
                                       {2, 5, 2, 6, 40},
                                       {3, 3, 2, 6, 80},
                                       {3, 5, 1, 6, 112},
                                       {4, 5, 2, 6, 192},
                                       {1, 3, 1, 6, 320}}};
    const auto widened = [&](int channels) {
      const double wanted = width * channels;
      const int rounded = std::max(8, static_cast<int>(wanted + 4) / 8 * 8);
      return rounded < 0.9 * wanted ? rounded + 8 : rounded;
    };
    std::vector<BottleneckShape> shapes;
    int channels = widened(32);
    stem_ = register_module("_conv_stem", unpadded(3, channels, 3, 2));
    stem_norm_ = register_module("_bn0", normalization(channels));
    for (const Stage& stage : stages) {
      for (int i = 0; i < static_cast<int>(std::ceil(depth * stage.repeats)); ++i) {
        const int out = widened(stage.out);
        shapes.push_back({channels, out, stage.kernel, i == 0 ? stage.stride : 1, stage.expansion});
        channels = out;
      }
    }
    blocks_ = register_module("_blocks", nn::ModuleList());
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(shapes.size());
      blocks_->push_back(std::make_shared<InvertedBottleneck>(shapes[i], stochastic_depth * share));
    }
    const int last = widened(1280);
    conv_head_ = register_module("_conv_head", unpadded(channels, last, 1, 1));
    head_norm_ = register_module("_bn1", normalization(last));
    dropout_ = register_module("_dropout", RowDropout(dropout));
    fc_ = register_module("_fc", nn::Linear(last, 1));
    for (const auto& module : modules(/*include_self=*/false)) {
      if (auto* conv = module->as<nn::Conv2d>()) {
        nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kLinear);
        if (conv->bias.defined()) nn::init::zeros_(conv->bias);
      }
    }
  }

  std::size_t stages() const override { return blocks_->size() + 2; }
  at::Tensor stage(std::size_t number, const at::Tensor& x) override {
    if (number == 0) return at::silu(stem_norm_(stem_(same_padded(x, 3, 2))));
    if (number <= blocks_->size()) {
      return blocks_[number - 1]->as<InvertedBottleneck>()->forward(x);
    }
    return at::silu(head_norm_(conv_head_(x)));
  }
  at::Tensor head(const at::Tensor& features) override {
    return fc_(dropout_(features.mean({2, 3}))).squeeze(1);
  }

 private:
  nn::Conv2d stem_{nullptr}, conv_head_{nullptr};
  BatchNorm stem_norm_{nullptr}, head_norm_{nullptr};
  nn::ModuleList blocks_{nullptr};
  RowDropout dropout_{nullptr};
  nn::Linear fc_{nullptr};
};

}  // namespace

std::shared_ptr<Detector> efficientnet_b4() { return std::make_shared<EfficientNetB4>(); }

}  // namespace deepfake
