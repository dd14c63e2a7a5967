// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <roga/engine/loss_check.hpp>
#include <roga/engine/pass.hpp>
#include <roga/engine/protection.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// One interface to the user's losses: a closure per domain, possibly one over all of them, or one
/// shared forward. Each evaluation leaves a gradient in the parameters' `.grad` and hands (domain,
/// loss) to a sink, which takes the gradient; the sink runs without autograd.
class Objective {
 public:
  using Losses = std::function<at::Tensor()>;
  /// Weights of the losses of these domains in a pass over all of them; empty for their mean.
  using Weigh = std::function<std::vector<double>(const std::vector<std::size_t>& domains)>;

  /// @param closures one for each domain; an empty one marks a domain without data in this step
  /// @param pooled over all present domains at once, if there is one
  /// @param elsewhere whether the data may all be on other ranks
  Objective(std::vector<Losses> closures, Protection& protection, Losses pooled = nullptr,
            bool elsewhere = false)
      : closures_(std::move(closures)), pooled_(std::move(pooled)), protection_(protection) {
    TORCH_CHECK(!closures_.empty(),
                "roga: step() got an empty list of closures; give one closure per domain");
    for (std::size_t k = 0; k < closures_.size(); ++k) {
      if (closures_[k]) present_.push_back(k);
    }
    TORCH_CHECK(elsewhere || !present_.empty(),
                "roga: step() needs a closure that computes the loss, calls backward() and returns "
                "the loss: optimizer.step([&] { optimizer.zero_grad(); auto loss = "
                "criterion(model->forward(x), y); loss.backward(); return loss; })");
  }
  /// @param forward returns the [K] losses of all domains, in the graph
  /// @param domains whose losses these are; all where it is empty
  /// @param scale of the losses that are differentiated; closures scale theirs themselves
  Objective(Losses forward, std::vector<std::size_t> domains, Protection& protection, double scale)
      : forward_(std::move(forward)),
        protection_(protection),
        scale_(scale),
        present_(std::move(domains)) {
    TORCH_CHECK(forward_,
                "roga: SharedForward needs a function that returns a [K] tensor "
                "with the loss of each domain");
  }

  /// Positions of the present domains; with a shared forward, known after its first evaluation.
  const std::vector<std::size_t>& present() const { return present_; }
  /// Whether these are known already.
  bool knows_present() const { return !forward_ || !present_.empty(); }
  /// How long the list of closures is; 0 without one.
  std::size_t listed() const { return closures_.size(); }
  std::size_t evaluations() const { return evaluations_; }
  /// Asks for weights once the present domains are known.
  void weigh(Weigh weigh) { weigh_ = std::move(weigh); }

  /// Makes a pass.
  template <class Sink>
  void evaluate(const Pass& pass, Sink&& sink) {
    switch (pass.data) {
      case Pass::Data::each_domain:
        return each(sink);
      case Pass::Data::pooled:
        return pooled(sink);
      case Pass::Data::one_domain:
        return one(pass.domain, sink);
    }
  }

 private:
  /// Each domain's gradient in turn.
  template <class Sink>
  void each(Sink&& sink) {
    if (!forward_) {
      for (std::size_t k = 0; k < present_.size(); ++k) one(k, sink);
      return;
    }
    protect_forward([&](const at::Tensor& losses) {
      for (std::size_t k = 0; k < present_.size(); ++k) {
        sink(k, differentiate(losses, k, /*keep_graph=*/k + 1 < present_.size()));
      }
    });
  }

  /// The gradient of the mean loss: a shared forward and a pooled closure give it in one piece; the
  /// closures of the domains give one piece each, to be averaged.
  template <class Sink>
  void pooled(Sink&& sink) {
    if (forward_) {
      protect_forward([&](const at::Tensor& losses) {
        const auto weights = weigh_ ? weigh_(present_) : std::vector<double>();
        {
          const c10::AutoGradMode enable(true);
          scaled(weights.empty() ? losses.mean() : weighted(losses, weights)).backward();
        }
        sink(all_domains, losses.detach());
      });
    } else if (pooled_ && present_.size() > 1 && (!weigh_ || weigh_(present_).empty())) {
      const auto loss = call(pooled_, Protection::everything);
      check_pooled_loss(loss, present_.size(), "the pooled closure");
      sink(all_domains, loss.numel() == 1 ? loss.reshape({}) : loss);
    } else {
      each(sink);
    }
  }

  /// The gradient of the k-th present domain.
  template <class Sink>
  void one(std::size_t k, Sink&& sink) {
    if (forward_) {
      protect_forward([&](const at::Tensor& losses) {
        sink(k, differentiate(losses, k, /*keep_graph=*/false));
      });
      return;
    }
    const auto loss = call(closures_[present_[k]], Protection::unit(k));
    check_loss(loss, "the closure of domain", present_[k], "returned");
    sink(k, loss.dim() == 0 ? loss : loss.reshape({}));
  }

  at::Tensor call(const Losses& closure, std::size_t unit) {
    ++evaluations_;
    return protection_.evaluate(unit, [&] {
      const c10::AutoGradMode enable(true);
      return closure();
    });
  }

  /// The graph holds buffers of the module, so they must not be put back before its last backward.
  template <class Use>
  void protect_forward(Use&& use) {
    protection_.evaluate(Protection::everything, [&] {
      use(run_forward());
      return true;
    });
  }
  at::Tensor run_forward() {
    ++evaluations_;
    auto losses = [&] {
      const c10::AutoGradMode enable(true);
      return forward_();
    }();
    check_shared_losses(losses);
    const auto domains = static_cast<std::size_t>(losses.numel());
    TORCH_CHECK(present_.empty() || present_.size() == domains, "roga: SharedForward returned ",
                domains, " losses, but its `domains` or an earlier pass of this step named ",
                present_.size(), "; return one loss for each domain in every pass");
    for (std::size_t k = present_.size(); k < domains; ++k) present_.push_back(k);
    return losses;
  }
  static at::Tensor weighted(const at::Tensor& losses, const std::vector<double>& weights) {
    at::Tensor sum;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const auto term = losses.select(0, static_cast<std::int64_t>(k)) * weights[k];
      sum = sum.defined() ? sum + term : term;
    }
    return sum;
  }
  at::Tensor scaled(const at::Tensor& loss) const { return scale_ == 1.0 ? loss : loss * scale_; }
  at::Tensor differentiate(const at::Tensor& losses, std::size_t k, bool keep_graph) const {
    const c10::AutoGradMode enable(true);
    const auto loss = losses.select(0, static_cast<std::int64_t>(k));
    scaled(loss).backward({}, keep_graph);
    return loss.detach();
  }

  std::vector<Losses> closures_;
  Losses pooled_;
  Losses forward_;
  Protection& protection_;
  Weigh weigh_;
  double scale_ = 1.0;
  std::vector<std::size_t> present_;
  std::size_t evaluations_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
