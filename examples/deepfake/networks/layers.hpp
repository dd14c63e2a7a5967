// SPDX-License-Identifier: MIT
#pragma once

#include <torch/nn/modules/conv.h>

#include "networks/shared_batch.hpp"

namespace deepfake {

/// Without bias, as before a normalisation; keeps the size at stride 1.
inline torch::nn::Conv2d convolution(int in, int out, int kernel, int stride = 1, int groups = 1) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel)
                               .stride(stride)
                               .padding(kernel / 2)
                               .groups(groups)
                               .bias(false));
}

}  // namespace deepfake
