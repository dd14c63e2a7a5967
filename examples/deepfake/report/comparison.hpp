// SPDX-License-Identifier: MIT
// Puts runs side by side: which differ by the seed alone, what they were tested on, and how well.
#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "data/trained_on.hpp"
#include "runs/run_files.hpp"

namespace deepfake {

/// One manipulation of one data set, as tested: its fakes against the data set's reals.
struct TestDomain {
  std::string dataset;
  std::string domain;
  std::string title = {};
  std::string source = {};  ///< see TestedForgery
  std::string compression = {};
  bool operator==(const TestDomain& other) const {
    return dataset == other.dataset && domain == other.domain && compression == other.compression;
  }
};

/// Runs that differ in nothing but the seed.
struct RunGroup {
  std::string title;
  std::string method;
  std::vector<std::string> train_titles;  ///< manipulations trained on, as shown
  std::vector<const Run*> runs;
};

/// Over the seeds of a group. NaN where there is no value, or no deviation.
struct MeanDeviation {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = std::numeric_limits<double>::quiet_NaN();
};

MeanDeviation mean_deviation(std::span<const double> values);

class Comparison {
 public:
  /// @p runs must outlive this object. @throws std::runtime_error if there is none.
  explicit Comparison(std::span<const Run> runs);

  bool synthetic() const { return synthetic_; }
  const std::vector<RunGroup>& groups() const { return groups_; }
  /// Domains of the test split: those that some run was trained on first, "all" left out.
  const std::vector<TestDomain>& domains() const { return domains_; }
  /// Domains that no run of any group was trained on.
  std::vector<TestDomain> never_trained() const;

  /// As evaluate found it. Where it has not looked (rows of an older version, or none), by the
  /// label, whatever the data set's name.
  bool is_trained(const RunGroup& group, const TestDomain& domain) const;
  /// What training and test share though the names do not tell, and runs whose results do not say.
  std::vector<std::string> overlaps() const;
  MeanDeviation auc(const RunGroup& group, const TestDomain& domain,
                    const std::string& level) const;
  /// Mean over the manipulations that the group was trained on, or over all others. One that
  /// several data sets list counts once.
  MeanDeviation mean_auc(const RunGroup& group, bool trained, const std::string& level) const;
  /// The best of a run's epochs on the validation split, which chose its checkpoint: the number to
  /// choose settings by. NaN for a run without validation.
  MeanDeviation validation_auc(const RunGroup& group, const std::string& level) const;
  /// Mean over seeds of config.json's "record" > "step_seconds" or, without it, of the median over
  /// history.csv; NaN without either.
  double step_seconds(const RunGroup& group) const;
  /// The same relative to the group with method erm; NaN if there is none.
  double relative_step_seconds(const RunGroup& group) const;

 private:
  std::vector<RunGroup> groups_;
  std::vector<TestDomain> domains_;
  bool synthetic_ = false;
};

TestedForgery manipulation_of(const TestDomain& domain);

/// The last row of the test split for this domain and level, or null.
const EvalRow* test_row(const Run& run, const TestDomain& domain, const std::string& level);

/// The summary as a table for the terminal: a row per group, AUC per domain.
/// @param width of the terminal; 0: all columns side by side
std::string summary_text(const Comparison& comparison, const std::string& level,
                         std::size_t width = 0);

/// The same as numbers, of both levels: a column of means over seeds, "frame NAME" or "video NAME",
/// and where a method has several seeds one of standard deviations, "frame NAME sd".
void write_comparison(const Comparison& comparison, const std::filesystem::path& file);

/// 0.912 or 0.912 ± 0.004.
std::string to_text(const MeanDeviation& value, int digits = 3);

}  // namespace deepfake
