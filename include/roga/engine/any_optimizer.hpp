// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <roga/tensor/torch.hpp>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// An optimizer chosen at run time, as a base class. It takes over the inner optimizer's parameter
/// groups, states and defaults, and lends them to it for a step, save or load. So this object, also
/// as a torch::optim::Optimizer&, has all of them, even while the inner one evaluates a closure.
///
/// References to the inner optimizer from before, such as a scheduler's, find one group without
/// options: LibTorch throws where its learning rate is read or set.
class AnyOptimizer : public torch::optim::Optimizer {
 public:
  /// @throws c10::Error if `inner` is null
  explicit AnyOptimizer(std::unique_ptr<torch::optim::Optimizer> inner)
      : Optimizer(Groups{}, nullptr), inner_(std::move(inner)) {
    TORCH_CHECK(inner_ != nullptr, "roga: wrap() got a null optimizer; create it first");
    exchange();
    inner_->param_groups().emplace_back(std::vector<at::Tensor>{});
  }

  /// The inner optimizer's step, over the groups and states of this one.
  at::Tensor step(LossClosure closure = nullptr) override {
    const Lent lent(*this);
    if (!closure) return inner_->step();
    return inner_->step([this, closure = std::move(closure)] {
      const Lent returned(*this);
      return closure();
    });
  }
  /// What the inner optimizer writes.
  void save(torch::serialize::OutputArchive& archive) const override {
    Shown shown(*inner_, param_groups_);
    shown.fill(state_, defaults_);
    inner_->save(archive);
  }
  /// What the inner optimizer reads.
  void load(torch::serialize::InputArchive& archive) override {
    const Lent lent(*this);
    inner_->load(archive);
  }

  /// Whether the inner optimizer is a Kind, or of a class that derives from it.
  template <class Kind>
  bool holds() const {
    return dynamic_cast<const Kind*>(inner_.get()) != nullptr;
  }
  /// Whether the inner optimizer is a Kind itself, and not of a derived class.
  template <class Kind>
  bool holds_exactly() const {
    const torch::optim::Optimizer& inner = *inner_;
    return typeid(inner) == typeid(Kind);
  }

 private:
  using Groups = std::vector<torch::optim::OptimizerParamGroup>;
  using States = std::decay_t<decltype(std::declval<torch::optim::Optimizer&>().state())>;
  using Options = std::unique_ptr<torch::optim::OptimizerOptions>;

  /// Swaps the containers. Their elements stay where they are, so references to them stay valid.
  static void swap(torch::optim::Optimizer& inner, Groups& groups, States& states,
                   Options& defaults) {
    groups.swap(inner.param_groups());
    states.swap(inner.state());
    defaults.swap(inner.*(&AnyOptimizer::defaults_));
  }
  void exchange() { swap(*inner_, param_groups_, state_, defaults_); }

  /// While in scope, the other one of the two optimizers holds everything.
  class Lent {
   public:
    explicit Lent(AnyOptimizer& owner) : owner_(owner) { owner_.exchange(); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent() { owner_.exchange(); }

   private:
    AnyOptimizer& owner_;
  };

  /// While in scope, the inner optimizer has copies of the groups and sees states and defaults that
  /// it does not own: the owner is const, and its readers may be in other threads.
  class Shown {
   public:
    Shown(torch::optim::Optimizer& inner, Groups groups)
        : inner_(inner), groups_(std::move(groups)) {
      swap(inner_, groups_, states_, defaults_);
    }
    void fill(const States& states, const Options& defaults) {
      for (const auto& [key, state] : states) inner_.state()[key].reset(state.get());
      (inner_.*(&AnyOptimizer::defaults_)).reset(defaults.get());
    }
    Shown(const Shown&) = delete;
    Shown& operator=(const Shown&) = delete;
    ~Shown() {
      swap(inner_, groups_, states_, defaults_);
      for (auto& entry : states_) static_cast<void>(entry.second.release());
      static_cast<void>(defaults_.release());
    }

   private:
    torch::optim::Optimizer& inner_;
    Groups groups_;
    States states_;
    Options defaults_;
  };

  std::unique_ptr<torch::optim::Optimizer> inner_;
};

namespace detail {

/// Whether an optimizer, or the one inside of an AnyOptimizer, is a Kind or derives from it.
template <class Kind>
bool is_a(const torch::optim::Optimizer& optimizer) {
  const auto* any = dynamic_cast<const AnyOptimizer*>(&optimizer);
  return any != nullptr ? any->holds<Kind>() : dynamic_cast<const Kind*>(&optimizer) != nullptr;
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
