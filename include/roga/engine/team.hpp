// SPDX-License-Identifier: MIT
// The ranks of a distributed optimizer, and how they meet in a step.
#pragma once

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <roga/engine/communicator.hpp>
#include <roga/engine/non_finite.hpp>
#include <roga/engine/wire.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// A number that is the same for the same values, and small enough to travel as a double.
class Fingerprint {
 public:
  Fingerprint& add(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    mix(bits);
    return *this;
  }
  Fingerprint& add(at::IntArrayRef values) {
    for (const auto value : values) mix(static_cast<std::uint64_t>(value));
    mix(values.size());
    return *this;
  }
  Fingerprint& add(const char* text) {
    for (; *text != 0; ++text) mix(static_cast<unsigned char>(*text));
    return *this;
  }
  double value() const { return static_cast<double>(hash_ >> 12U); }

 private:
  void mix(std::uint64_t word) {
    for (unsigned byte = 0; byte < sizeof word; ++byte) {
      hash_ = (hash_ ^ (word >> (8 * byte) & 0xffU)) * 0x100000001b3U;
    }
  }
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

/// Of tensors that must be alike on all ranks.
inline double fingerprint(const std::vector<at::Tensor>& parameters) {
  Fingerprint print;
  for (const auto& x : parameters) {
    print.add(x.sizes()).add(c10::toString(x.scalar_type()));
    if (x.layout() == at::kStrided) print.add(x.strides());
  }
  return print.add(static_cast<double>(parameters.size())).value();
}

/// What must be the same on all ranks for a step to be one.
struct RollCall {
  std::int64_t step = 0;     ///< steps finished before
  double parameters = 0;     ///< fingerprint
  double settings = 0;       ///< of what the user chose around the recipe, its radius among them
  std::size_t listed = 0;    ///< closures in the list; 0 where the domains are not listed that way
  std::size_t tensors = 0;   ///< parameters
  bool tells_radii = false;  ///< only the rank that has a domain knows its ascent
};

/// Which domains a step has, and this rank's share of each.
struct Shares {
  std::vector<std::size_t> domains;  ///< present on any rank, by their positions
  std::vector<std::size_t> here;     ///< those that this rank has, as indices into `domains`
  std::vector<double> of_domain;     ///< of L_k, by index; 0 for those that are not here
  double own = 0;                    ///< of the mean loss: sum_k of_domain[k] / K
  /// By index into `here`: what makes the rank's own loss of its domains' losses. Empty where that
  /// is their mean.
  std::vector<double> weights;

  double of_mean(std::size_t k) const { return of_domain[k] / static_cast<double>(domains.size()); }
};

/// The ranks, seen from one of them. In each step they meet a few times, to add up numbers and
/// rows. A rank that fails says so in the next meeting, so that no rank waits for it in vain; then
/// all ranks throw. Every decision after a meeting is made from numbers that all ranks have.
class Team {
 public:
  explicit Team(const Distribution& distribution, c10::Device device)
      : group_(distribution.group),
        placement_(distribution.placement),
        ascent_(distribution.ascent),
        weight_(distribution.weight),
        device_(device),
        rank_(static_cast<std::size_t>(group_->rank())),
        size_(static_cast<std::size_t>(group_->size())),
        wire_(group_) {}

  bool ascends_locally() const { return ascent_ == Ascent::local; }
  Placement placement() const { return placement_; }
  std::size_t rank() const { return rank_; }
  std::size_t size() const { return size_; }
  c10::Device device() const { return device_; }
  void weigh(double weight) { weight_ = weight; }

  /// Before a step: its roll call comes next.
  void begin() { next_ = Next::roll_call; }
  /// After the last meeting of a step.
  void end() { next_ = Next::nothing; }

  /// The first meeting of a step, where the ranks tell their data.
  /// @param positions of the domains that this rank has
  /// @throws c10::Error on all ranks alike, if one has failed before or their steps differ
  Shares call_roll(const RollCall& roll, const std::vector<std::size_t>& positions);

  /// What a meeting has agreed on.
  struct Agreement {
    bool passed = true;                   ///< no rank has met a number that is not finite
    std::optional<NonFinitePlace> place;  ///< where the first such rank has
    std::vector<double> numbers;          ///< summed over the ranks
    std::vector<bool> reached;            ///< by parameter: whether a rank brings a tensor
  };
  /// How many numbers each rank brings to the meetings after the roll call.
  std::size_t numbers() const { return numbers_; }
  /// A meeting.
  /// @param passed whether all numbers of this rank were finite
  /// @param place where one was not
  /// @param mine numbers() of this rank
  /// @param rows that this rank brings
  /// @throws c10::Error if another rank has failed
  Agreement meet(bool passed, const std::optional<NonFinitePlace>& place, std::vector<double> mine,
                 const std::vector<GradientList*>& rows);
  /// After a meeting: replaces the rows by their sums.
  void add_up(const std::vector<GradientList*>& rows, const std::vector<at::Tensor>& parameters,
              const std::vector<bool>& reached);

