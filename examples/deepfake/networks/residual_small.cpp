// SPDX-License-Identifier: MIT
#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <array>
#include <string>

#include "networks/layers.hpp"
#include "networks/networks.hpp"

namespace deepfake {
namespace {

namespace nn = torch::nn;

nn::AnyModule normalization(int channels, const std::string& kind) {
  constexpr int channels_per_group = 8;
  if (kind == "batch") return nn::AnyModule(BatchNorm(channels));
  return nn::AnyModule(
      nn::GroupNorm(nn::GroupNormOptions(channels / channels_per_group, channels)));
}

/// Two convolutions and a shortcut.
class ResidualBlock : public nn::Module {
 public:
  ResidualBlock(int in, int out, int stride, const std::string& norm)
      : conv1_(register_module("conv1", convolution(in, out, 3, stride))),
        norm1_(normalization(out, norm)),
        conv2_(register_module("conv2", convolution(out, out, 3))),
        norm2_(normalization(out, norm)) {
    register_module("norm1", norm1_.ptr());
    register_module("norm2", norm2_.ptr());
    if (in != out || stride != 1) {
      shortcut_ = register_module("shortcut", convolution(in, out, 1, stride));
      shortcut_norm_ = normalization(out, norm);
      register_module("shortcut_norm", shortcut_norm_.ptr());
    }
  }

  at::Tensor forward(const at::Tensor& input) {
    const at::Tensor inner = norm1_.forward(conv1_(input)).relu_();
    at::Tensor output = norm2_.forward(conv2_(inner));
    output.add_(shortcut_.is_empty() ? input : shortcut_norm_.forward(shortcut_(input)));
    return output.relu_();
  }

 private:
  nn::Conv2d conv1_;
  nn::AnyModule norm1_;
  nn::Conv2d conv2_;
  nn::AnyModule norm2_;
  nn::Conv2d shortcut_{nullptr};
  nn::AnyModule shortcut_norm_;
};

class ResidualSmall : public Detector {
 public:
  ResidualSmall(int width, const std::string& norm)
      : stem_(register_module("stem", convolution(3, width, 5, 2))),
        stem_norm_(normalization(width, norm)),
        blocks_(register_module("blocks", nn::Sequential())),
        classifier_(nullptr) {
    register_module("stem_norm", stem_norm_.ptr());
    struct Stage {
      int channels;
      int stride;
    };
    const std::array<Stage, 6> stages{{{2 * width, 2},
                                       {2 * width, 1},
                                       {2 * width, 1},
                                       {3 * width, 2},
                                       {3 * width, 1},
                                       {3 * width, 1}}};
    int channels = width;
    for (const Stage& stage : stages) {
      blocks_->push_back(
          std::make_shared<ResidualBlock>(channels, stage.channels, stage.stride, norm));
      channels = stage.channels;
    }
    classifier_ = register_module("classifier", nn::Linear(channels, 1));
  }

  std::size_t stages() const override { return 1 + blocks_->size(); }
  at::Tensor stage(std::size_t number, const at::Tensor& x) override {
    if (number == 0) return stem_norm_.forward(stem_(x)).relu_();
    return blocks_->at<ResidualBlock>(number - 1).forward(x);
  }
  at::Tensor head(const at::Tensor& features) override {
    return classifier_(features.mean({2, 3})).squeeze(1);
  }

 private:
  nn::Conv2d stem_;
  nn::AnyModule stem_norm_;
  nn::Sequential blocks_;
  nn::Linear classifier_;
};

}  // namespace

std::shared_ptr<Detector> residual_small(int width, const std::string& norm) {
  return std::make_shared<ResidualSmall>(width, norm);
}

}  // namespace deepfake
