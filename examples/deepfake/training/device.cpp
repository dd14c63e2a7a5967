// SPDX-License-Identifier: MIT
#include "training/device.hpp"

#include <c10/util/Exception.h>
#include <torch/cuda.h>

#include <cstdlib>
#include <stdexcept>

namespace deepfake {

at::Device checked_device(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.is_cpu()) return device;
    if (device.is_cuda()) {
      if (device.has_index() ? device.index() < static_cast<int>(torch::cuda::device_count())
                             : torch::cuda::is_available()) {
        return device;
      }
      throw std::runtime_error("option device: no " + name +
                               " here; is a driver installed, and LibTorch built for CUDA?");
    }
  } catch (const c10::Error&) {
    // Reported below.
  }
  throw std::runtime_error("option device must be cpu, cuda or cuda:N, not " + name);
}

std::string device_of_rank(const std::string& name) {
  const char* number = std::getenv("LOCAL_RANK");
  return name == "cuda" && number != nullptr ? name + ':' + number : name;
}

}  // namespace deepfake
