// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

namespace deepfake {

/// What decides how numbers are rounded, beside what is computed: the processor's model ("unknown"
/// where the system does not tell), LibTorch's threads and version, and the environment variables
/// that choose kernels (ATEN_CPU_CAPABILITY, OPENBLAS_CORETYPE, ONEDNN_MAX_CPU_ISA; "" if unset).
/// Trainings that differ here end with other weights.
nlohmann::ordered_json arithmetic();

}  // namespace deepfake
