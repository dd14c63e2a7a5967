// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <roga/policy/over.hpp>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>
#include <roga/tensor/scalar.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// d = sum_k q_k g_k with weights that grow on domains of high loss: q_k <- q_k exp(eta L_k),
/// normalised, before use.
///
/// Group DRO (Sagawa et al., ICLR 2020, arXiv 1911.08731, algorithm 1). Weights start uniform and
/// belong to the domains' positions: a new domain enters with the mean weight, an absent one keeps
/// its weight, and the weights of the present ones are normalised for the direction.
struct WorstGroup {
  static constexpr Reads reads = Reads::domains;
  static constexpr bool from_losses = true;  ///< the coefficients follow from the losses

  double eta = 0.01;  ///< step size of the weights, >= 0

  void validate() const { detail::require_radius("eta", eta); }
  Combination direction(Step& step) const {
    const std::size_t known = step.numbers("group_dro", 0).size();
    std::size_t size = known;  // the domains may come in any order
    for (std::size_t k = 0; k < step.domains(); ++k) size = std::max(size, step.domain_id(k) + 1);
    auto& weights =
        step.numbers("group_dro", size, known > 0 ? 1.0 / static_cast<double>(known) : 1);
    std::vector<double> present(step.domains());
    const auto losses = Scalar::values(step.losses());
    std::vector<double> growth(weights.size(), 0.0);
    for (std::size_t k = 0; k < present.size(); ++k) growth[step.domain_id(k)] = eta * losses[k];
    // Normalising cancels common factors: without the largest exponent no exp overflows.
    const double largest = *std::max_element(growth.begin(), growth.end());
    // A weight of 0 would never grow again.
    constexpr double least = std::numeric_limits<double>::min();
    for (std::size_t d = 0; d < size; ++d) {
      weights[d] = std::fmax(weights[d] * std::exp(growth[d] - largest), least);
    }
    double total = 0;
    for (std::size_t k = 0; k < present.size(); ++k) total += weights[step.domain_id(k)];
    for (std::size_t k = 0; k < present.size(); ++k) {
      present[k] = weights[step.domain_id(k)] / total;
    }
    double sum = 0;
    for (const double weight : weights) sum += weight;
    for (double& weight : weights) weight /= sum;
    return detail::weighted(Over::domains, present);
  }
};

}  // namespace v1
}  // namespace roga
