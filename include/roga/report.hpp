// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <locale>
#include <optional>
#include <ostream>
#include <roga/engine/non_finite.hpp>
#include <roga/engine/record.hpp>
#include <roga/policy/maybe.hpp>
#include <roga/tensor/scalar.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// What one step did. Numbers on an accelerator are fetched when you read them: reading costs a
/// synchronisation.
class StepReport {
 public:
  /// RoGAOptimizer::last_step() makes it.
  explicit StepReport(detail::StepRecord record) : record_(std::move(record)) {}

  /// Index of the step, from 0.
  std::int64_t step() const { return record_.step; }
  /// Evaluations of closures, or of the shared forward; all of them where the base evaluates
  /// several times (LBFGS).
  std::size_t evaluations() const { return record_.evaluations; }
  /// Ascent points visited; 0 means that no ascent ran.
  std::size_t points() const { return record_.points; }
  /// Whether an ascent ran.
  bool ascended() const { return record_.points > 0; }
  /// Whether a loss or gradient was not finite and the weights stayed.
  bool skipped() const { return record_.skipped; }
  /// Where that number was met first; none unless skipped().
  Maybe<NonFinitePlace> not_finite() const { return record_.not_finite; }
  /// How many steps in a row were skipped, this one included; 0 if it was not. Counted since the
  /// optimizer was made or loaded.
  std::int64_t skipped_in_a_row() const { return record_.skipped_in_a_row; }

  /// Loss of each present domain at theta.
  std::vector<double> losses() const { return Scalar::values(record_.losses); }
  /// |d|, the norm of the direction, before `clip_norm` shortens it.
  double direction_norm() const { return record_.direction_norm.value(); }
  /// |v_j| of each point's ascent direction, before normalising (in the policy's metric).
  std::vector<double> ascent_norms() const { return Scalar::values(record_.ascent_norms); }
  /// The radius used at each point.
  std::vector<double> radii() const { return Scalar::values(record_.radii); }
  /// Cosine between the ERM gradient and the mean captured gradient; needs `diagnose(true)`.
  Maybe<double> cosine() const {
    return record_.cosine ? Maybe<double>(record_.cosine->value()) : Maybe<double>();
  }
  /// [K][K] cosines between the domains' gradients at theta; empty without `diagnose(true)`, and
  /// where one backward pass at theta is over all domains, as for `sam` with a SharedForward or a
  /// pooled closure in one process: diagnosing does not change the passes.
  std::vector<std::vector<double>> domain_cosines() const {
    std::vector<std::vector<double>> rows;
    for (const auto& row : record_.domain_cosines) rows.push_back(Scalar::values(row));
    return rows;
  }

  /// One line: the mean loss and those of several domains, evaluations, points with their radii and
  /// ascent norms, the direction's norm, and the cosine with `diagnose(true)`. At most eight
  /// numbers of a list; four digits, whatever the stream's locale and format are.
  ///
  ///     step 12: loss 0.69 (0.7, 0.68), 4 evaluations, 1 point (radius 0.05, |v| 1.2), |d| 0.31
  ///     step 13: skipped (1 in a row), loss nan (0.7, nan), 2 evaluations, 0 points
  ///
  /// Costs one synchronisation where the numbers live on an accelerator.
  friend std::ostream& operator<<(std::ostream& out, const StepReport& report) {
    return out << report.line();
  }

 private:
  std::string line() const;

  detail::StepRecord record_;
};

inline std::string StepReport::line() const {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(4);
  text << "step " << record_.step << ": ";
  if (record_.evaluations == 0 && record_.losses.empty()) {
    text << "not finished";
    return text.str();
  }
  std::vector<Scalar> wanted = record_.losses;
  wanted.insert(wanted.end(), record_.radii.begin(), record_.radii.end());
  wanted.insert(wanted.end(), record_.ascent_norms.begin(), record_.ascent_norms.end());
  wanted.push_back(record_.direction_norm);
  if (record_.cosine) wanted.push_back(*record_.cosine);
  const auto values = Scalar::values(wanted);

  auto put = [&](const char* before, double value) {
    text << before;
    if (std::isnan(value)) {
      text << "nan";  // its sign means nothing
    } else {
      text << value;
    }
  };
  auto put_list = [&](auto begin, auto end) {
    constexpr std::ptrdiff_t most = 8;
    const char* before = "";
    for (auto value = begin; value != end && value - begin < most; ++value) {
      put(std::exchange(before, ", "), *value);
    }
    if (end - begin > most) text << ", ...";
  };
  auto count = [&](std::size_t number, const char* what) {
    text << ", " << number << " " << what << (number == 1 ? "" : "s");
  };
  const auto losses = values.begin();
  const auto radii = losses + static_cast<std::ptrdiff_t>(record_.losses.size());
  const auto norms = radii + static_cast<std::ptrdiff_t>(record_.radii.size());
  auto rest = norms + static_cast<std::ptrdiff_t>(record_.ascent_norms.size());

  if (record_.skipped) {
    text << "skipped (" << record_.skipped_in_a_row << " in a row), ";
    if (record_.not_finite) text << record_.not_finite->text() << " is not finite, ";
  }
  double sum = 0;
  for (auto loss = losses; loss != radii; ++loss) sum += *loss;
  put("loss ", sum / static_cast<double>(record_.losses.size()));
  if (record_.losses.size() > 1) {
    text << " (";
    put_list(losses, radii);
    text << ")";
  }
  count(record_.evaluations, "evaluation");
  count(record_.points, "point");
  if (norms != radii) {
    text << " (radius ";
    put_list(radii, norms);
    text << ", |v| ";
    put_list(norms, rest);
    text << ")";
  }
  if (!record_.skipped) put(", |d| ", *rest);
  if (!record_.skipped && record_.cosine) put(", cosine ", *++rest);
  return text.str();
}

}  // namespace v1
}  // namespace roga
