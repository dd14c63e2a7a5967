// SPDX-License-Identifier: MIT
// Checks for policies of your own, in any test framework. Not part of <roga/roga.hpp>.
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <torch/optim/sgd.h>
#include <torch/serialize.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <numeric>
#include <roga/cost.hpp>
#include <roga/optimizer.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace testing {

/// A small problem with known traits: a two-layer tanh network in float64 with one batch per
/// domain, and a parameter that no loss depends on.
class Problem {
 public:
  /// @param domains number of closures; @param seed of weights and data
  explicit Problem(std::size_t domains = 3, std::uint64_t seed = 1) {
    auto generator = at::detail::createCPUGenerator(seed);
    auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::kDouble); };
    for (const at::Tensor& values : {draw({4, 6}), draw({6}), draw({6, 2}), draw({3})}) {
      parameters_.push_back(values.mul(0.5).set_requires_grad(true));
    }
    for (std::size_t k = 0; k < domains; ++k) {
      inputs_.push_back(draw({8, 4}) + 0.3 * static_cast<double>(k));
      targets_.push_back(draw({8, 2}));
    }
  }

  /// Leaves, in float64.
  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  /// How many closures there are.
  std::size_t domains() const { return inputs_.size(); }
  /// @param scale of the loss; 0 gives a zero gradient
  LossClosure closure(std::size_t k, double scale = 1.0) const {
    return [this, k, scale] {
      const auto& p = parameters_;
      const auto output = at::matmul((at::matmul(inputs_[k], p[0]) + p[1]).tanh(), p[2]);
      auto loss = (output - targets_[k]).square().mean() * scale;
      loss.backward();
      return loss.detach();
    };
  }
  /// One closure for each domain.
  std::vector<LossClosure> closures() const {
    std::vector<LossClosure> list;
    for (std::size_t k = 0; k < domains(); ++k) list.push_back(closure(k));
    return list;
  }

 private:
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> inputs_;
  std::vector<at::Tensor> targets_;
};

/// What is true of the recipe under test.
struct Traits {
  bool ordered = false;     ///< the result depends on the order of the domains
  double tolerance = 1e-8;  ///< relative, for permuted domains
};

namespace detail {

using Values = std::vector<at::Tensor>;

inline Values copy(const Values& tensors) {
  Values copies;
  for (const auto& tensor : tensors) copies.push_back(tensor.detach().clone());
  return copies;
}
/// Every bit the same (so that -0 differs from 0, and NaN equals itself).
inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const auto x = a.detach().contiguous();
  const auto y = b.detach().contiguous();
  return x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type() &&
         (x.nbytes() == 0 || std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0);
}
inline bool same_bits(const Values& a, const Values& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i], b[i]);
  return same;
}
inline bool finite(const Values& tensors) { return roga::detail::all_finite(tensors); }
/// Largest difference over all entries, relative to the largest entry.
inline double deviation(const Values& a, const Values& b) {
  double worst = 0;
  double largest = 1e-300;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].numel() == 0) continue;
    worst = std::fmax(worst, (a[i] - b[i]).abs().max().item<double>());
    largest = std::fmax(largest, b[i].abs().max().item<double>());
  }
  return worst / largest;
}

template <class R>
auto optimizer_for(const R& recipe, const Problem& problem, double rate = 0.1) {
  return wrap<torch::optim::SGD>(recipe, problem.parameters(), torch::optim::SGDOptions(rate));
}

/// The share of the steps that have points.
template <class P, class C, class A>
double frequency_of(const Recipe<P, C, A>& recipe) {
  if constexpr (requires { recipe.perturbation.frequency(); }) {
    return recipe.perturbation.frequency();
  }
  return 1.0;
}

/// Enough steps to see a periodic ascent twice.
template <class P, class C, class A>
std::size_t steps_for(const Recipe<P, C, A>& recipe) {
  if constexpr (requires { recipe.perturbation.frequency(); }) {
    return 2 * static_cast<std::size_t>(std::lround(1 / frequency_of(recipe)));
  }
  return 3;
}

template <class R>
Values train(const R& recipe, const std::vector<std::size_t>& order, std::size_t steps,
             double rate = 0.1) {
  const Problem problem;
  auto optimizer = optimizer_for(recipe, problem, rate);
  std::vector<LossClosure> closures;
  for (const std::size_t k : order) closures.push_back(problem.closure(k));
  for (std::size_t step = 0; step < steps; ++step) optimizer.step(closures);
  return copy(problem.parameters());
}

