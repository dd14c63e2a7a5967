// SPDX-License-Identifier: MIT
#include "networks/dlib_resnet34.hpp"

#include <ATen/ops/addcmul.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace deepfake {
namespace {

namespace nn = torch::nn;

/// Scale and shift of each channel: what is left of a batch norm whose statistics stay.
class AffineImpl : public nn::Module {
 public:
  AffineImpl(int channels, double scale)
      : weight_(register_parameter("weight", at::ones({channels}) * scale)),
        bias_(register_parameter("bias", at::zeros({channels}))) {}

  at::Tensor forward(const at::Tensor& input) {
    return at::addcmul(bias_.view({1, -1, 1, 1}), input, weight_.view({1, -1, 1, 1}));
  }

 private:
  at::Tensor weight_, bias_;
};
TORCH_MODULE(Affine);

nn::Conv2d biased_convolution(int in, int out, int kernel, int stride) {
  return nn::Conv2d(
      nn::Conv2dOptions(in, out, kernel).stride(stride).padding(stride == 1 ? kernel / 2 : 0));
}

/// The sum where both are, and the larger one beyond: as dlib adds tensors of different sizes.
at::Tensor added(const at::Tensor& a, const at::Tensor& b) {
  const auto grown = [&](const at::Tensor& tensor) {
    std::vector<std::int64_t> padding;  // the last axis first
    for (const int axis : {3, 2, 1}) {
      const std::int64_t size = std::max(a.size(axis), b.size(axis));
      padding.insert(padding.end(), {0, size - tensor.size(axis)});
    }
    const bool is_large = std::ranges::all_of(padding, [](auto n) { return n == 0; });
    return is_large ? tensor : at::constant_pad_nd(tensor, padding);
  };
  return grown(a) + grown(b);
}

class DlibBlockImpl : public nn::Module {
 public:
  DlibBlockImpl(int in, int out, int stride)
      : halves_(stride == 2),
        conv1_(register_module("conv1", biased_convolution(in, out, 3, stride))),
        affine1_(register_module("affine1", Affine(out, 1.0))),
        conv2_(register_module("conv2", biased_convolution(out, out, 3, 1))),
        // Without normalisation, random branches would add up to ever larger numbers.
        affine2_(register_module("affine2", Affine(out, 0.0))) {}

  at::Tensor forward(const at::Tensor& input) {
    const at::Tensor output = affine2_(conv2_(affine1_(conv1_(input)).relu_()));
    return added(output, halves_ ? at::avg_pool2d(input, 2) : input).relu_();
  }

 private:
  bool halves_;
  nn::Conv2d conv1_;
  Affine affine1_;
  nn::Conv2d conv2_;
  Affine affine2_;
};
TORCH_MODULE(DlibBlock);

constexpr std::array<int, 4> blocks_of_stage{3, 4, 6, 3};

class DlibResNet34 : public Detector {
 public:
  DlibResNet34() {
    nn::Sequential stem;
    stem->push_back("conv", biased_convolution(3, 64, 7, 2));
    stem->push_back("affine", Affine(64, 1.0));
    stem_ = register_module("stem", stem);
    int channels = 64;
    for (std::size_t s = 0; s < blocks_of_stage.size(); ++s) {
      const int out = 64 << s;
      nn::Sequential blocks;
      for (int b = 0; b < blocks_of_stage[s]; ++b) {
        blocks->push_back(DlibBlock(channels, out, s > 0 && b == 0 ? 2 : 1));
        channels = out;
      }
      stages_.push_back(register_module("stage" + std::to_string(s + 1), blocks));
    }
    fc_ = register_module("fc", nn::Linear(channels, 1));
    for (const auto& module : modules(/*include_self=*/false)) {
      if (auto* conv = module->as<nn::Conv2d>()) {
        nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
        nn::init::zeros_(conv->bias);
      }
    }
  }

  std::size_t stages() const override { return 1 + stages_.size(); }
  at::Tensor head(const at::Tensor& features) override {
    return fc_(features.mean({2, 3})).squeeze(1);
  }

 protected:
  at::Tensor stage(std::size_t number, const at::Tensor& x) override {
    if (number > 0) return stages_[number - 1]->forward(x);
    constexpr std::int64_t smallest = 55;  // the last stage's convolution needs three pixels
    TORCH_CHECK(std::min(x.size(2), x.size(3)) >= smallest, "dlib-resnet-34 takes images of ",
                smallest, " pixels or more, not ", x.size(2), " x ", x.size(3),
                "; set --size, best to 227");
    return at::max_pool2d(stem_->forward(x).relu_(), 3, 2);
  }

 private:
  nn::Sequential stem_{nullptr};
  std::vector<nn::Sequential> stages_;
  nn::Linear fc_{nullptr};
};

}  // namespace

std::shared_ptr<Detector> dlib_resnet34() { return std::make_shared<DlibResNet34>(); }

}  // namespace deepfake
