// SPDX-License-Identifier: MIT
// roga_fuzz [--seed S] [--cases N] [--case I] [--digests]: random parameters, recipes, base
// optimizers and faults. Whatever fails must leave no trace: a twin that never saw the failing
// steps ends with the same bits. Prints the command that repeats a failing case; with --digests
// also what each case ends with, as a digest of the bits.
#include "support/torch.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/autocast.hpp"
#include "support/digest.hpp"
#include "support/problems.hpp"
#include "support/recipes.hpp"

using support::Autocast;

namespace {

struct InjectedFault : std::runtime_error {
  InjectedFault() : std::runtime_error("injected") {}
};
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};
void require(bool holds, const std::string& what) {
  if (!holds) throw Violation(what);
}

using Draw = std::mt19937_64;
std::size_t below(Draw& draw, std::size_t bound) { return draw() % bound; }
bool chance(Draw& draw, double probability) {
  return static_cast<double>(draw() >> 11U) * 0x1p-53 < probability;
}

/// What one case does; drawn once, so that the twin does the same.
struct Plan {
  std::uint64_t seed = 0;
  std::size_t recipe = 0;
  std::size_t base = 0;
  std::size_t domains = 1;
  bool single = false;  ///< float32
  double rate = 0.05;
  roga::NonFinite rule = roga::NonFinite::skip;
  bool diagnose = false;
  bool clip = false;
  std::int64_t warm_up = 0;
  bool shared = false;         ///< a SharedForward instead of closures
  bool pooled = false;         ///< a closure over all domains beside those
  bool noisy = false;          ///< batch norm and dropout, protected
  bool subset = false;         ///< ascend along some parameters only
  std::size_t save_after = 0;  ///< save and load into a new optimizer after this step; 0: never

  bool autocast = false;           ///< around all steps
  bool bucket = false;             ///< gradients are views of a flat tensor
  bool tied = false;               ///< a second tensor over the memory of the first parameter
  bool still = false;              ///< an expanded and a read-only tensor among the parameters
  bool growing = false;            ///< a protected module whose buffer grows in each pass
  std::size_t regroup_before = 0;  ///< a parameter joins, and the order turns; 0: never

  enum class Fault { none, throws, nan_loss, nan_gradient };
  struct StepPlan {
    Fault fault = Fault::none;
    std::size_t at = 0;        ///< evaluation with the fault
    std::size_t absent = 0;    ///< domain without closure; none if not below `domains`
    std::uint64_t unused = 0;  ///< bit p: parameter p takes no part in even evaluations
    bool zero = false;         ///< a loss of zero
  };
  std::vector<StepPlan> steps;
};

constexpr std::size_t adagrad = 3;
constexpr std::size_t lbfgs = 5;

Plan make_plan(std::uint64_t seed, std::size_t recipes) {
  Draw draw(seed);
  Plan plan;
  plan.seed = draw();
  plan.recipe = below(draw, recipes);
  plan.base = below(draw, 6);
  plan.domains = 1 + below(draw, 4);
  plan.single = chance(draw, .5);
  plan.rate = chance(draw, .2) ? 0.0 : 0.02;
  plan.rule = chance(draw, .5) ? roga::NonFinite::skip : roga::NonFinite::raise;
  plan.diagnose = chance(draw, .2);
  plan.clip = chance(draw, .2);
  plan.warm_up = chance(draw, .2) ? 1 : 0;
  plan.subset = chance(draw, .2);
  plan.shared = chance(draw, .15);
  plan.noisy = chance(draw, .25);
  const std::size_t steps = 1 + below(draw, 5);
  plan.save_after = chance(draw, .2) ? 1 + below(draw, steps) : 0;
  for (std::size_t i = 0; i < steps; ++i) {
    Plan::StepPlan step;
    if (chance(draw, .4)) step.fault = static_cast<Plan::Fault>(1 + below(draw, 3));
    step.at = below(draw, 2 * plan.domains + 2);
    step.absent = plan.domains > 1 && chance(draw, .2) ? below(draw, plan.domains) : plan.domains;
    step.unused = chance(draw, .3) ? draw() : 0;
    step.zero = chance(draw, .05);
    plan.steps.push_back(step);
  }
  plan.autocast = chance(draw, .2) && plan.single && plan.base != lbfgs;
  plan.bucket = chance(draw, .2);
  plan.tied = chance(draw, .2);
  plan.still = chance(draw, .2) && plan.base != lbfgs;
  plan.growing = chance(draw, .2);
  // LibTorch's Adagrad has no state for parameters that join later.
  const bool may_join = plan.save_after == 0 && plan.base != lbfgs && plan.base != adagrad;
  plan.regroup_before = chance(draw, .2) && may_join ? below(draw, steps) : 0;
  plan.pooled = chance(draw, .25) && !plan.shared;
  return plan;
}

