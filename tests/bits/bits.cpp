// SPDX-License-Identifier: MIT
// roga_bits [RECIPE]: what every recipe computes, as digests of the bits, and what a step costs, as
// plain numbers. The output depends on the processor and on LibTorch; on one machine it tells
// whether a change of the code changes a bit. See tests/bits/record.sh.
#include "support/torch.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/accelerator.hpp"
#include "support/bases.hpp"
#include "support/bytes.hpp"
#include "support/calls.hpp"
#include "support/digest.hpp"
#include "support/problems.hpp"
#include "support/recipes.hpp"

namespace {

using support::Digest;
using torch::optim::OptimizerParamGroup;
using BasePointer = std::unique_ptr<torch::optim::Optimizer>;

/// A number of the report, be it a data member or a member function.
template <class Report, class Member>
auto value(const Report& report, Member member) {
  return std::invoke(member, report);
}

/// An optimizer of any recipe, so that what is below is compiled once.
class AnyRecipe {
 public:
  AnyRecipe() = default;
  AnyRecipe(const AnyRecipe&) = delete;
  AnyRecipe& operator=(const AnyRecipe&) = delete;
  virtual ~AnyRecipe() = default;

  virtual bool has_pass_at_theta() const = 0;
  virtual at::Tensor step(std::vector<roga::LossClosure> closures) = 0;
  virtual at::Tensor step(roga::SharedForward forward) = 0;
  virtual at::Tensor step_in_phases(const std::function<at::Tensor()>& loss) = 0;
  virtual roga::StepReport report() const = 0;

  virtual void diagnose() = 0;
  virtual void clip_norm(double norm) = 0;
  virtual void warm_up(std::int64_t steps) = 0;
  virtual void protect(const torch::nn::Module& module) = 0;
  virtual void ascend_only(const std::vector<at::Tensor>& parameters, roga::Bystanders others) = 0;
  virtual void group_radius(std::size_t group, double factor) = 0;
  virtual void do_not_check() = 0;
  virtual void attach(const roga::LossScaler& scaler) = 0;
  virtual void schedule_radius(roga::RadiusSchedule radius) = 0;
};

template <class Recipe>
class Of final : public AnyRecipe {
 public:
  Of(BasePointer base, const Recipe& recipe) : optimizer_(roga::wrap(std::move(base), recipe)) {}

  bool has_pass_at_theta() const override {
    return std::decay_t<decltype(optimizer_.perturbation())>::at_theta;
  }
  at::Tensor step(std::vector<roga::LossClosure> closures) override {
    return optimizer_.step(std::move(closures));
  }
  at::Tensor step(roga::SharedForward forward) override {
    return optimizer_.step(std::move(forward));
  }
  at::Tensor step_in_phases(const std::function<at::Tensor()>& loss) override {
    auto step = optimizer_.phases();
    bool more = true;
    while (more) more = step.ascend(loss());
    return step.descend();
  }
  roga::StepReport report() const override { return optimizer_.last_step(); }

  void diagnose() override { optimizer_.diagnose(true); }
  void clip_norm(double norm) override { optimizer_.clip_norm(norm); }
  void warm_up(std::int64_t steps) override { optimizer_.warm_up(steps); }
  void protect(const torch::nn::Module& module) override { optimizer_.protect(module); }
  void ascend_only(const std::vector<at::Tensor>& parameters, roga::Bystanders others) override {
    optimizer_.ascend_only(parameters, others);
  }
  void group_radius(std::size_t group, double factor) override {
    optimizer_.group_radius(group, factor);
  }
  void do_not_check() override { optimizer_.non_finite(roga::NonFinite::ignore); }
  void attach(const roga::LossScaler& scaler) override { optimizer_.attach(scaler); }
  void schedule_radius(roga::RadiusSchedule radius) override {
    if constexpr (requires { optimizer_.perturbation().rho; }) {
      optimizer_.schedule_radius(std::move(radius));
    }
  }