  /// Tells the others in the next meeting of the step, if there is one, that this rank has failed.
  /// If an exception is the cause, called while it is handled.
  void fail() noexcept;

  /// A meeting outside of steps, in which each rank tells whether it has failed.
  /// @param failure message of this rank's failure; empty if there is none
  void confirm(const std::string& failure, const char* call, double fingerprint = 0);
  /// Gives all ranks the bytes of rank 0.
  /// @param bytes [n] of uint8 on the host; ignored on the other ranks
  at::Tensor of_first(const at::Tensor& bytes);

 private:
  enum class Next : unsigned char { nothing, roll_call, meeting };
  static constexpr std::size_t slots = 6;  ///< of each rank in the roll call
  static constexpr std::size_t few_domains = 64;
  static constexpr std::size_t text_length = 240;
  enum Flag : std::uint64_t { fine = 0, failed = 1, stopped = 2, noted = 3 };

  /// The place of a number that is not finite, and a flag, as a whole number below 2^53.
  static double encoded(Flag flag, const std::optional<NonFinitePlace>& place) {
    auto part = [](std::optional<std::size_t> index, unsigned bits) -> std::uint64_t {
      return index && *index + 1 < (std::uint64_t{1} << bits) ? *index + 1 : 0;
    };
    std::uint64_t code = 0;
    if (place) {
      code = part(place->parameter, 20);
      code = code << 14U | part(place->point, 14);
      code = code << 14U | part(place->domain, 14);
      code = code << 1U | (place->in_loss ? 1U : 0U);
    }
    return static_cast<double>(code << 2U | flag);
  }
  static Flag flag_of(double code) {
    return static_cast<Flag>(static_cast<std::uint64_t>(code) & 3U);
  }
  static NonFinitePlace place_of(double number, std::size_t rank) {
    auto code = static_cast<std::uint64_t>(number) >> 2U;
    auto part = [&code](unsigned bits) -> std::optional<std::size_t> {
      const auto index = code & ((std::uint64_t{1} << bits) - 1);
      code >>= bits;
      return index == 0 ? std::nullopt : std::optional<std::size_t>(index - 1);
    };
    NonFinitePlace place;
    place.in_loss = part(1).has_value();
    place.domain = part(14);
    place.point = part(14);
    place.parameter = part(20);
    place.rank = rank;
    return place;
  }

  /// Runs what talks to the other ranks.
  template <class Talk>
  auto guarded(Talk&& talk) {
    TORCH_CHECK(!broken_,
                "roga: the process group failed in an earlier step; make a new group, and "
                "call distribute() with it");
    try {
      return talk();
    } catch (const std::exception& error) {
      next_ = Next::nothing;
      broken_ = true;
      wire_ = Wire(nullptr);
      group_->leave();
      const auto* known = dynamic_cast<const c10::Error*>(&error);
      TORCH_CHECK(false, "roga: rank ", rank_, " of ", size_,
                  " lost its process group: a rank has died, or took longer than the group's "
                  "timeout; this rank's weights are as before the step; make a new group, and call "
                  "distribute() with it: ",
                  known != nullptr ? known->what_without_backtrace() : error.what());
    }
  }
  std::vector<double> sums(const std::vector<double>& mine) {
    return guarded([&] {
      const c10::NoGradGuard no_grad;
      auto numbers = at::empty({static_cast<std::int64_t>(mine.size())}, at::kDouble);
      std::copy(mine.begin(), mine.end(), numbers.data_ptr<double>());
      auto there = numbers.to(device_);
      group_->add_up(there)();
      numbers.copy_(there);
      const double* first = numbers.data_ptr<double>();
      return std::vector<double>(first, first + numbers.numel());
    });
  }
  /// Tells all ranks why one has failed.
  std::string told(std::size_t who, const std::string& mine) {
    std::vector<double> text(text_length, 0.0);
    if (who == rank_) {
      for (std::size_t i = 0; i < std::min(mine.size(), text_length); ++i) {
        text[i] = static_cast<unsigned char>(mine[i]);
      }
    }
    std::string out;
    for (const double letter : sums(text)) {
      if (letter > 0) out += static_cast<char>(letter);
    }
    return out;
  }
  /// @param codes of all ranks
  std::optional<std::size_t> first_failed(const std::vector<double>& codes, std::size_t stride) {
    for (std::size_t r = 0; r < size_; ++r) {
      if (flag_of(codes[r * stride]) == failed) return r;
    }
    return std::nullopt;
  }
  void require_nobody_failed(const std::vector<double>& codes, std::size_t stride) {
    const auto who = first_failed(codes, stride);
    if (!who) return;
    const auto why = told(*who, {});
    next_ = Next::nothing;
    TORCH_CHECK(false, "roga: rank ", *who, " failed in this step, so no rank makes it",
                why.empty() ? "" : ": ", why);
  }
  static std::string reason() {
    const auto error = std::current_exception();
    if (!error) return "it left the step before its end";
    try {
      std::rethrow_exception(error);
    } catch (const c10::Error& known) {
      return known.what_without_backtrace();
    } catch (const std::exception& known) {
      return known.what();
    } catch (...) {
      return "an exception that is not a std::exception";
    }
  }