/// Sixteen pages of zeros that end the program if they are written to.
at::Tensor read_only(at::ScalarType type) {
  constexpr std::size_t bytes = 1U << 16U;
  void* pages = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return torch::from_blob(
      pages, {2, 3}, [](void* memory) { munmap(memory, bytes); }, type);
}

/// A module that remembers what it has seen, in a buffer that it replaces.
struct History : torch::nn::Module {
  at::Tensor seen = register_buffer("seen", torch::zeros({1}));
  void add(const at::Tensor& value) {
    const auto more = torch::cat({seen, value.detach().to(at::kFloat).reshape({1})});
    seen.resize_({more.size(0)}).copy_(more);
  }
};

/// Parameters of awkward shapes, and losses over them.
class World {
 public:
  explicit World(const Plan& plan) : plan_(plan) {
    Draw draw(plan.seed);
    const auto type = plan.single ? at::kFloat : at::kDouble;
    auto noise = [&](std::vector<std::int64_t> shape) {
      std::int64_t count = 1;
      for (const auto size : shape) count *= size;
      std::vector<double> values(static_cast<std::size_t>(count));
      for (auto& value : values) value = std::normal_distribution<double>()(draw);
      return torch::tensor(values, at::kDouble).reshape(shape).to(type);
    };
    const std::size_t count = 1 + below(draw, 5);
    for (std::size_t i = 0; i < count; ++i) {
      switch (below(draw, 6)) {
        case 0:
          parameters_.push_back(noise({}));
          break;
        case 1:
          parameters_.push_back(plan.base == lbfgs ? noise({3}) : noise({0, 3}));  // empty
          break;
        case 2:  // not contiguous, which LibTorch's LBFGS refuses by itself
          parameters_.push_back(plan.base == lbfgs ? noise({2, 3}) : noise({3, 2}).t());
          break;
        case 3: {  // two views of one storage
          const auto whole = noise({6});
          parameters_.push_back(whole.narrow(0, 0, 2));
          parameters_.push_back(whole.narrow(0, 2, 4));
          break;
        }
        default:
          parameters_.push_back(noise({2, 3}));
      }
    }
    for (auto& parameter : parameters_) {
      parameter.set_requires_grad(!chance(draw, .1));  // some are frozen
      std::vector<at::Tensor> targets;
      for (std::size_t k = 0; k < plan.domains; ++k) {
        targets.push_back(noise(parameter.sizes().vec()));
      }
      targets_.push_back(targets);
    }
    parameters_[0].set_requires_grad(true);
    trained_ = parameters_[0];
    auto join = [&](const at::Tensor& parameter) {
      parameters_.push_back(parameter);
      targets_.emplace_back(plan.domains, noise(parameter.sizes().vec()));
    };
    if (plan.tied) join(trained_.detach().set_requires_grad(true));
    if (plan.still) {
      join(noise({3}).expand({2, 3}));
      join(read_only(type));
    }
    if (plan.bucket) {
      std::int64_t entries = 0;
      for (const auto& parameter : parameters_) entries += parameter.numel();
      const auto flat = torch::zeros({entries}, type);
      std::int64_t from = 0;
      for (auto& parameter : parameters_) {
        if (parameter.requires_grad()) {
          parameter.mutable_grad() =  // in the parameter's layout: sums keep their order
              flat.as_strided(parameter.sizes(), parameter.strides(), from);
        }
        from += parameter.numel();
      }
    }
    late_ = noise({2}).set_requires_grad(true);
    norm_->to(type);
    for (std::size_t k = 0; k < plan.domains; ++k) inputs_.push_back(noise({4, 3}));
    torch::manual_seed(plan.seed);
  }

  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  /// A parameter of another group; its loss is there from the beginning.
  const at::Tensor& late() const { return late_; }

