// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <roga/engine/all_of_them.hpp>
#include <roga/engine/archive.hpp>
#include <roga/engine/averaged_tensors.hpp>
#include <roga/engine/named_tensors.hpp>
#include <roga/tensor/check.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace roga {
inline namespace v1 {

/// Exponential moving average, from the weights as they are when the average is made:
///
///     mean <- d mean + (1 - d) theta,   d = min(decay, (1 + n) / (10 + n))
///
/// in update n = 0, 1, ... The smaller factor of the first updates forgets the random beginning.
/// Tarvainen and Valpola, NeurIPS 2017, arXiv 1703.01780, with TensorFlow's schedule.
struct ExponentialAverage {
  double decay = 0.999;  ///< in [0, 1)
  bool warm_up = true;   ///< false: d = decay from the first update on
};

/// Mean of the weights after every `every`-th update from update `from` on, counted from 1.
/// Stochastic weight averaging (Izmailov et al., UAI 2018, arXiv 1803.05407, algorithm 1).
struct UniformAverage {
  std::int64_t from = 1;   ///< >= 1
  std::int64_t every = 1;  ///< >= 1
};

/// Mean of the weights after each update of a window that validation losses E_1, E_2, ... choose.
/// It starts at the first E_s that is least among E_s, ..., E_{s + start_patience - 1}, ends before
/// the first `end_patience` in a row that are all above `tolerance` times the mean of these, and
/// holds the updates that lead from E_{s-1} to E_s too. Without such an end it lasts until now.
/// SWAD (Cha et al., NeurIPS 2021, arXiv 2102.08604, algorithm 1 and appendix B.4), where losses
/// come after each update or, as here they may, after several.
struct DenseAverage {
  std::int64_t start_patience = 3;  ///< N_s >= 1
  std::int64_t end_patience = 6;    ///< N_e >= 1
  double tolerance = 1.3;           ///< r >= 1
};

/// An average of a model's weights, kept beside the training with any optimizer, roga's or not.
///
///     roga::WeightAverage average(model, roga::ExponentialAverage{.decay = 0.999});
///     for (auto& batch : batches) {
///       optimizer.step(...);
///       average.update();
///     }
///     {
///       const auto in_use = average.use();  // the model has the average's weights
///       evaluate(model);
///     }                                     // and its own again
///
/// Parameters are averaged from when they first require gradients on; frozen ones are left alone,
/// and cost nothing. Buffers that hold real or complex numbers, such as running statistics, are
/// averaged as the parameters are; others, such as counts, are those of the last update. Averaged
/// statistics are not those of the averaged network: see roga::recalibrate. Parameters that are
/// float16 or bfloat16 have averages in float32.
///
/// Cost: one pass over weights and average for each update, without a wait for accelerators.
/// Memory: one copy of the parameters and buffers; of a DenseAverage up to start_patience + 1
/// before its start, and 3 after it; one more while it is in use.
class WeightAverage {
 public:
  /// Which updates are averaged, and how.
  using Rule = std::variant<ExponentialAverage, UniformAverage, DenseAverage>;

  /// The parameters and buffers of a model.
  /// @param model a torch::nn::Module, its holder or a pointer to it, or a torch::jit::Module.
  /// Holders, pointers and TorchScript handles are kept; a module given itself has to outlive this.
  /// @throws c10::Error for a rule out of range, and an empty model
  template <class Model>
  requires detail::HasTensors<Model> || detail::PointsToTensors<Model> WeightAverage(
      const Model& model, Rule rule)
      : WeightAverage(detail::tensors_of(model), rule) {}
  /// A plain list of parameters.
  WeightAverage(std::vector<at::Tensor> parameters, Rule rule)
      : WeightAverage(detail::tensors_of(std::move(parameters)), rule) {}

  /// Adds the current weights to the average, as the rule says. Call it after each step of the
  /// optimizer, but not after a step that was skipped.
  /// @throws c10::Error while the average is in use; if a parameter's shape has changed, and then
  /// the average is unusable
  void update() {
    require_unused("update()");
    const detail::PlainArithmetic plain;
    ++updates_;
    if (const auto* exponential = std::get_if<ExponentialAverage>(&rule_)) {
      main_.add(parameters(), source_->buffers(), 1 - decay(*exponential));
    } else if (const auto* uniform = std::get_if<UniformAverage>(&rule_)) {
      const std::int64_t since = updates_ - uniform->from;
      if (since < 0 || since % uniform->every != 0) return;
      main_.add_equally(parameters(), source_->buffers(), updates_);
    } else if (!closed_) {
      segment_.add_equally(parameters(), source_->buffers(), updates_);
    }
  }

  /// Tells a DenseAverage the loss on validation data with the current weights.
  /// @throws c10::Error for another rule, or without an update since the last loss
  void observe(double validation_loss) {
    const auto* rule = std::get_if<DenseAverage>(&rule_);
    TORCH_CHECK(rule != nullptr,
                "roga: observe() is for a DenseAverage; this average has another rule");
    require_unused("observe()");
    if (closed_) return;
    TORCH_CHECK(segment_.count > 0,
                "roga: observe() without an update() since the last one; call update() after each "
                "step of the optimizer");
    const detail::PlainArithmetic plain;
    const double loss = std::isnan(validation_loss) ? INFINITY : validation_loss;
    if (main_.count == 0) {
      look_for_start(*rule, loss);
    } else {
      look_for_end(*rule, loss);
    }
  }

  /// Updates so far.
  std::int64_t updates() const { return updates_; }
  /// Whether there is an average. Before that use() leaves the model as it is.
  bool ready() const {
    return std::holds_alternative<ExponentialAverage>(rule_) || main_.count > 0;
  }
  /// The first and the last update in the mean, counted from 1; none before the first, and none for
  /// an exponential average.
  std::optional<std::pair<std::int64_t, std::int64_t>> window() const {
    if (main_.count == 0) return std::nullopt;
    return std::pair(main_.first, std::max({main_.last, doubtful_.last, segment_.last}));
  }
  /// Whether a DenseAverage has seen the end of its window: further updates change nothing.
  bool closed() const { return closed_; }

  class InUse;
  /// Puts the averages into the model until the object that it returns ends.
  [[nodiscard]] InUse use();

  /// Writes the whole state of the average, so that a resumed training continues bit for bit.
  void save(torch::serialize::OutputArchive& archive) const;
  /// @throws c10::Error if the archive is of another rule, or of a model with other parameters;
  /// nothing has changed then
  void load(torch::serialize::InputArchive& archive);
  /// For torch::save, torch::load, save_checkpoint and load_checkpoint.
  friend torch::serialize::OutputArchive& operator<<(torch::serialize::OutputArchive& archive,
                                                     const WeightAverage& average) {
    average.save(archive);
    return archive;
  }
  /// The same.
  friend torch::serialize::InputArchive& operator>>(torch::serialize::InputArchive& archive,
                                                    WeightAverage& average) {
    average.load(archive);
    return archive;
  }

 private:
  using Updates = detail::AveragedUpdates;
  /// The updates that lead to a validation loss.
  struct Segment {
    Updates updates;
    double loss = 0;
  };

  WeightAverage(std::unique_ptr<detail::TensorSource> source, Rule rule)
      : source_(std::move(source)), rule_(rule) {
    validate();
    if (!std::holds_alternative<ExponentialAverage>(rule_)) return;
    const detail::PlainArithmetic plain;
    main_.add(parameters(), source_->buffers(), 1);
  }
  struct Unfilled {};
  WeightAverage(std::unique_ptr<detail::TensorSource> source, Rule rule, Unfilled)
      : source_(std::move(source)), rule_(rule) {}
  void validate() const;
  double decay(const ExponentialAverage& rule) const {
    const auto n = static_cast<double>(updates_ - 1);
    return rule.warm_up ? std::min(rule.decay, (1 + n) / (10 + n)) : rule.decay;
  }
  /// Those that are averaged.
  detail::NamedTensors parameters() const {
    detail::NamedTensors all = source_->parameters();
    auto is_known = [&](const std::string& name) {
      return main_.parameters.has(name) || segment_.parameters.has(name) ||
             (!waiting_.empty() && waiting_.back().updates.parameters.has(name));
    };
    std::erase_if(all, [&](const detail::NamedTensor& one) {
      return !one.tensor.defined() || (!one.tensor.requires_grad() && !is_known(one.name));
    });
    return all;
  }
  void require_unused(const char* call) const {
    TORCH_CHECK(
        !*in_use_, "roga: ", call,
        " while the model has the average's weights: let the object that use() returned end first");
  }

  void look_for_start(const DenseAverage& rule, double loss);
  void look_for_end(const DenseAverage& rule, double loss);
  /// The mean as it would be if the training ended now.
  Updates whole() const {
    Updates all;
    all.append(main_);
    all.append(doubtful_);
    all.append(segment_);
    return all;
  }
  /// @throws c10::Error if the model lacks a parameter, or has it in another shape
  void check_fit(const Updates& updates) const;

  std::unique_ptr<detail::TensorSource> source_;
  Rule rule_;
  std::int64_t updates_ = 0;
  Updates main_;
  // Of a DenseAverage.
  Updates segment_;               ///< since the last loss
  std::vector<Segment> waiting_;  ///< since the least loss so far, which is the first one's
  double limit_ = 0;              ///< of losses in the window
  Updates doubtful_;              ///< after the window, unless a loss falls below the limit again
  std::int64_t doubtful_losses_ = 0;
  bool closed_ = false;
  std::shared_ptr<bool> in_use_ = std::make_shared<bool>(false);
};

/// While it exists, the model has the average's weights and buffers; then its own again, bit for
/// bit, in the same tensors. Its end does not throw. Memory: a copy of what was put aside.
class WeightAverage::InUse {
 public:
  InUse(InUse&&) = default;  ///< the other object puts the weights back then
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
  InUse& operator=(InUse&&) = delete;
  ~InUse() {
    if (!mark_) return;
    const detail::PlainArithmetic plain;
    detail::AllOfThem all;
    for (auto& [tensor, own] : aside_) {
      all.attempt([&, &tensor = tensor, &own = own] { tensor.copy_(own); });
    }
    all.attempt([] { detail::forget_casts(); });
    *mark_ = false;
  }

 private:
  friend class WeightAverage;
  explicit InUse(std::shared_ptr<bool> mark) : mark_(std::move(mark)) { *mark_ = true; }
  void put_aside(const at::Tensor& tensor) { aside_.emplace_back(tensor, tensor.detach().clone()); }

  std::vector<std::pair<at::Tensor, at::Tensor>> aside_;  ///< each with what it held
  std::shared_ptr<bool> mark_;
};

inline WeightAverage::InUse WeightAverage::use() {
  require_unused("use()");
  const detail::PlainArithmetic plain;
  const bool in_parts = doubtful_.count > 0 || (segment_.count > 0 && main_.count > 0);
  Updates mean = in_parts ? whole() : main_;
  InUse in_use(in_use_);
  if (!ready()) return in_use;
  check_fit(mean);
  std::vector<at::Tensor> averaged;  // in the order of what is put aside
  auto collect = [&](const detail::NamedTensors& live, detail::AveragedTensors& averages) {
    for (std::size_t i = 0; i < live.size(); ++i) {
      const at::Tensor* average = averages.find(live[i].name, i);
      if (average == nullptr || average->sizes() != live[i].tensor.sizes()) continue;
      in_use.put_aside(live[i].tensor);
      averaged.push_back(*average);
    }
  };
  collect(parameters(), mean.parameters);
  collect(source_->buffers(), mean.buffers);
  // All are aside before the first is written to: they may share memory.
  for (std::size_t i = 0; i < averaged.size(); ++i) in_use.aside_[i].first.copy_(averaged[i]);
  detail::forget_casts();
  return in_use;
}

inline void WeightAverage::validate() const {
  auto require_count = [](const char* name, std::int64_t value) {
    detail::require(value >= 1, name, "at least 1", static_cast<double>(value));
  };
  if (const auto* exponential = std::get_if<ExponentialAverage>(&rule_)) {
    detail::require(exponential->decay >= 0 && exponential->decay < 1, "decay", "in [0, 1)",
                    exponential->decay);
  } else if (const auto* uniform = std::get_if<UniformAverage>(&rule_)) {
    require_count("from", uniform->from);
    require_count("every", uniform->every);
  } else {
    const auto& dense = std::get<DenseAverage>(rule_);
    require_count("start_patience", dense.start_patience);
    require_count("end_patience", dense.end_patience);
    detail::require(dense.tolerance >= 1 && std::isfinite(dense.tolerance), "tolerance",
                    "finite and at least 1", dense.tolerance);
  }
}

inline void WeightAverage::look_for_start(const DenseAverage& rule, double loss) {
  if (!waiting_.empty() && loss < waiting_.front().loss) waiting_.clear();
  Segment segment{std::exchange(segment_, {}), loss};
  if (waiting_.empty() && !std::isfinite(loss)) return;
  waiting_.push_back(std::move(segment));
  const auto patience = static_cast<std::size_t>(rule.start_patience);
  if (waiting_.size() < patience) return;
  double sum = 0;
  double finite = 0;
  for (const auto& one : waiting_) {
    if (!std::isfinite(one.loss)) continue;
    sum += one.loss;
    finite += 1;
  }
  limit_ = rule.tolerance * sum / finite;
  // The end is looked for from the next loss on, over the last N_e.
  std::size_t inside = waiting_.size();
  while (waiting_[inside - 1].loss > limit_ &&
         static_cast<std::int64_t>(waiting_.size() - inside) + 1 < rule.end_patience) {
    --inside;
  }
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    (i < inside ? main_ : doubtful_).append(waiting_[i].updates);
  }
  doubtful_losses_ = static_cast<std::int64_t>(waiting_.size() - inside);
  waiting_.clear();
}