  std::shared_ptr<Communicator> group_;
  Placement placement_;
  Ascent ascent_;
  double weight_;
  c10::Device device_;
  std::size_t rank_;
  std::size_t size_;
  Wire wire_;
  Next next_ = Next::nothing;
  bool broken_ = false;  ///< the process group
  std::size_t numbers_ = 0;
  std::size_t tensors_ = 0;
};

inline Shares Team::call_roll(const RollCall& roll, const std::vector<std::size_t>& positions) {
  const std::size_t begin = slots * size_;
  std::vector<double> mine(begin + 2 * few_domains, 0.0);
  double* own = &mine[rank_ * slots];
  own[1] = static_cast<double>(roll.step);
  own[2] = roll.parameters;
  own[3] = roll.settings;
  own[4] = static_cast<double>(roll.listed);
  own[5] = positions.empty() ? 0.0 : static_cast<double>(positions.back() + 1);
  auto tell = [&](std::vector<double>& numbers, std::size_t from, std::size_t most) {
    for (const std::size_t k : positions) {
      if (k >= most) continue;
      numbers[from + 2 * k] = 1.0;
      numbers[from + 2 * k + 1] = weight_;
    }
  };
  tell(mine, begin, few_domains);
  auto all = sums(mine);
  require_nobody_failed(all, slots);

  auto differ = [&](std::size_t slot, const char* what, bool zero_is_silent) {
    std::optional<std::size_t> first;
    for (std::size_t r = 0; r < size_; ++r) {
      const double value = all[r * slots + slot];
      if (zero_is_silent && value == 0) continue;
      if (!first) first = r;
      if (value == all[*first * slots + slot]) continue;
      next_ = Next::nothing;
      const bool number = slot == 1 || slot == 4;
      TORCH_CHECK(false, "roga: ranks ", *first, " and ", r, " differ in ", what,
                  number ? c10::str(", ", all[*first * slots + slot], " and ", value) : "",
                  "; all ranks must make the same steps with the same settings: call distribute() "
                  "on all of them to give them the same weights and state again");
    }
  };
  differ(2, "the parameters of their optimizers", false);
  differ(1, "the number of steps that they have made", false);
  differ(4, "the number of closures that they give to step()", true);
  differ(3, "their settings (radius, learning rates, placement, clipping, loss scale, ...)", false);

  std::size_t count = 0;
  for (std::size_t r = 0; r < size_; ++r) {
    count = std::max(count, static_cast<std::size_t>(all[r * slots + 5]));
  }
  std::size_t from = begin;
  if (count > few_domains) {
    std::vector<double> many(2 * count, 0.0);
    tell(many, 0, count);
    all = sums(many);
    from = 0;
  }
  next_ = Next::nothing;  // for the errors below
  Shares shares;
  std::vector<double> total;
  for (std::size_t k = 0; k < count; ++k) {
    const double ranks = all[from + 2 * k];
    if (ranks == 0) continue;
    TORCH_CHECK(placement_ == Placement::shards || ranks == 1, "roga: domain ", k, " is on ", ranks,
                " ranks; with Placement::domains each domain is on one: give step() an empty "
                "closure for a domain of another rank, or choose Placement::shards");
    total.push_back(all[from + 2 * k + 1]);
    TORCH_CHECK(placement_ == Placement::domains || total.back() > 0,
                "roga: the ranks that have "
                "domain ",
                k, " give their data the weight 0; one of them needs a positive weight");
    shares.domains.push_back(k);
  }
  TORCH_CHECK(!shares.domains.empty(),
              "roga: no rank has data in this step; at least one rank must give step() a closure");
  const std::size_t domains = shares.domains.size();
  shares.of_domain.assign(domains, 0.0);
  for (std::size_t k = 0, next = 0; k < domains && next < positions.size(); ++k) {
    if (positions[next] != shares.domains[k]) continue;
    ++next;
    shares.here.push_back(k);
    shares.of_domain[k] = placement_ == Placement::domains ? 1.0 : weight_ / total[k];
    shares.own += shares.of_mean(k);
  }
  bool even = true;
  for (const std::size_t k : shares.here) {
    even = even && shares.of_domain[k] == shares.of_domain[shares.here.front()];
  }
  for (const std::size_t k : shares.here) {
    if (!even && shares.own > 0) shares.weights.push_back(shares.of_mean(k) / shares.own);
  }
  tensors_ = roll.tensors;
  numbers_ = domains * (roll.tells_radii ? 3 : 1) + 2;
  next_ = Next::meeting;
  return shares;
}

inline Team::Agreement Team::meet(bool passed, const std::optional<NonFinitePlace>& place,
                                  std::vector<double> mine,
                                  const std::vector<GradientList*>& rows) {
  std::vector<double> numbers(size_ + numbers_ + tensors_, 0.0);
  numbers[rank_] = encoded(passed ? (place ? noted : fine) : stopped, place);
  std::copy(mine.begin(), mine.end(), numbers.begin() + static_cast<std::ptrdiff_t>(size_));
  for (const GradientList* row : rows) {
    for (std::size_t i = 0; i < row->size(); ++i) {
      if ((*row)[i].defined()) numbers[size_ + numbers_ + i] = 1.0;
    }
  }
  numbers = sums(numbers);
  require_nobody_failed(numbers, 1);
  Agreement agreed;
  for (std::size_t r = 0; r < size_; ++r) {
    const Flag flag = flag_of(numbers[r]);
    if (flag == stopped) agreed.passed = false;
    if (flag != fine && !agreed.place) agreed.place = place_of(numbers[r], r);
  }
  const auto first = numbers.begin() + static_cast<std::ptrdiff_t>(size_);
  const auto last = first + static_cast<std::ptrdiff_t>(numbers_);
  agreed.numbers.assign(first, last);
  for (auto next = last; next != numbers.end(); ++next) agreed.reached.push_back(*next > 0);
  return agreed;
}

inline void Team::add_up(const std::vector<GradientList*>& rows,
                         const std::vector<at::Tensor>& parameters,
                         const std::vector<bool>& reached) {
  guarded([&] { wire_.add_up(rows, parameters, reached); });
}

inline void Team::fail() noexcept {
  try {
    std::vector<double> numbers;
    std::size_t stride = 1;
    if (next_ == Next::nothing) return;
    if (next_ == Next::roll_call) {
      numbers.resize(slots * size_ + 2 * few_domains, 0.0);
      stride = slots;
    } else {
      numbers.resize(size_ + numbers_ + tensors_, 0.0);
    }
    next_ = Next::nothing;
    numbers[rank_ * stride] = encoded(failed, {});
    const auto who = first_failed(sums(numbers), stride);
    if (who) static_cast<void>(told(*who, reason()));
  } catch (...) {  // NOLINT: the failure itself says more
  }
  next_ = Next::nothing;
}

inline void Team::confirm(const std::string& failure, const char* call, double fingerprint) {
  std::vector<double> mine(2 * size_, 0.0);
  mine[2 * rank_] = failure.empty() ? encoded(fine, {}) : encoded(failed, {});
  mine[2 * rank_ + 1] = fingerprint;
  const auto all = sums(mine);
  if (const auto who = first_failed(all, 2)) {
    const auto why = told(*who, failure);
    TORCH_CHECK(false, "roga: ", call, " failed on rank ", *who, ": ", why);
  }
  for (std::size_t r = 1; r < size_; ++r) {
    TORCH_CHECK(
        all[2 * r + 1] == all[1], "roga: ", call, ": ranks 0 and ", r,
        " differ in their parameters, protected modules, placement or ascent; these must be "
        "the same on all ranks");
  }
}

inline at::Tensor Team::of_first(const at::Tensor& bytes) {
  const c10::NoGradGuard no_grad;
  const bool first = rank_ == 0;
  const auto size =
      static_cast<std::int64_t>(sums({first ? static_cast<double>(bytes.numel()) : 0.0}).front());
  // Two bytes make a number that a float holds; the other ranks add zeros.
  auto all = at::zeros({(size + 1) / 2 * 2}, at::kByte);
  if (first) all.narrow(0, 0, size).copy_(bytes);
  const auto pairs = all.view(at::kShort);
  constexpr std::int64_t most = std::int64_t{1} << 22U;
  for (std::int64_t begin = 0; begin < pairs.numel(); begin += most) {
    auto part = pairs.narrow(0, begin, std::min(most, pairs.numel() - begin));
    guarded([&] {
      auto numbers = part.to(at::kFloat).to(device_);
      group_->add_up(numbers)();
      part.copy_(numbers);
    });
  }
  return all.narrow(0, 0, size);
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