  std::vector<roga::LossClosure> closures(std::size_t index, bool with_fault) {
    evaluations_ = 0;
    std::vector<roga::LossClosure> list;
    for (std::size_t k = 0; k < plan_.domains; ++k) {
      if (k == plan_.steps[index].absent) {
        list.emplace_back(nullptr);
        continue;
      }
      list.emplace_back([this, k, index, with_fault] {
        const auto now = next_evaluation(index, with_fault);
        return differentiated(loss_of(k, now), now);
      });
    }
    return list;
  }
  /// Those, and one over the domains that are present, which gives their losses or the mean.
  roga::Domains domains(std::size_t index, bool with_fault) {
    auto list = closures(index, with_fault);
    return {std::move(list), [this, index, with_fault] {
              const auto now = next_evaluation(index, with_fault);
              std::vector<at::Tensor> losses;
              for (std::size_t k = 0; k < plan_.domains; ++k) {
                if (k != plan_.steps[index].absent) losses.push_back(loss_of(k, now));
              }
              const auto all = torch::stack(losses);
              const auto mean = differentiated(all.mean(), now);
              return index % 2 == 0 ? mean : all.detach();
            }};
  }
  /// All domains in one pass; a NaN gradient comes by way of the loss here.
  roga::SharedForward forward(std::size_t index, bool with_fault) {
    evaluations_ = 0;
    return {[this, index, with_fault] {
      const auto now = next_evaluation(index, with_fault);
      if (now.fault == Plan::Fault::throws) throw InjectedFault();
      std::vector<at::Tensor> losses;
      for (std::size_t k = 0; k < plan_.domains; ++k) {
        losses.push_back(loss_of(k, now) + 0 * trained_.sum());
      }
      if (now.fault == Plan::Fault::nan_gradient) losses[0] = losses[0] * NAN;
      return torch::stack(losses);
    }};
  }

  /// Running statistics and the generator's state: what a failing step must not move.
  torch::nn::BatchNorm1d& norm() { return norm_; }
  History& history() { return *history_; }
  std::vector<at::Tensor> surroundings() {
    auto state = norm_->buffers();
    if (plan_.growing) state.push_back(history_->seen);
    state.push_back(at::detail::getDefaultCPUGenerator().get_state());
    return problems::copy(state);
  }

 private:
  struct Evaluation {
    const Plan::StepPlan& step;
    Plan::Fault fault;
    bool even;
  };
  Evaluation next_evaluation(std::size_t index, bool with_fault) {
    const auto& step = plan_.steps[index];
    const std::size_t evaluation = evaluations_++;
    const bool faulty = with_fault && evaluation == step.at;
    return {step, faulty ? step.fault : Plan::Fault::none, evaluation % 2 == 0};
  }
  /// The end of a closure.
  at::Tensor differentiated(const at::Tensor& loss, const Evaluation& now) {
    if (loss.requires_grad()) loss.backward();
    if (now.fault == Plan::Fault::throws) throw InjectedFault();
    if (now.fault == Plan::Fault::nan_gradient) poison_a_gradient();
    return loss.detach();
  }
  at::Tensor loss_of(std::size_t k, const Evaluation& now) {
    auto loss = torch::zeros({}, parameters_[0].options().requires_grad(false));
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      if (p > 0 && now.even && ((now.step.unused >> p) & 1U) != 0) continue;
      const auto& w = parameters_[p];
      loss = loss + (w - targets_[p][k]).square().sum() + (w * w.detach()).sin().sum() * .1;
    }
    loss = loss + .1 * (late_ - 1).square().sum();
    if (plan_.autocast) {
      for (const auto& w : parameters_) {
        if (w.dim() != 2 || w.size(1) != 3) continue;
        const auto product = torch::linear(inputs_[k], w);
        // Autocast keeps no cast of a tensor outside of the graph.
        require(problems::same_bits(product, torch::linear(inputs_[k], w.detach())),
                "a pass saw a cast of other weights");
        loss = loss + .1 * product.to(at::kFloat).square().mean();
      }
    }
    if (plan_.growing) history_->add(loss);
    if (plan_.noisy) {
      const auto hidden = norm_->forward(inputs_[k] * (1 + loss.detach().tanh()) + loss.tanh());
      loss = loss + .1 * torch::dropout(hidden, .5, /*train=*/true).square().mean();
    }
    if (now.step.zero) loss = loss * 0;
    if (now.fault == Plan::Fault::nan_loss) loss = loss * NAN;
    return loss;
  }
  void poison_a_gradient() {
    for (auto& w : parameters_) {
      if (w.grad().defined() && w.numel() > 0) {
        w.mutable_grad() = torch::full_like(w, NAN);
        break;
      }
    }
  }

  const Plan& plan_;
  std::shared_ptr<History> history_ = std::make_shared<History>();
  at::Tensor late_;
  torch::nn::BatchNorm1d norm_{torch::nn::BatchNorm1dOptions(3).affine(false)};
  std::vector<at::Tensor> inputs_;
  at::Tensor trained_;  ///< a parameter that is not frozen: SharedForward needs a graph
  std::vector<at::Tensor> parameters_;
  std::vector<std::vector<at::Tensor>> targets_;
  std::size_t evaluations_ = 0;
};

