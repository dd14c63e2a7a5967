// SPDX-License-Identifier: MIT
#include "training/arithmetic.hpp"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace deepfake {
namespace {

/// Linux tells it, on x86.
std::string processor() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace

nlohmann::ordered_json arithmetic() {
  nlohmann::ordered_json json{
      {"processor", processor()}, {"threads", at::get_num_threads()}, {"libtorch", TORCH_VERSION}};
  for (const char* name : {"ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE", "ONEDNN_MAX_CPU_ISA"}) {
    const char* value = std::getenv(name);
    json[name] = value == nullptr ? "" : value;
  }
  return json;
}

}  // namespace deepfake
