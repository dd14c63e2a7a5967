// SPDX-License-Identifier: MIT
#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/ops/max_pool2d.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "networks/networks.hpp"

namespace deepfake {
namespace {

namespace nn = torch::nn;

class ConvSmall : public Detector {
 public:
  explicit ConvSmall(int width)
      : convolutions_(register_module("convolutions", nn::Sequential())), classifier_(nullptr) {
    int channels = 3;
    for (const int widened : {width, 2 * width, 4 * width, 4 * width}) {
      nn::Conv2d convolution(nn::Conv2dOptions(channels, widened, 3).padding(1));
      // He et al., ICCV 2015, arXiv 1502.01852. LibTorch's own start is for other activations:
      // signals would fade from stage to stage, and nothing here brings them back.
      nn::init::kaiming_normal_(convolution->weight, 0, torch::kFanIn, torch::kReLU);
      nn::init::zeros_(convolution->bias);
      convolutions_->push_back(convolution);
      channels = widened;
    }
    classifier_ = register_module("classifier", nn::Linear(channels, 1));
  }

  std::size_t stages() const override { return convolutions_->size(); }
  at::Tensor stage(std::size_t number, const at::Tensor& x) override {
    return at::max_pool2d(convolutions_->at<nn::Conv2dImpl>(number).forward(x).relu_(), 2);
  }
  at::Tensor head(const at::Tensor& features) override {
    return classifier_(features.mean({2, 3})).squeeze(1);
  }

 private:
  nn::Sequential convolutions_;
  nn::Linear classifier_;
};

}  // namespace

std::shared_ptr<Detector> conv_small(int width) { return std::make_shared<ConvSmall>(width); }

}  // namespace deepfake