std::unique_ptr<torch::optim::Optimizer> make_base(std::size_t which,
                                                   const std::vector<at::Tensor>& p, double rate) {
  using namespace torch::optim;
  switch (which) {
    case 0:
      return std::make_unique<SGD>(p, SGDOptions(rate).momentum(.9).nesterov(true));
    case 1:
      return std::make_unique<Adam>(p, AdamOptions(rate).amsgrad(true));
    case 2:
      return std::make_unique<AdamW>(p, AdamWOptions(rate));
    case 3:
      return std::make_unique<Adagrad>(p, AdagradOptions(rate));
    case 4:
      return std::make_unique<RMSprop>(p, RMSpropOptions(rate).momentum(.5));
    default:
      return std::make_unique<LBFGS>(p, LBFGSOptions(rate).max_iter(3));
  }
}

template <class Recipe>
auto make_optimizer(const Recipe& recipe, const Plan& plan, World& world) {
  using Optimizer = decltype(roga::wrap(make_base(0, world.parameters(), 0), recipe));
  std::unique_ptr<Optimizer> optimizer(
      new Optimizer(roga::wrap(make_base(plan.base, world.parameters(), plan.rate), recipe)));
  optimizer->non_finite(plan.rule);
  optimizer->diagnose(plan.diagnose);
  if (plan.clip) optimizer->clip_norm(1.0);
  optimizer->warm_up(plan.warm_up);
  if (plan.subset) optimizer->ascend_only({world.parameters()[0]});
  if (plan.noisy) optimizer->protect(*world.norm());
  if (plan.growing) optimizer->protect(world.history());
  return optimizer;
}

/// What the plan changes about the parameters before a step, whether or not that succeeds.
template <class Optimizer>
void regroup(Optimizer& optimizer, World& world, const Plan& plan, std::size_t index) {
  if (plan.regroup_before > 0 && index == plan.regroup_before) {
    auto& first = optimizer.param_groups().front().params();
    std::rotate(first.begin(), first.begin() + 1, first.end());
    optimizer.add_param_group(
        torch::optim::OptimizerParamGroup(std::vector<at::Tensor>{world.late()}));
  }
}

template <class Optimizer>
void take_step(Optimizer& optimizer, World& world, const Plan& plan, std::size_t index,
               bool with_fault) {
  // Walks over domains need their number beforehand.
  if (plan.shared && std::decay_t<decltype(optimizer.perturbation())>::at_theta) {
    optimizer.step(world.forward(index, with_fault));
  } else if (plan.pooled) {
    optimizer.step(world.domains(index, with_fault));
  } else {
    optimizer.step(world.closures(index, with_fault));
  }
}