inline void WeightAverage::look_for_end(const DenseAverage& rule, double loss) {
  doubtful_.append(segment_);
  segment_ = {};
  doubtful_losses_ = loss > limit_ ? doubtful_losses_ + 1 : 0;
  if (doubtful_losses_ >= rule.end_patience) {
    closed_ = true;
  } else if (doubtful_losses_ == 0) {
    main_.append(doubtful_);
  } else {
    return;
  }
  doubtful_ = {};
}

inline void WeightAverage::check_fit(const Updates& updates) const {
  const auto live = source_->parameters();
  for (const auto& [name, average] : updates.parameters.tensors()) {
    const auto own = std::find_if(live.begin(), live.end(),
                                  [&name = name](const auto& one) { return one.name == name; });
    TORCH_CHECK(own != live.end(), "roga: the average has the parameter ", name,
                ", which the model does not have");
    TORCH_CHECK(own->tensor.sizes() == average.sizes(), "roga: the average of ", name,
                " has shape ", average.sizes(), ", the model's ", own->tensor.sizes());
  }
}

inline void WeightAverage::save(torch::serialize::OutputArchive& archive) const {
  archive.write("format", c10::IValue(std::int64_t{1}));
  archive.write("rule", c10::IValue(static_cast<std::int64_t>(rule_.index())));
  archive.write("updates", c10::IValue(updates_));
  archive.write("limit", c10::IValue(limit_));
  archive.write("doubtful_losses", c10::IValue(doubtful_losses_));
  archive.write("closed", c10::IValue(closed_));
  main_.save(archive, "main_");
  segment_.save(archive, "segment_");
  doubtful_.save(archive, "doubtful_");
  std::vector<double> losses;
  for (const auto& segment : waiting_) {
    segment.updates.save(archive, "waiting" + std::to_string(losses.size()) + "_");
    losses.push_back(segment.loss);
  }
  archive.write("waiting", c10::IValue(at::ArrayRef<double>(losses)));
}

