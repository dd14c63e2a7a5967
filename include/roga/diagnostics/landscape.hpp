// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>

#include <cstdint>
#include <roga/diagnostics/loss.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace diagnostics {

/// A random direction whose filters (rows of the first dimension) are as long as the parameters'
/// own, so that networks of different scale can be compared (Li et al., NeurIPS 2018, arXiv
/// 1712.09913); parameters of one dimension, such as biases, stay put, as in the paper.
inline GradientList filter_normalised_direction(const std::vector<at::Tensor>& parameters,
                                                std::uint64_t seed) {
  const c10::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(seed);
  GradientList direction;
  for (const auto& parameter : parameters) {
    at::Tensor d = at::randn(parameter.sizes(), generator, at::kDouble)
                       .to(parameter.device(), parameter.scalar_type());
    if (parameter.dim() < 2) {
      direction.emplace_back();
      continue;
    }
    const auto filters = d.flatten(1);
    const auto own = parameter.detach().flatten(1).norm(2, 1, true);
    direction.push_back((filters * (own / (filters.norm(2, 1, true) + 1e-10))).view_as(parameter));
  }
  return direction;
}

/// The loss along two directions, [a][b] at theta + x[a] first + y[b] second. Afterwards the
/// parameters are as before, bit for bit. Cost: one forward pass for each point.
inline std::vector<std::vector<double>> landscape(const Loss& loss,
                                                  const std::vector<at::Tensor>& parameters,
                                                  const GradientList& first,
                                                  const std::vector<double>& x,
                                                  const GradientList& second = {},
                                                  const std::vector<double>& y = {0.0}) {
  TORCH_CHECK(first.size() == parameters.size(),
              "roga::diagnostics: landscape() got a first direction of ", first.size(),
              " tensors for ", parameters.size(), " parameters; give one for each");
  TORCH_CHECK(second.empty() || second.size() == parameters.size(),
              "roga::diagnostics: landscape() got a second direction of ", second.size(),
              " tensors for ", parameters.size(), " parameters; give one for each");
  std::vector<std::vector<double>> values;
  detail::Excursion excursion(parameters);
  for (const double a : x) {
    auto& row = values.emplace_back();
    for (const double b : y) {
      std::vector<std::pair<double, const GradientList*>> offsets{{a, &first}};
      if (!second.empty()) offsets.emplace_back(b, &second);
      excursion.go_to(offsets);
      row.push_back(detail::value(loss));
    }
  }
  return values;
}

}  // namespace diagnostics
}  // namespace v1
}  // namespace roga
