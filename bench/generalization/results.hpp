// SPDX-License-Identifier: MIT
// From lines of results to tables.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace generalization {

/// What a training made of its last weights, or of their average: then its method and variant say
/// "averaged".
struct Trial {
  std::string family, held_out;
  /// If not empty: @p test is the accuracy on this one's validation images, and no image of
  /// @p held_out was looked at.
  std::string also_left_out;
  std::string method, variant;
  std::string settings_of;   ///< the method whose search chose the setting, if not its own
  std::string arithmetic;    ///< instruction set; empty: whatever the machine had
  bool has_average = false;  ///< the same training's averaged weights are a trial, too
  std::uint64_t seed = 0;
  std::map<std::string, double> tests;  ///< where several stand for what was left out
  double validation = 0, test = 0, seconds_per_step = 0, sharpness = 0, agreement = 0, loss = 0;
};

/// Of the complete lines; one that was cut off by a kill is left out.
std::vector<Trial> read_trials(const std::filesystem::path& file);

/// "mean ± standard error".
std::string mean_with_error(const std::vector<double>& values);

/// Which setting of a method is taken. No search looks at what it leaves out for the end: where
/// trials leave out two domains, those that train on it do not count.
enum class Rule {
  validation,  ///< the best mean accuracy on validation images of the training domains
  leave_out,   ///< the best on training domains that were left out as well, one after the other
};

/// Where a training's last weights and averaged ones were both judged, the averaged ones choose the
/// setting of both: so they differ in the average alone.
///
/// Setting of a method without its name, for each domain that was left out; under "" where one is
/// chosen for all of them, by Rule::validation from trials that leave out one domain.
using Choices = std::map<std::string, std::map<std::string, std::string>>;
Choices chosen(const std::vector<Trial>& search, Rule rule = Rule::validation);
/// The search as a table: mean accuracy of each setting by the rule, for each domain that was left
/// out, the chosen ones marked.
std::string choices(const std::vector<Trial>& search, Rule rule = Rule::validation);

/// Trials of the settings that were chosen. Trials of methods that the search does not know stay.
std::vector<Trial> only_chosen(std::vector<Trial> trials, const Choices& choices);
/// Whether this setting of @p method is taken for @p held_out; unknown methods take all.
bool is_chosen(const Choices& choices, const std::string& method, const std::string& setting,
               const std::string& held_out);

/// Paired over held-out domains, seeds and instruction sets.
struct PairedTest {
  double mean = 0;
  double standard_error = 0;
  /// 95 % interval by Student's t. Seeds and, if there are several, instruction sets are random
  /// effects: the variance of the mean is (A + B - E) / (seeds * sets) with the mean squares of the
  /// two-way layout, a component below 0 counting as 0, and Satterthwaite's degrees of freedom
  /// (Biometrics Bulletin 2, 1946).
  double low = 0, high = 0;
  /// Sign-flip permutation test over seeds, two-sided: the share of the 2^n sign patterns whose
  /// mean is at least as far from 0; exact up to 20 seeds, else of 2^20 random patterns. Its least
  /// value is 2 / 2^n: 0.06 with five seeds.
  double p_value = 1;
  std::size_t seeds = 0;
};
/// @param differences of each seed; of each instruction set as many
PairedTest paired_test(const std::vector<std::vector<double>>& differences);

/// Methods against baselines, in lines of JSON for bench/generalization/forest.py: family, method,
/// baseline, mean, low, high, seeds, and the same by instruction set.
std::string differences(const std::vector<Trial>& trials,
                        const std::vector<std::string>& baselines);

/// Each method's score on each of several tests, in lines of JSON for
/// bench/generalization/curves.py: family, method, test, mean, standard error, trainings.
std::string curves(const std::vector<Trial>& trials);

/// A table: methods against the baselines, each with one setting.
/// @param baselines names of methods
/// @param with_time a column of seconds per step over those of the first baseline
std::string to_markdown(const std::vector<Trial>& trials, const std::vector<std::string>& baselines,
                        bool with_time = true);

}  // namespace generalization
