// SPDX-License-Identifier: MIT
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace deepfake {

/// @throws std::runtime_error for a device that LibTorch does not know or that is not there
at::Device checked_device(const std::string& name);

/// Of one of several processes: "cuda" is the GPU of its number on the machine, LOCAL_RANK.
std::string device_of_rank(const std::string& name);

}  // namespace deepfake
