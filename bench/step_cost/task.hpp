// SPDX-License-Identifier: MIT
// What a step is measured on: parameters and a closure for each domain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <roga/closure.hpp>
#include <string>
#include <vector>

#include "networks/detector.hpp"

namespace bench {

using Shapes = std::vector<std::vector<std::int64_t>>;

/// 62 tensors, 11.7 M parameters, as in ResNet-18.
Shapes resnet18();
/// 161 tensors, 25.6 M parameters, as in ResNet-50.
Shapes resnet50();
/// 388 tensors, 4.8 M parameters: 24 encoder layers of width 128, most of the tensors small.
Shapes transformer();
/// `tensors` equal ones of `parameters` in all.
Shapes uniform(std::int64_t parameters, std::int64_t tensors);

struct Task {
  std::vector<at::Tensor> parameters;
  std::vector<roga::LossClosure> closures;  ///< one for each domain
  roga::LossClosure pooled;                 ///< all domains at once, as plain training has it
  // Where there is a network:
  std::function<std::shared_ptr<deepfake::Detector>()> make;
  std::shared_ptr<deepfake::Detector> module;
  at::Tensor images;
  at::Tensor labels;
};

/// No network: a closure's whole work is to write a gradient as a backward pass would, so that what
/// remains of a step is the library's share.
Task without_network(const Shapes& shapes, std::size_t domains);

/// The deepfake example's small residual network (width 16, batch norm) on 64 images of 64 pixels,
/// divided among the domains.
Task small_network(std::size_t domains);

/// 100 layers of width 16, 200 tensors, on 64 vectors: launches decide.
Task many_tensors(std::size_t domains);

/// ResNet-18 with one logit: on 32 images of 64 pixels, on a CUDA device 256 images of 224.
Task resnet18_network(std::size_t domains);

}  // namespace bench
