// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <torch/csrc/jit/api/module.h>

#include <optional>

#include "networks/detector.hpp"

namespace deepfake {

/// The script of a detector that scripted() has made, with the same tensors; nothing of others.
std::optional<torch::jit::Module> script_of(const Detector& detector);

}  // namespace deepfake