 private:
  decltype(roga::wrap(BasePointer(), std::declval<Recipe>())) optimizer_;
};

/// A recipe by name, and how to make its optimizer.
struct Entry {
  std::string name;
  std::function<std::unique_ptr<AnyRecipe>(BasePointer)> over;
};

/// A base by name, and how to make it.
struct Base {
  std::string name;
  std::function<BasePointer(const std::vector<OptimizerParamGroup>&)> make;
};
template <class Settings>
Base base(const std::string& name) {
  return {name, [](const std::vector<OptimizerParamGroup>& groups) {
            return BasePointer(new typename Settings::Type(groups, Settings::options()));
          }};
}
const Base& momentum() {
  static const Base sgd = base<bases::Sgd>("sgd");
  return sgd;
}

torch::nn::Sequential plain_layers() {
  return torch::nn::Sequential(torch::nn::Linear(5, 37), torch::nn::Tanh(),
                               torch::nn::Linear(37, 2));
}
torch::nn::Sequential noisy_layers() {
  return torch::nn::Sequential(torch::nn::Linear(5, 37), torch::nn::BatchNorm1d(37),
                               torch::nn::Dropout(0.5), torch::nn::Tanh(),
                               torch::nn::Linear(37, 2));
}

/// Digests of what a trajectory shows: weights and buffers, .grad, returned losses, reports.
struct Seen {
  Digest weights;
  Digest gradients;
  Digest losses;
  Digest reports;