/// The message of an exception in one line, without LibTorch's backtrace.
inline std::string in_one_line(const std::exception& error) {
  const auto* of_libtorch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = of_libtorch ? of_libtorch->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

/// The checks. Each returns whether the recipe keeps its rule, or what it found wrong, in words.
template <class R>
class Checks {
 public:
  Checks(const R& recipe, Traits traits) : recipe_(recipe), traits_(traits) {}

  std::vector<std::string> run() {
    // If these fail, the others would only repeat it.
    if (!attempt("frequency() is a share of the steps", [&] { return frequency_is_a_share(); }) ||
        !attempt("steps run", [&] { return steps_run(); })) {
      return std::move(violations_);
    }
    attempt("runs are repeatable", [&] {
      return same_bits(train(recipe_, order_, steps_), train(recipe_, order_, steps_));
    });
    attempt("weights that the base does not change keep bits and storage", [&] { return kept(); });
    attempt("a closure that throws leaves no trace", [&] { return survives_exceptions(); });
    attempt("zero gradients give a finite direction", [&] { return finite_for_zero({0, 0, 0}); });
    attempt("one domain with a zero gradient among others gives a finite direction", [&] {
      return finite_for_zero({1, 0, 1});
    });
    attempt("one domain alone works", [&] { return finite(train(recipe_, {0}, steps_)); });
    attempt("an absent domain works", [&] { return works_without_a_domain(); });
    attempt("saving and loading continues bit for bit", [&] { return resumes(); });
    if (!traits_.ordered) {
      attempt("permuting the domains changes rounding only", [&] {
        return deviation(train(recipe_, {2, 0, 1}, steps_), train(recipe_, order_, steps_)) <=
               traits_.tolerance;
      });
    }
    attempt("points and passes are those of roga::cost", [&] { return costs_what_it_says(); });
    return std::move(violations_);
  }

 private:
  /// One line for each rule that is broken, and for each error once, whichever rules it breaks.
  template <class Check>
  bool attempt(const std::string& rule, Check&& check) {
    try {
      const auto found = check();
      if constexpr (std::is_same_v<decltype(found), const bool>) {
        if (!found) violations_.push_back(rule);
        return found;
      } else {
        if (!found.empty()) violations_.push_back(rule + ": " + found);
        return found.empty();
      }
    } catch (const std::exception& error) {
      auto text = in_one_line(error);
      if (std::find(errors_.begin(), errors_.end(), text) == errors_.end()) {
        violations_.push_back(rule + ": " + text);
        errors_.push_back(std::move(text));
      }
      return false;
    }
  }

  std::string frequency_is_a_share() {
    const double frequency = frequency_of(recipe_);
    if (!(frequency > 0 && frequency <= 1)) {
      return "it returned " + std::to_string(frequency) + ", which is not in (0, 1]";
    }
    steps_ = steps_for(recipe_);
    return "";
  }
  std::string steps_run() const {
    const Problem problem;
    auto optimizer = optimizer_for(recipe_, problem);
    for (std::size_t step = 0; step < steps_; ++step) {
      optimizer.step(problem.closures());
      if (optimizer.last_step().skipped()) return "finite gradients gave NaN or infinity";
    }
    return "";
  }
  bool kept() const {
    const Problem problem;
    const auto before = copy(problem.parameters());
    std::vector<void*> storage;
    for (const auto& parameter : problem.parameters()) storage.push_back(parameter.data_ptr());
    auto optimizer = optimizer_for(recipe_, problem, 0.0);
    for (std::size_t step = 0; step < steps_; ++step) optimizer.step(problem.closures());
    for (std::size_t i = 0; i < storage.size(); ++i) {
      if (problem.parameters()[i].data_ptr() != storage[i]) return false;
    }
    return same_bits(problem.parameters(), before);
  }

  /// Throws at every evaluation in turn, which must not change the steps that succeed.
  bool survives_exceptions() const {
    const Problem problem;
    auto optimizer = optimizer_for(recipe_, problem);
    for (std::size_t step = 0; step < steps_; ++step) {
      for (std::size_t fatal = 0;; ++fatal) {
        std::size_t calls = 0;
        std::vector<LossClosure> failing;
        for (const auto& closure : problem.closures()) {
          failing.emplace_back([&calls, fatal, closure] {
            auto loss = closure();
            if (calls++ == fatal) throw std::runtime_error("on purpose");
            return loss;
          });
        }
        bool failed = false;
        try {
          optimizer.step(failing);
        } catch (const std::runtime_error&) {
          failed = true;
        }
        if (!failed) break;  // past the last evaluation: this was the step
      }
    }
    return same_bits(problem.parameters(), train(recipe_, order_, steps_));
  }

  bool finite_for_zero(const std::vector<double>& scales) const {
    const Problem problem;
    auto optimizer = optimizer_for(recipe_, problem);
    std::vector<LossClosure> closures;
    for (std::size_t k = 0; k < scales.size(); ++k) {
      closures.push_back(problem.closure(k, scales[k]));
    }
    for (std::size_t step = 0; step < steps_; ++step) {
      optimizer.step(closures);
      if (optimizer.last_step().skipped()) return false;
    }
    return finite(problem.parameters());
  }

  bool works_without_a_domain() const {
    const Problem problem;
    auto optimizer = optimizer_for(recipe_, problem);
    for (std::size_t step = 0; step < steps_ + 3; ++step) {
      auto closures = problem.closures();
      closures[step % 3] = nullptr;
      optimizer.step(closures);
      if (optimizer.last_step().skipped()) return false;
    }
    return finite(problem.parameters());
  }

  bool resumes() const {
    const Problem problem;
    std::stringstream file;
    {
      auto first = optimizer_for(recipe_, problem);
      for (std::size_t step = 0; step < steps_; ++step) first.step(problem.closures());
      torch::save(first, file);
    }
    auto second = optimizer_for(recipe_, problem);
    torch::load(second, file);
    for (std::size_t step = 0; step < steps_; ++step) second.step(problem.closures());
    return same_bits(problem.parameters(), train(recipe_, order_, 2 * steps_));
  }

  std::string costs_what_it_says() const {
    for (const std::size_t domains : {1U, 2U, 4U}) {
      const Problem problem(domains);
      auto optimizer = optimizer_for(recipe_, problem);
      double evaluations = 0;
      double points = 0;
      for (std::size_t step = 0; step < 2 * steps_; ++step) {
        optimizer.step(problem.closures());
        evaluations += static_cast<double>(optimizer.last_step().evaluations());
        points += static_cast<double>(optimizer.last_step().points());
      }
      const auto steps = static_cast<double>(2 * steps_);
      const std::string over = " over " + std::to_string(domains) + " domains";
      if constexpr (requires { recipe_.perturbation.visits(domains); }) {
        const auto visits = recipe_.perturbation.visits(domains);
        if (std::abs(points / steps - frequency_of(recipe_) * static_cast<double>(visits)) > 1e-9) {
          return "visits() says " + std::to_string(visits) + " points" + over +
                 ", but the mean step has " + std::to_string(points / steps);
        }
      }
      if constexpr (requires { roga::cost(recipe_, domains); }) {
        const double told = roga::cost(recipe_, domains).passes;
        const double passes = evaluations / steps / static_cast<double>(domains);
        if (!(std::abs(passes - told) <= 1e-12)) {
          return "it says " + std::to_string(told) + " passes" + over +
                 ", but the mean step makes " + std::to_string(passes) +
                 "; see share() of the capture policy";
        }
      }
    }
    return "";
  }

  const R& recipe_;
  Traits traits_;
  std::size_t steps_ = 0;
  std::vector<std::size_t> order_{0, 1, 2};
  std::vector<std::string> violations_;
  std::vector<std::string> errors_;  ///< messages that a violation has told
};

}  // namespace detail

/// Every rule of roga's engine and concepts that the recipe breaks, in words, one line for each;
/// empty if none. Takes well under a second.
///
///     for (const auto& rule : roga::testing::violations(my_recipe)) ADD_FAILURE() << rule;
template <PerturbationPolicy P, CapturePolicy C, AlignmentPolicy A>
std::vector<std::string> violations(const Recipe<P, C, A>& recipe, Traits traits = {}) {
  return detail::Checks<Recipe<P, C, A>>(recipe, traits).run();
}

/// Largest difference between two recipes after a few steps over three domains, relative to the
/// largest weight: for identities such as "without its extra term my method is SAM".
/// @param rate_factor learning rate of `b` relative to that of `a`
template <class A, class B>
double deviation(const A& a, const B& b, double rate_factor = 1.0) {
  const std::size_t steps = std::max(detail::steps_for(a), detail::steps_for(b));
  return detail::deviation(detail::train(a, {0, 1, 2}, steps),
                           detail::train(b, {0, 1, 2}, steps, 0.1 * rate_factor));
}

}  // namespace testing
}  // namespace v1
}  // namespace roga
