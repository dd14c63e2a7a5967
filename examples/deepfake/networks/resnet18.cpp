// SPDX-License-Identifier: MIT
#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/ops/max_pool2d.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include "networks/layers.hpp"
#include "networks/networks.hpp"

namespace deepfake {
namespace {

namespace nn = torch::nn;

class BasicBlock : public nn::Module {
 public:
  BasicBlock(int in, int out, int stride)
      : conv1_(register_module("conv1", convolution(in, out, 3, stride))),
        bn1_(register_module("bn1", BatchNorm(out))),
        conv2_(register_module("conv2", convolution(out, out, 3))),
        bn2_(register_module("bn2", BatchNorm(out))) {
    if (in != out || stride != 1) {
      downsample_ = register_module(
          "downsample", nn::Sequential(convolution(in, out, 1, stride), BatchNorm(out)));
    }
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor output = bn2_(conv2_(bn1_(conv1_(input)).relu_()));
    output.add_(downsample_.is_empty() ? input : downsample_->forward(input));
    return output.relu_();
  }

 private:
  nn::Conv2d conv1_;
  BatchNorm bn1_;
  nn::Conv2d conv2_;
  BatchNorm bn2_;
  nn::Sequential downsample_{nullptr};
};

class ResNet18 : public Detector {
 public:
  ResNet18() {
    conv1_ = register_module(
        "conv1", nn::Conv2d(nn::Conv2dOptions(3, 64, 7).stride(2).padding(3).bias(false)));
    bn1_ = register_module("bn1", BatchNorm(64));
    int channels = 64;
    for (int stage = 1; stage <= 4; ++stage) {
      const int out = 64 << (stage - 1);
      layers_.push_back(register_module(
          "layer" + std::to_string(stage),
          nn::Sequential(BasicBlock(channels, out, stage == 1 ? 1 : 2), BasicBlock(out, out, 1))));
      channels = out;
    }
    fc_ = register_module("fc", nn::Linear(channels, 1));
    for (const auto& module : modules(/*include_self=*/false)) {
      if (auto* conv = module->as<nn::Conv2d>()) {
        nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
      }
    }
  }

  std::size_t stages() const override { return 1 + layers_.size(); }
  at::Tensor stage(std::size_t number, const at::Tensor& x) override {
    if (number == 0) return at::max_pool2d(bn1_(conv1_(x)).relu_(), 3, 2, 1);
    return layers_[number - 1]->forward(x);
  }
  at::Tensor head(const at::Tensor& features) override {
    return fc_(features.mean({2, 3})).squeeze(1);
  }

 private:
  nn::Conv2d conv1_{nullptr};
  BatchNorm bn1_{nullptr};
  std::vector<nn::Sequential> layers_;
  nn::Linear fc_{nullptr};
};

}  // namespace

std::shared_ptr<Detector> resnet18() { return std::make_shared<ResNet18>(); }

}  // namespace deepfake