  void add(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& buffers) {
    for (const auto& parameter : parameters) {
      weights.add(parameter);
      gradients.add(parameter.grad());
    }
    for (const auto& buffer : buffers) weights.add(buffer);
  }
  void add(const roga::StepReport& report) {
    reports.add(report.losses());
    reports.add(report.radii());
    reports.add(report.ascent_norms());
    reports.add(report.direction_norm());
    const auto cosine = report.cosine();
    reports.add(cosine.has_value());
    if (cosine) reports.add(*cosine);
    reports.add(report.domain_cosines().size());
    for (const auto& row : report.domain_cosines()) reports.add(row);
    reports.add(value(report, &roga::StepReport::skipped));
  }
  void print(const std::string& key) const {
    std::cout << key << " weights " << weights.hex() << " grad " << gradients.hex() << " loss "
              << losses.hex() << " report " << reports.hex() << '\n';
  }
};

constexpr int steps = 6;

/// How the domains come.
enum class Domains : unsigned char { one, three, some_of_four, shared };
constexpr std::array<std::pair<Domains, const char*>, 4> all_domains{
    {{Domains::one, "K=1"},
     {Domains::three, "K=3"},
     {Domains::some_of_four, "K=4-"},
     {Domains::shared, "shared"}}};

/// What is set besides.
enum class Besides : unsigned char {
  nothing,
  diagnoses,
  ascends_along_some,
  freezes_others,
  clips,
  warms_up,
  is_noisy,
  does_not_check,
  scales,
  schedules
};
constexpr std::array<std::pair<Besides, const char*>, 10> all_besides{
    {{Besides::nothing, "plain"},
     {Besides::diagnoses, "diagnose"},
     {Besides::ascends_along_some, "ascend_only"},
     {Besides::freezes_others, "freeze_others"},
     {Besides::clips, "clip_norm"},
     {Besides::warms_up, "warm_up"},
     {Besides::is_noisy, "protect"},
     {Besides::does_not_check, "ignore"},
     {Besides::scales, "scaler"},
     {Besides::schedules, "schedule"}}};

std::size_t number_of(Domains domains) {
  if (domains == Domains::one) return 1;
  return domains == Domains::some_of_four ? 4 : 3;
}

/// Six steps of one optimizer, with one parameter group, or with two and a parameter that has no
/// gradient at first, and then from one domain only.
void trajectory(const std::string& key, const Entry& entry, const Base& base, at::ScalarType type,
                Domains domains, Besides besides, bool groups) {
  const auto count = number_of(domains);
  const bool noisy = besides == Besides::is_noisy;
  torch::manual_seed(3);  // of the layers, which are drawn before the network's own seed
  problems::Network net(static_cast<std::int64_t>(count), type, 7,
                        noisy ? noisy_layers() : plain_layers());
  auto late = torch::full({3}, 0.5, type).requires_grad_();
  auto parameters = net.parameters();
  std::vector<OptimizerParamGroup> list;
  if (groups) {
    list.emplace_back(std::vector<at::Tensor>{parameters[0], parameters[1], late});
    list.emplace_back(std::vector<at::Tensor>(parameters.begin() + 2, parameters.end()));
    parameters.push_back(late);
  } else {
    list.emplace_back(parameters);
  }
  const auto optimizer = entry.over(base.make(list));
  if (domains == Domains::shared && !optimizer->has_pass_at_theta()) return;

  const roga::LossScaler scaler({.scale = 1024, .growth_interval = 2});
  if (besides == Besides::diagnoses) optimizer->diagnose();
  if (besides == Besides::ascends_along_some || besides == Besides::freezes_others) {
    optimizer->ascend_only({parameters[0], parameters[3], late},
                           besides == Besides::freezes_others ? roga::Bystanders::out_of_graph
                                                              : roga::Bystanders::in_graph);
    optimizer->group_radius(1, 0.5);
  }
  if (besides == Besides::clips) optimizer->clip_norm(0.3);
  if (besides == Besides::warms_up) optimizer->warm_up(2);
  if (noisy) optimizer->protect(*net.net);
  if (besides == Besides::does_not_check) optimizer->do_not_check();
  if (besides == Besides::scales) optimizer->attach(scaler);
  if (besides == Besides::schedules) {
    optimizer->schedule_radius(roga::schedules::linear(.3, .1, 4));
  }

  Seen seen;
  torch::manual_seed(11);
  for (int step = 0; step < steps; ++step) {
    auto loss_of = [&, step](std::size_t k) {
      auto loss = net.loss(k);
      return groups && step > 0 && k + 1 == count ? loss + late.square().sum() : loss;
    };
    at::Tensor returned;
    if (domains == Domains::shared) {
      returned = optimizer->step(roga::SharedForward{[&] {
        std::vector<at::Tensor> losses;
        for (std::size_t k = 0; k < count; ++k) losses.push_back(loss_of(k));
        return torch::stack(losses);
      }});
    } else {
      std::vector<roga::LossClosure> closures;
      for (std::size_t k = 0; k < count; ++k) {
        closures.emplace_back([&, k] {
          net.net->zero_grad();
          auto loss = loss_of(k);
          (besides == Besides::scales ? scaler.scale(loss) : loss).backward();
          return loss;
        });
      }
      if (domains == Domains::some_of_four && step % 2 == 1) {
        closures[static_cast<std::size_t>(step) % 4] = nullptr;
      }
      returned = optimizer->step(closures);
    }
    seen.losses.add(returned);
    seen.add(parameters, net.net->buffers());
    seen.add(optimizer->report());
  }
  seen.print(key);
}

const char* name_of(at::ScalarType type) { return type == at::kDouble ? "float64" : "float32"; }

void trajectories(const Entry& entry) {
  static const std::vector<Base> all_bases{
      momentum(),
      base<bases::Adam>("adam"),
      base<bases::AdamW>("adamw"),
      base<bases::Adagrad>("adagrad"),
      base<bases::RmsProp>("rmsprop"),
      base<bases::Lbfgs>("lbfgs"),
  };
  for (const auto& base : all_bases) {
    for (const auto type : {at::kDouble, at::kFloat}) {
      for (const auto& [domains, shape] : all_domains) {
        trajectory(entry.name + " " + base.name + " " + name_of(type) + " " + shape, entry, base,
                   type, domains, Besides::nothing, /*groups=*/false);
      }
    }
  }
}

/// On the host and with an accelerator's arithmetic, with everything that can be set.
void settings(const Entry& entry) {
  for (const bool accelerator : {false, true}) {
    const support::AsOnAccelerator arithmetic(accelerator);
    for (const auto type : {at::kDouble, at::kFloat}) {
      for (const auto& [domains, shape] : all_domains) {
        for (const auto& [besides, setting] : all_besides) {
          trajectory(entry.name + " groups " + (accelerator ? "accelerator " : "host ") +
                         name_of(type) + " " + shape + " " + setting,
                     entry, momentum(), type, domains, besides, /*groups=*/true);
        }
      }
    }
  }
}

void phases(const Entry& entry) {
  for (const bool accelerator : {false, true}) {
    const support::AsOnAccelerator arithmetic(accelerator);
    torch::manual_seed(3);
    problems::Network net(1, at::kDouble, 7, noisy_layers());
    const auto optimizer = entry.over(momentum().make({OptimizerParamGroup(net.parameters())}));
    optimizer->protect(*net.net);
    optimizer->warm_up(1);
    optimizer->diagnose();
    torch::manual_seed(4);
    Seen seen;
    for (int step = 0; step < steps; ++step) {
      seen.losses.add(optimizer->step_in_phases([&] {
        auto loss = net.loss(0);
        loss.backward();
        return loss;
      }));
      seen.add(net.parameters(), net.net->buffers());
      seen.add(optimizer->report());
    }
    seen.print(entry.name + " phases " + (accelerator ? "accelerator" : "host"));
  }
}

/// Equal layers and a loss for each domain, and an optimizer over them.
class Stack {
 public:
  Stack(const Entry& entry, std::size_t domains) {
    torch::manual_seed(1);
    for (int i = 0; i < 20; ++i) {
      weights_.push_back((torch::randn({64, 64}) / 8).set_requires_grad(true));
    }
    for (std::size_t k = 0; k < domains; ++k) {
      closures_.emplace_back([this, k] {
        auto x = torch::full({1, 64}, 1.0 + static_cast<double>(k));
        for (const auto& weight : weights_) x = torch::tanh(x.matmul(weight));
        auto loss = x.square().mean();
        loss.backward();
        return loss;
      });
    }
    optimizer_ = entry.over(momentum().make({OptimizerParamGroup(weights_)}));
  }
  void step() { optimizer_->step(closures_); }
  roga::StepReport report() const { return optimizer_->report(); }

