// SPDX-License-Identifier: MIT
// The ResNet-34 that dlib trained on ImageNet, and dlib's file of its weights.
#pragma once

#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "networks/detector.hpp"

namespace deepfake {

/// ResNet-34 (He et al., CVPR 2016, arXiv 1512.03385) as dlib has it: affine layers in place of
/// batch norm; convolutions of stride 2 without padding; shortcuts that halve the size are means of
/// 2 x 2 pixels, their missing channels zero. Trained on images of 227 pixels in the normalisation
/// "dlib". From random weights it begins as its shortcuts alone.
std::shared_ptr<Detector> dlib_resnet34();

/// Whether the file begins as a network does that dlib has written.
bool is_dlib_network(const std::filesystem::path& file);

/// Reads dlib's resnet34_1000_imagenet_classifier.dnn. The names are those of dlib_resnet34; of the
/// head, `fc.weight` is [1000, 512] and `fc.bias` [1000].
/// @throws std::runtime_error naming the file if it is cut off or another network's
std::map<std::string, at::Tensor> read_dlib_resnet34(const std::filesystem::path& file);

}  // namespace deepfake
