// SPDX-License-Identifier: MIT
// The networks by themselves; training/model.hpp chooses among them by name. Each ends in one logit
// instead of the 1000 classes that it was published with, and names its tensors as the weights that
// people have for it do, so that these load by name.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "networks/detector.hpp"

namespace deepfake {

/// A stem and six residual blocks. Most of the work happens at an eighth of the input's side and
/// less, which is what makes it quick on one CPU core.
/// @param width channels of the stem, a multiple of 8
/// @param norm batch or group
std::shared_ptr<Detector> residual_small(int width, const std::string& norm);

/// Four stages of a 3x3 convolution, ReLU and max-pooling, of width, 2, 4 and 4 times the width,
/// then the mean over positions and a linear head. Without normalisation: no running statistics,
/// and no image of a batch depends on another.
/// @param width channels of the first stage
std::shared_ptr<Detector> conv_small(int width);

/// ResNet-18 (He et al., CVPR 2016, arXiv 1512.03385): 11.69 M parameters as published. Names of
/// torchvision.
std::shared_ptr<Detector> resnet18();

/// Xception (Chollet, CVPR 2017, arXiv 1610.02357): 22.86 M parameters as published. Names of the
/// port whose weights DeepfakeBench uses, xception-b5690688.
std::shared_ptr<Detector> xception();

/// EfficientNet-B4 (Tan and Le, ICML 2019, arXiv 1905.11946): 19.34 M parameters as published, with
/// dropout 0.4 and stochastic depth 0.2. Names of efficientnet_pytorch, whose weights DeepfakeBench
/// uses.
std::shared_ptr<Detector> efficientnet_b4();

/// A network in a TorchScript file, from images [N, 3, H, W], as they are normalised, to logits
/// [N], [N, 1] (fake) or [N, 2] (real, fake). Where it has methods `features` and `head`, Grad-CAM
/// works, too.
/// @param size of the images, for a trial
/// @throws std::runtime_error naming the file if it cannot be read, holds nothing to train, gives
/// something else, or was traced in evaluation mode: its batch norm would stay frozen, silently
std::shared_ptr<Detector> scripted(const std::filesystem::path& file, int size);

}  // namespace deepfake
