// SPDX-License-Identifier: MIT
#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include <array>
#include <string>

#include "networks/layers.hpp"
#include "networks/networks.hpp"

namespace deepfake {
namespace {

namespace nn = torch::nn;

/// A 3 x 3 convolution of each channel, then a 1 x 1 convolution over channels.
class SeparableConv : public nn::Module {
 public:
  SeparableConv(int in, int out)
      : depthwise_(register_module("conv1", convolution(in, in, 3, 1, in))),
        pointwise_(register_module("pointwise", convolution(in, out, 1))) {}
  at::Tensor forward(const at::Tensor& input) { return pointwise_(depthwise_(input)); }

 private:
  nn::Conv2d depthwise_;
  nn::Conv2d pointwise_;
};

/// ReLU, separable convolution and normalisation, several times, and a shortcut.
struct BlockShape {
  int in, out, repeats, stride;
  bool starts_with_relu = true;
  bool grows_first = true;  ///< to `out` channels in the first convolution, else in the last
};

class Block : public nn::Module {
 public:
  explicit Block(const BlockShape& shape) : rep_(register_module("rep", nn::Sequential())) {
    for (int i = 0; i < shape.repeats; ++i) {
      const bool grown = shape.grows_first ? i > 0 : false;
      const bool grows = shape.grows_first ? i == 0 : i == shape.repeats - 1;
      const int in = grown ? shape.out : shape.in;
      const int out = grown || grows ? shape.out : shape.in;
      // Not in place: the shortcut reads the input.
      if (i > 0 || shape.starts_with_relu) rep_->push_back(nn::ReLU());
      rep_->push_back(SeparableConv(in, out));
      rep_->push_back(BatchNorm(out));
    }
    if (shape.stride != 1) {
      rep_->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(shape.stride).padding(1)));
    }
    if (shape.in != shape.out || shape.stride != 1) {
      skip_ = register_module("skip", convolution(shape.in, shape.out, 1, shape.stride));
      skip_norm_ = register_module("skipbn", BatchNorm(shape.out));
    }
  }
  at::Tensor forward(const at::Tensor& input) {
    return rep_->forward(input) + (skip_.is_empty() ? input : skip_norm_(skip_(input)));
  }

 private:
  nn::Sequential rep_;
  nn::Conv2d skip_{nullptr};
  BatchNorm skip_norm_{nullptr};
};

/// Entry flow, eight times the middle flow, exit flow.
class Xception : public Detector {
 public:
  Xception() {
    const auto unpadded = [](int in, int out, int stride) {
      return nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).bias(false));
    };
    conv1_ = register_module("conv1", unpadded(3, 32, 2));
    bn1_ = register_module("bn1", BatchNorm(32));
    conv2_ = register_module("conv2", unpadded(32, 64, 1));
    bn2_ = register_module("bn2", BatchNorm(64));
    std::vector<BlockShape> shapes{
        {64, 128, 2, 2, /*starts_with_relu=*/false}, {128, 256, 2, 2}, {256, 728, 2, 2}};
    for (int i = 0; i < 8; ++i) shapes.push_back({728, 728, 3, 1});
    shapes.push_back({728, 1024, 2, 2, true, /*grows_first=*/false});
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      blocks_.push_back(
          register_module("block" + std::to_string(i + 1), std::make_shared<Block>(shapes[i])));
    }
    conv3_ = register_module("conv3", std::make_shared<SeparableConv>(1024, 1536));
    bn3_ = register_module("bn3", BatchNorm(1536));
    conv4_ = register_module("conv4", std::make_shared<SeparableConv>(1536, 2048));
    bn4_ = register_module("bn4", BatchNorm(2048));
    fc_ = register_module("fc", nn::Linear(2048, 1));
  }

  std::size_t stages() const override { return blocks_.size() + 2; }
  at::Tensor stage(std::size_t number, const at::Tensor& x) override {
    if (number == 0) return bn2_(conv2_(bn1_(conv1_(x)).relu_())).relu_();
    if (number <= blocks_.size()) return blocks_[number - 1]->forward(x);
    return bn4_(conv4_->forward(bn3_(conv3_->forward(x)).relu_()));
  }
  at::Tensor head(const at::Tensor& features) override {
    return fc_(features.relu().mean({2, 3})).squeeze(1);
  }

 private:
  nn::Conv2d conv1_{nullptr}, conv2_{nullptr};
  BatchNorm bn1_{nullptr}, bn2_{nullptr}, bn3_{nullptr}, bn4_{nullptr};
  std::vector<std::shared_ptr<Block>> blocks_;
  std::shared_ptr<SeparableConv> conv3_, conv4_;
  nn::Linear fc_{nullptr};
};

}  // namespace

std::shared_ptr<Detector> xception() { return std::make_shared<Xception>(); }

}  // namespace deepfake
