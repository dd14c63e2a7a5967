// SPDX-License-Identifier: MIT
#include "by_hand.hpp"

#include <ATen/ops/zeros_like.h>

#include <cmath>

namespace by_hand {
namespace {

constexpr double guard = 1e-12;

Tensors gradients_of(const Tensors& parameters) {
  Tensors gradients;
  for (const auto& p : parameters) gradients.push_back(p.grad().clone());
  return gradients;
}

double norm(const Tensors& tensors) {
  double sum = 0;
  for (const auto& t : tensors) sum += std::pow(t.norm().item<double>(), 2);
  return std::sqrt(sum);
}

double dot(const Tensors& a, const Tensors& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] * b[i]).sum().item<double>();
  return sum;
}

/// Leaves the mean gradient of the domains in .grad.
void evaluate(Optimizer& base, const Tensors& parameters, const Closures& domains) {
  base.zero_grad();
  for (const auto& closure : domains) closure();
  if (domains.size() == 1) return;
  const at::NoGradGuard no_grad;
  for (const auto& p : parameters) p.grad().div_(static_cast<double>(domains.size()));
}

void add(const Tensors& parameters, const Tensors& what, double factor) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].add_(what[i], factor);
}

}  // namespace

void erm(Optimizer& base, const Tensors& parameters, const Closures& domains) {
  evaluate(base, parameters, domains);
  base.step();
}

void sam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho) {
  evaluate(base, parameters, domains);
  const Tensors g = gradients_of(parameters);
  const double scale = rho / (norm(g) + guard);
  add(parameters, g, scale);
  evaluate(base, parameters, domains);
  add(parameters, g, -scale);
  base.step();
}

void asam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double eta) {
  evaluate(base, parameters, domains);
  Tensors e;
  double length = 0;
  {
    const at::NoGradGuard no_grad;
    for (const auto& p : parameters) {
      const auto t = p.abs() + eta;
      const auto tg = t * p.grad();
      length += std::pow(tg.norm().item<double>(), 2);
      e.push_back(t * tg);
    }
  }
  const double scale = rho / (std::sqrt(length) + guard);
  add(parameters, e, scale);
  evaluate(base, parameters, domains);
  add(parameters, e, -scale);
  base.step();
}

void gsam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double alpha) {
  evaluate(base, parameters, domains);
  const Tensors g = gradients_of(parameters);
  const double scale = rho / (norm(g) + guard);
  add(parameters, g, scale);
  evaluate(base, parameters, domains);
  add(parameters, g, -scale);
  const Tensors gp = gradients_of(parameters);
  const double along = dot(g, gp) / (dot(gp, gp) + guard);
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].grad().copy_(gp[i] - alpha * (g[i] - along * gp[i]));
  }
  base.step();
}

void sagm(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double alpha) {
  evaluate(base, parameters, domains);
  const Tensors g = gradients_of(parameters);
  const double scale = rho / (norm(g) + guard) - alpha;
  add(parameters, g, scale);
  evaluate(base, parameters, domains);
  add(parameters, g, -scale);
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].grad().mul_(0.5).add_(g[i], 0.5);
  }
  base.step();
}

void looksam(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
             double alpha, int period, int step, Tensors& remembered) {
  evaluate(base, parameters, domains);
  const Tensors g = gradients_of(parameters);
  const double length = norm(g);
  if (step % period != 0) {
    const double scale = alpha * length / (norm(remembered) + guard);
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].grad().add_(remembered[i], scale);
    }
  } else {
    const double scale = rho / (length + guard);
    add(parameters, g, scale);
    evaluate(base, parameters, domains);
    add(parameters, g, -scale);
    remembered = gradients_of(parameters);
    const double along = dot(remembered, g) / (length * length + guard);
    for (std::size_t i = 0; i < g.size(); ++i) remembered[i].sub_(g[i], along);
  }
  base.step();
}

void roga(Optimizer& base, const Tensors& parameters, const Closures& domains, double rho,
          double alpha, bool pooled) {
  const auto count = static_cast<double>(domains.size());
  std::vector<Tensors> g;
  for (const auto& closure : domains) {
    base.zero_grad();
    closure();
    g.push_back(gradients_of(parameters));
  }
  Tensors mean;
  Tensors captured;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    mean.push_back(g[0][i].clone());
    for (std::size_t k = 1; k < g.size(); ++k) mean[i].add_(g[k][i]);
    mean[i].div_(count);
    captured.push_back(at::zeros_like(mean[i]));
  }
  for (std::size_t k = 0; k < domains.size(); ++k) {
    const double scale = rho / (norm(g[k]) + guard);
    add(parameters, g[k], scale);
    add(parameters, mean, -alpha);
    evaluate(base, parameters, pooled ? domains : Closures{domains[k]});
    add(parameters, g[k], -scale);
    add(parameters, mean, alpha);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      captured[i].add_(parameters[i].grad(), 1 / count);
    }
  }
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].grad().copy_(0.5 * mean[i] + 0.5 * captured[i]);
  }
  base.step();
}

void pcgrad(Optimizer& base, const Tensors& parameters, const Closures& domains) {
  std::vector<Tensors> g;
  for (const auto& closure : domains) {
    base.zero_grad();
    closure();
    g.push_back(gradients_of(parameters));
  }
  std::vector<Tensors> projected;
  for (std::size_t a = 0; a < g.size(); ++a) {
    Tensors& u = projected.emplace_back();
    for (const auto& t : g[a]) u.push_back(t.clone());
    for (std::size_t b = 0; b < g.size(); ++b) {
      if (a == b) continue;
      const double product = dot(u, g[b]);
      if (product >= 0) continue;
      const double factor = product / (dot(g[b], g[b]) + guard);
      for (std::size_t i = 0; i < u.size(); ++i) u[i].sub_(g[b][i], factor);
    }
  }
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor sum = projected[0][i];
    for (std::size_t k = 1; k < projected.size(); ++k) sum = sum + projected[k][i];
    parameters[i].grad().copy_(sum / static_cast<double>(domains.size()));
  }
  base.step();
}

}  // namespace by_hand