/// @return a digest of the last weights
template <class Recipe>
std::string run_case(const Recipe& recipe, const Plan& plan) {
  World world(plan);
  std::optional<Autocast> region(std::in_place, plan.autocast);
  const auto& parameters = world.parameters();
  const auto start = problems::copy(parameters);
  std::vector<const void*> storage;
  for (const auto& parameter : parameters) storage.push_back(parameter.data_ptr());
  auto optimizer = make_optimizer(recipe, plan, world);
  std::vector<bool> done;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto before = problems::copy(parameters);
    const auto around = world.surroundings();
    bool failed = false;
    regroup(*optimizer, world, plan, i);
    try {
      take_step(*optimizer, world, plan, i, /*with_fault=*/true);
      failed = optimizer->last_step().skipped();
      require(!failed || plan.rule == roga::NonFinite::skip, "a step was skipped that must raise");
    } catch (const InjectedFault&) {
      require(plan.steps[i].fault == Plan::Fault::throws, "a fault came out that was not put in");
      failed = true;
    } catch (const c10::Error& error) {
      require(
          plan.rule == roga::NonFinite::raise &&
              std::string(error.what_without_backtrace()).find("not finite") != std::string::npos,
          std::string("an unexpected error: ") + error.what_without_backtrace());
      failed = true;
    }
    if (failed || plan.rate == 0) {
      require(problems::same_bits(parameters, before), "weights changed that must not");
    }
    if (failed && (plan.noisy || plan.growing)) {
      require(problems::same_bits(world.surroundings(), around),
              "a failing step moved running statistics or the random generator");
    }
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      require(parameters[p].data_ptr() == storage[p], "a parameter moved to other storage");
      require(parameters[p].isfinite().all().item<bool>(), "a weight is not finite");
      require(parameters[p].requires_grad() || problems::same_bits(parameters[p], start[p]),
              "a frozen parameter changed");
    }
    done.push_back(!failed);
    // LibTorch cannot save an LBFGS whose first step ended early: its state holds undefined
    // tensors.
    if (plan.save_after == i + 1 && plan.base != lbfgs) {
      std::stringstream file;
      torch::save(*optimizer, file);
      optimizer = make_optimizer(recipe, plan, world);
      torch::load(*optimizer, file);
    }
  }

  const auto around = world.surroundings();
  region.reset();
  World twin(plan);
  region.emplace(plan.autocast);
  auto untouched = make_optimizer(recipe, plan, twin);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    regroup(*untouched, twin, plan, i);
    if (done[i]) take_step(*untouched, twin, plan, i, /*with_fault=*/false);
  }
  require(problems::same_bits(parameters, twin.parameters()),
          "a failing step or a checkpoint left a trace");
  require(problems::same_bits(world.late(), twin.late()), "a parameter that joined differs");
  require(problems::same_bits(around, twin.surroundings()),
          "running statistics or the random generator differ from the twin's");
  support::Digest digest;
  for (const auto& parameter : parameters) digest.add(parameter);
  return digest.hex();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::size_t cases = 10000;
  std::size_t first = 0;
  bool digests = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--digests") {
      digests = true;
      continue;
    }
    if (i + 1 == argc) break;
    const auto value = std::stoull(argv[++i]);
    if (name == "--seed") seed = value;
    if (name == "--cases") cases = value;
    if (name == "--case") {
      first = value;
      cases = 1;
    }
  }
  at::set_num_threads(1);
  std::size_t recipes = 0;
  every::recipe([&](const char*, const auto&, bool) { ++recipes; });
  std::cout << "seed " << seed << ", " << cases << " cases\n";
  for (std::size_t number = first; number < first + cases; ++number) {
    const Plan plan = make_plan(seed * 1000003 + number, recipes);
    std::string name;
    const auto flag = [](bool on, const char* what) { return std::string(on ? what : ""); };
    const std::string world =
        flag(plan.autocast, " autocast") + flag(plan.bucket, " bucket") + flag(plan.tied, " tied") +
        flag(plan.still, " still") + flag(plan.growing, " growing") + flag(plan.shared, " shared") +
        flag(plan.pooled, " pooled") + flag(plan.noisy, " noisy") +
        flag(plan.diagnose, " diagnose") + flag(plan.regroup_before > 0, " regroup") +
        flag(plan.save_after > 0, " save");
    try {
      std::size_t index = 0;
      every::recipe([&](const char* recipe_name, const auto& recipe, bool) {
        if (index++ != plan.recipe) return;
        name = recipe_name;
        const auto digest = run_case(recipe, plan);
        if (digests) std::cout << number << ' ' << name << ' ' << digest << '\n';
      });
    } catch (const std::exception& error) {
      const std::string what = error.what();
      std::cout << "case " << number << " (" << name << ", base " << plan.base << ", with" << world
                << "): " << what.substr(0, what.find('\n')) << "\nrepeat with: roga_fuzz --seed "
                << seed << " --case " << number << "\n";
      return 1;
    }
  }
  std::cout << "no violation\n";
}