 private:
  std::vector<at::Tensor> weights_;
  std::vector<roga::LossClosure> closures_;
  std::unique_ptr<AnyRecipe> optimizer_;
};

/// Calls of each step into LibTorch's dispatcher.
std::array<std::int64_t, steps> calls(const Entry& entry, std::size_t domains, bool accelerator) {
  const support::AsOnAccelerator arithmetic(accelerator);
  Stack stack(entry, domains);
  std::array<std::int64_t, steps> list{};
  for (auto& count : list) count = support::dispatcher_calls([&] { stack.step(); });
  return list;
}

/// What each step costs. The first two differ from those after them: states are made.
void counts(const Entry& entry) {
  for (const std::size_t domains : {1U, 4U}) {
    const auto on_host = calls(entry, domains, false);
    const auto on_accelerator = calls(entry, domains, true);
    support::Bytes bytes;
    Stack stack(entry, domains);
    for (std::size_t step = 0; step < steps; ++step) {
      bytes.restart();
      stack.step();
      const auto peak = bytes.peak();
      std::cout << entry.name << " counts K=" << domains << " step " << step << " evaluations "
                << value(stack.report(), &roga::StepReport::evaluations) << " points "
                << value(stack.report(), &roga::StepReport::points) << " calls " << on_host[step]
                << " accelerator_calls " << on_accelerator[step] << " peak_bytes " << peak << '\n';
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";
  at::set_num_threads(1);
  std::vector<Entry> entries;
  every::recipe([&](const std::string& name, const auto& recipe, bool) {
    if (!only.empty() && name != only) return;
    entries.push_back({name, [recipe](BasePointer base) {
                         return std::make_unique<Of<std::decay_t<decltype(recipe)>>>(
                             std::move(base), recipe);
                       }});
  });
  if (entries.empty()) {
    std::cerr << "roga_bits: no recipe " << only << '\n';
    return 2;
  }
  for (const auto& entry : entries) {
    try {
      trajectories(entry);
      settings(entry);
      phases(entry);
      counts(entry);
    } catch (const std::exception& error) {
      std::cerr << "roga_bits: " << entry.name << ": " << error.what() << '\n';
      return 1;
    }
  }
}
