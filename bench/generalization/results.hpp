// SPDX-License-Identifier: MIT
// From lines of results to tables.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace generalization {

/// One line of a results file.
struct Trial {
  std::string family, held_out, method, variant;
  std::uint64_t seed = 0;
  double validation = 0, test = 0, seconds_per_step = 0, sharpness = 0, agreement = 0, loss = 0;
};

/// The complete lines; one that was cut off by a kill is left out.
std::vector<Trial> read_trials(const std::filesystem::path& file);

/// "mean ± standard error".
std::string mean_with_error(const std::vector<double>& values);

/// Each method's variant with the best mean validation accuracy; held-out images play no part.
std::map<std::string, std::string> chosen(const std::vector<Trial>& trials);
/// The search as a table: mean validation accuracy of each setting, the chosen ones marked.
std::string choices(const std::vector<Trial>& trials);

/// Trials of the settings that a search has chosen. Trials of methods that it does not know stay.
std::vector<Trial> only_chosen(std::vector<Trial> trials, const std::vector<Trial>& search);

/// Paired over held-out domains and seeds.
struct PairedTest {
  double mean = 0;
  double standard_error = 0;  ///< over seeds, of the mean over held-out domains
  double low = 0, high = 0;   ///< 95 % bootstrap interval over seeds
  /// Exact sign-flip permutation test over seeds, two-sided: the share of the 2^n sign patterns
  /// whose mean is at least as far from 0. Its least value is 2 / 2^n.
  double p_value = 1;
  std::size_t seeds = 0;
};
/// @param differences of each seed
PairedTest paired_test(const std::vector<double>& differences);

/// A table: methods against the baselines, each with one setting.
/// @param baselines names of methods
/// @param with_time a column of seconds per step over those of the first baseline
std::string to_markdown(const std::vector<Trial>& trials, const std::vector<std::string>& baselines,
                        bool with_time = true);

}  // namespace generalization
