// SPDX-License-Identifier: MIT
#include "generalization/compositions.hpp"

#include <roga/recipe.hpp>
#include <stdexcept>
#include <utility>

#include "training/recipe_optimizer.hpp"

namespace generalization {
std::unique_ptr<deepfake::MethodOptimizer> make_optimizer(const Variant& variant,
                                                          deepfake::Detector& net) {
  const deepfake::TrainOptions training = deepfake::with_defaults(variant.training);
  const bool has_budget = variant.loss_budget > 0;
  if (variant.captured_rule.empty() && !has_budget) return deepfake::make_optimizer(training, net);
  if (training.optimizer != "roga") {
    throw std::runtime_error(variant.name +
                             ": captured-rule and loss-budget are for the optimizer roga, not " +
                             training.optimizer);
  }
  roga::DomainAscent ascent{.rho = deepfake::value_of<double>(training.method, "rho"),
                            .alpha = deepfake::value_of<double>(training.method, "alpha")};
  if (has_budget) ascent.radius = {.loss_budget = variant.loss_budget};
  const auto with = [&](auto alignment) {
    auto made = deepfake::wrapped(deepfake::make_base(training, net),
                                  roga::recipe(ascent, roga::OwnDomain{}, std::move(alignment)));
    if (training.protect) made->protect(net);
    return made;
  };
  const std::string& rule = variant.captured_rule;
  if (rule == "upgrad") return with(roga::UpGrad<roga::Over::captured>{});
  if (rule == "cagrad") return with(roga::ConflictAverse<roga::Over::captured>{});
  if (rule == "pcgrad") return with(roga::PcGrad<roga::Over::captured>{});
  if (!rule.empty()) {
    throw std::runtime_error(variant.name +
                             ": captured-rule must be upgrad, cagrad or pcgrad, not " + rule);
  }
  return with(roga::WeightedSum{.w_erm = deepfake::value_of<double>(training.method, "w-erm"),
                                .w_gen = deepfake::value_of<double>(training.method, "w-gen")});
}

}  // namespace generalization
