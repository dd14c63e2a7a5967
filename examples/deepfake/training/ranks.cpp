// SPDX-License-Identifier: MIT
#include "training/ranks.hpp"

#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace deepfake {
namespace {

std::string words_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an unknown failure";
  }
}

/// What each rank says of itself at a meeting. Whose failure is another's speaks last.
enum Word : int { well = 0, failed = 1, bereft = 2 };

}  // namespace

class Ranks::Lost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

bool Ranks::is_lost(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Lost&) {
    return true;
  } catch (...) {  // NOLINT: it is told at the meeting
    return false;
  }
}

Ranks::Ranks(std::shared_ptr<roga::Communicator> steps, std::shared_ptr<roga::Communicator> layers,
             std::string limit)
    : steps_(std::move(steps)),
      layers_(std::move(layers)),
      limit_(std::move(limit)),
      rank_(static_cast<std::size_t>(steps_->rank())),
      size_(static_cast<std::size_t>(steps_->size())) {}

std::string Ranks::name() const {
  if (!are_several()) return "";
  return "rank " + std::to_string(rank_) + " of " + std::to_string(size_) + ": ";
}

void Ranks::send(const std::shared_ptr<roga::Communicator>& group, const at::Tensor& numbers) {
  try {
    group->add_up(numbers)();
  } catch (const std::exception&) {
    layers_->leave();
    if (group == steps_) steps_->leave();
    throw Lost(
        "lost another rank: it died, or failed and says why itself, or kept this one waiting "
        "for more than " +
        limit_ + "; the last checkpoint is as it was: continue with --resume");
  }
}

void Ranks::tell(std::size_t who) {
  std::string words = failure_ ? words_of(failure_) : std::string();
  double length = who == rank_ ? static_cast<double>(words.size()) : 0.0;
  send(steps_, at::from_blob(&length, {1}, at::kDouble));
  words.resize(static_cast<std::size_t>(length));
  spread(words, who);
  const bool is_own = failure_ && (who == rank_ || !is_lost(failure_));
  if (is_own) std::rethrow_exception(std::exchange(failure_, nullptr));
  throw std::runtime_error("rank " + std::to_string(who) + " failed: " + words);
}

/// Each rank gives its word and a number. @return the sum of the numbers
double Ranks::meet(double mine) {
  std::vector<double> numbers(size_ + 1, 0.0);
  if (failure_) numbers[rank_] = is_lost(failure_) ? bereft : failed;
  numbers[size_] = mine;
  send(steps_,
       at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kDouble));
  for (const int word : {failed, bereft}) {
    const auto last = numbers.begin() + static_cast<std::ptrdiff_t>(size_);
    const auto who = std::find(numbers.begin(), last, static_cast<double>(word));
    if (who != last) tell(static_cast<std::size_t>(who - numbers.begin()));
  }
  return numbers[size_];
}

void Ranks::together(const std::function<void()>& work) {
  if (!are_several()) return work();
  if (!failure_) {
    try {
      work();
    } catch (...) {  // NOLINT: it is told at the meeting
      failure_ = std::current_exception();
    }
  }
  meet(0);
}

void Ranks::on_first(const std::function<void()>& work) {
  if (!are_several()) return work();
  if (!is_first() || failure_) return;
  try {
    work();
  } catch (...) {  // NOLINT: it is told at the meeting
    failure_ = std::current_exception();
  }
}

void Ranks::in_step(const std::function<void()>& work) {
  if (!are_several()) return work();
  try {
    work();
  } catch (...) {  // NOLINT: it is told at the meeting
    failure_ = std::current_exception();
    // Where one rank's step fails, that of every rank does.
    meet(0);
  }
}

bool Ranks::any(bool mine) {
  if (!are_several()) return mine;
  return meet(mine ? 1 : 0) > 0;
}

void Ranks::add_up(std::span<double> numbers) {
  if (!are_several()) return;
  meet(0);
  if (numbers.empty()) return;
  send(steps_,
       at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kDouble));
}

std::vector<std::string> Ranks::of_all(const std::string& mine) {
  if (!are_several()) return {mine};
  std::vector<double> lengths(size_, 0.0);
  lengths[rank_] = static_cast<double>(mine.size());
  add_up(lengths);
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < size_; ++r) {
    texts.push_back(r == rank_ ? mine : std::string(static_cast<std::size_t>(lengths[r]), '\0'));
    spread(texts.back(), r);
  }
  return texts;
}

std::string Ranks::of_first(const std::string& text) {
  if (!are_several()) return text;
  double length = is_first() ? static_cast<double>(text.size()) : 0.0;
  add_up({&length, 1});
  std::string all = is_first() ? text : std::string(static_cast<std::size_t>(length), '\0');
  spread(all, 0);
  return all;
}

/// Fills a text of known length with that of one rank.
void Ranks::spread(std::string& text, std::size_t from) {
  constexpr std::size_t packed = 6;  // letters that one double holds exactly
  constexpr std::size_t most = packed << 20U;
  for (std::size_t begin = 0; begin < text.size(); begin += most) {
    const std::size_t length = std::min(most, text.size() - begin);
    std::vector<double> numbers((length + packed - 1) / packed, 0.0);
    for (std::size_t i = 0; i < length && from == rank_; ++i) {
      const auto letter = static_cast<unsigned char>(text[begin + i]);
      numbers[i / packed] += std::ldexp(letter, static_cast<int>(8 * (i % packed)));
    }
    send(steps_,
         at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kDouble));
    for (std::size_t i = 0; i < length; ++i) {
      const auto word = static_cast<std::uint64_t>(numbers[i / packed]);
      text[begin + i] = static_cast<char>(word >> (8 * (i % packed)) & 0xffU);
    }
  }
}

void Ranks::add_up_in_pass(const at::Tensor& numbers) { send(layers_, numbers); }

void Ranks::leave_pass() {
  if (layers_) layers_->leave();
}

}  // namespace deepfake