inline void WeightAverage::load(torch::serialize::InputArchive& archive) {
  require_unused("load()");
  detail::read_undamaged([&] {
    c10::IValue value;
    TORCH_CHECK(archive.try_read("format", value) && archive.try_read("rule", value),
                "roga: this archive was not saved by a WeightAverage");
    TORCH_CHECK(value.toInt() == static_cast<std::int64_t>(rule_.index()),
                "roga: this archive is of a WeightAverage with another rule; load it into one with "
                "that rule");
    WeightAverage read(std::unique_ptr<detail::TensorSource>(), rule_, Unfilled{});
    archive.read("updates", value);
    read.updates_ = value.toInt();
    archive.read("limit", value);
    read.limit_ = value.toDouble();
    archive.read("doubtful_losses", value);
    read.doubtful_losses_ = value.toInt();
    archive.read("closed", value);
    read.closed_ = value.toBool();
    read.main_.load(archive, "main_");
    read.segment_.load(archive, "segment_");
    read.doubtful_.load(archive, "doubtful_");
    archive.read("waiting", value);
    for (const double loss : value.toDoubleVector()) {
      Segment segment{{}, loss};
      segment.updates.load(archive, "waiting" + std::to_string(read.waiting_.size()) + "_");
      check_fit(segment.updates);
      read.waiting_.push_back(std::move(segment));
    }
    for (const auto* updates : {&read.main_, &read.segment_, &read.doubtful_}) check_fit(*updates);
    for (const auto& [name, tensor] : source_->parameters()) {
      const bool lacks = tensor.defined() && tensor.requires_grad() &&
                         !read.main_.parameters.empty() && !read.main_.parameters.has(name);
      TORCH_CHECK(!lacks, "roga: this archive of a WeightAverage lacks the parameter ", name);
    }
    read.source_ = std::move(source_);
    read.in_use_ = std::move(in_use_);
    *this = std::move(read);
  });
}

}  // namespace v1
}  // namespace roga
