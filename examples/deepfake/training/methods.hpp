// SPDX-License-Identifier: MIT
// The methods of the roga library by name, over an optimizer by name.
#pragma once

#include <memory>
#include <roga/closure.hpp>
#include <roga/cost.hpp>
#include <roga/loss_scaler.hpp>
#include <string>
#include <vector>

#include "training/model.hpp"
#include "training/options.hpp"

namespace deepfake {

/// What one step did.
struct StepOutcome {
  std::vector<double> losses;  ///< of each domain, at the unperturbed weights
  double direction_norm = 0;
  bool skipped = false;  ///< a loss or gradient was not finite; nothing was changed
};

/// A robust optimizer whose method and base were chosen at run time.
class MethodOptimizer {
 public:
  virtual ~MethodOptimizer() = default;

  /// @param domains one closure per domain
  virtual StepOutcome step(std::vector<roga::LossClosure> domains) = 0;
  virtual void learning_rate(double lr) = 0;
  /// The first steps follow the ERM gradient.
  virtual void warm_up(std::int64_t steps) = 0;
  /// Only these parameters ascend.
  virtual void ascend_only(const std::vector<at::Tensor>& parameters) = 0;
  /// Buffers and dropout masks are those of each domain's first pass.
  virtual void protect(const Detector& detector) = 0;
  virtual void attach(const roga::LossScaler& scaler) = 0;
  /// Steps are made by all ranks of a group, from the state of rank 0.
  virtual void distribute(const roga::Distribution& distribution) = 0;
  /// What torch::save and torch::load take.
  virtual torch::optim::Optimizer& optimizer() = 0;
};

/// Names of all methods.
std::vector<std::string> method_names();

/// The options of the method that @p optimizer names, with its defaults where @p given is empty.
/// @throws std::runtime_error for an unknown method (with the nearest one) and for an option that
/// the method does not have
MethodOptions effective_options(const std::string& optimizer, const MethodOptions& given);

/// The same options, with those of the method effective.
TrainOptions with_defaults(TrainOptions options);

/// The optimizer that options.base names, over the parameters that are trained.
std::unique_ptr<torch::optim::Optimizer> make_base(const TrainOptions& options,
                                                   const Detector& detector);

/// @param detector its parameters are trained; must outlive the result
std::unique_ptr<MethodOptimizer> make_optimizer(const TrainOptions& options, Detector& detector);

}  // namespace deepfake
