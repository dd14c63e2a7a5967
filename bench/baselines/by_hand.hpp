// SPDX-License-Identifier: MIT
// The loops that a LibTorch user writes without roga: weights are perturbed in place and the
// perturbation is subtracted again, one tensor after the other. Simple on purpose; they have the
// faults that docs/guarantees.md lists.
#pragma once

#include <torch/optim/optimizer.h>

#include <roga/closure.hpp>
#include <vector>

namespace by_hand {

using Tensors = std::vector<at::Tensor>;
using Closures = std::vector<roga::LossClosure>;
using Optimizer = torch::optim::Optimizer;

/// Plain training: the mean of the domains' gradients.
void erm(Optimizer& base, const Tensors& parameters, const Closures& domains);

void sam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho);
void asam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double eta);
void gsam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double alpha);
void sagm(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double alpha);
/// @param step counts from 0; @param remembered is the loop's own memory
void looksam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
             double alpha, int period, int step, Tensors& remembered);

/// Robust gradient alignment. @param pooled whether all domains are evaluated at each point
void roga(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double alpha, bool pooled);

void pcgrad(Optimizer& base, const Tensors& parameters, const Closures& domains);

}  // namespace by_hand
