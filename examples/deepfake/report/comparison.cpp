// SPDX-License-Identifier: MIT
#include "report/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

#include "data/pseudo_kinds.hpp"
#include "files/csv.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

bool was_trained_on(const Run& run, const TestDomain& domain) {
  const EvalRow* row = test_row(run, domain, frame_level);
  if (row && !row->trained.empty()) return row->trained == "yes";
  return contains(run.config.train_domains, domain.domain) ||
         !trained_twin(run.config.train_domains, domain.domain).empty();
}

/// What compare's settings call the run; empty for others.
std::string settings_name(const RunConfig& config) {
  const auto record = config.all.find("record");
  return record == config.all.end() ? "" : record->value("settings", "");
}

/// Everything in a configuration that tells two methods apart.
std::string method_key(const RunConfig& config) {
  nlohmann::ordered_json key = config.all;
  for (const char* name : {"name", "seed", "record"}) key.erase(name);
  // Two settings of compare may be equal; a copy of the data, or a run of an older version, which
  // kept the list of frames alone, is the same data.
  key["settings"] = settings_name(config);
  const std::string data = config.all.value("data_fingerprint", "");
  key["data_fingerprint"] = data.starts_with("2-") ? data.substr(2, data.find('-', 2) - 2) : data;
  if (key.contains("options") && key["options"].is_object()) key["options"].erase("seed");
  return key.dump();
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Groups of one method are told apart by what they were trained on, or else by their names.
void set_titles(std::vector<RunGroup>& groups) {
  for (RunGroup& group : groups) {
    group.title = group.method;
    std::set<std::vector<std::string>> trained;
    std::size_t same_method = 0;
    for (const RunGroup& other : groups) {
      if (other.method != group.method) continue;
      ++same_method;
      trained.insert(other.train_titles);
    }
    const std::string name = settings_name(group.runs.front()->config);
    const auto is_called_so = [&](const RunGroup& other) {
      return settings_name(other.runs.front()->config) == name;
    };
    if (!name.empty() && std::ranges::count_if(groups, is_called_so) == 1) {
      group.title = name;  // as who compares them calls it
      continue;
    }
    if (same_method == 1) continue;
    group.title += trained.size() == same_method ? ", trained on " + join(group.train_titles)
                                                 : ": " + group.runs.front()->config.name;
  }
}

/// Data sets that list the same manipulation are named, and compressions where there are several.
void tell_apart(std::vector<TestDomain>& domains) {
  std::map<std::string, std::set<std::string>> datasets, compressions;
  for (const TestDomain& domain : domains) {
    datasets[domain.title].insert(domain.dataset);
    compressions[domain.dataset].insert(domain.compression);
  }
  for (TestDomain& domain : domains) {
    const bool is_repeated = datasets[domain.title].size() > 1;
    if (is_repeated) domain.title += " (" + domain.dataset + ')';
    if (compressions[domain.dataset].size() > 1) domain.title += ' ' + domain.compression;
  }
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

MeanDeviation mean_deviation(std::span<const double> values) {
  MeanDeviation result;
  const auto n = static_cast<double>(values.size());
  if (values.empty()) return result;
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  result.mean = sum / n;
  for (const double value : values) squares += std::pow(value - result.mean, 2);
  if (values.size() > 1) result.deviation = std::sqrt(squares / (n - 1));
  return result;
}

Comparison::Comparison(std::span<const Run> runs) {
  if (runs.empty()) throw std::runtime_error("a report needs at least one run folder");
  std::vector<std::string> keys;
  std::vector<TestDomain> trained, others;
  for (const Run& run : runs) {
    synthetic_ = synthetic_ || run.config.synthetic;
    const std::string key = method_key(run.config);
    const auto found = std::ranges::find(keys, key);
    if (found == keys.end()) {
      keys.push_back(key);
      RunGroup& group = groups_.emplace_back();
      group.method = run.config.method;
      for (const std::string& domain : run.config.train_domains) {
        group.train_titles.push_back(domain_title(domain, run.config.synthetic));
      }
      group.runs.push_back(&run);
    } else {
      groups_[static_cast<std::size_t>(found - keys.begin())].runs.push_back(&run);
    }
    for (const EvalRow& row : run.evals) {
      if (row.split != "test" || row.domain == all_domains) continue;
      // make-data's unseen sets, under a detector that may have been trained on real ones
      synthetic_ = synthetic_ || row.dataset.starts_with("Synthetic-");
      const TestDomain domain{row.dataset, row.domain,
                              domain_title(row.domain, run.config.synthetic), row.source,
                              row.compression};
      auto& list = was_trained_on(run, domain) ? trained : others;
      if (std::ranges::find(list, domain) == list.end()) list.push_back(domain);
    }
  }
  domains_ = trained;
  for (const TestDomain& domain : others) {
    if (std::ranges::find(trained, domain) == trained.end()) domains_.push_back(domain);
  }
  set_titles(groups_);
  tell_apart(domains_);
}

std::vector<TestDomain> Comparison::never_trained() const {
  std::vector<TestDomain> result;
  for (const TestDomain& domain : domains_) {
    const auto trains = [&](const RunGroup& group) { return is_trained(group, domain); };
    if (std::ranges::none_of(groups_, trains)) result.push_back(domain);
  }
  return result;
}

bool Comparison::is_trained(const RunGroup& group, const TestDomain& domain) const {
  return std::ranges::any_of(group.runs,
                             [&](const Run* run) { return was_trained_on(*run, domain); });
}

std::vector<std::string> Comparison::overlaps() const {
  Overlaps overlaps;
  for (const RunGroup& group : groups_) {
    for (const TestDomain& domain : domains_) {
      for (const Run* run : group.runs) {
        const EvalRow* row = test_row(*run, domain, frame_level);
        if (!row) continue;
        overlaps.add((groups_.size() > 1 ? group.title + " on " : "") + domain.title,
                     is_trained(group, domain),
                     row->trained.empty() ? "judged by the label alone, for the results are of an "
                                            "older version; evaluate again"
                                          : row->overlap);
      }
    }
  }
  return overlaps.lines();
}

MeanDeviation Comparison::auc(const RunGroup& group, const TestDomain& domain,
                              const std::string& level) const {
  std::vector<double> values;
  for (const Run* run : group.runs) {
    if (const EvalRow* row = test_row(*run, domain, level)) values.push_back(row->metrics.auc);
  }
  return mean_deviation(values);
}

MeanDeviation Comparison::mean_auc(const RunGroup& group, bool trained,
                                   const std::string& level) const {
  std::vector<double> values;
  for (const Run* run : group.runs) {
    ManipulationMean mean;
    for (const TestDomain& domain : domains_) {
      const EvalRow* row = test_row(*run, domain, level);
      if (!row || is_trained(group, domain) != trained) continue;
      mean.add(manipulation_of(domain), row->metrics.auc);
    }
    if (mean.count() > 0) values.push_back(mean.mean());
  }
  return mean_deviation(values);
}

MeanDeviation Comparison::validation_auc(const RunGroup& group, const std::string& level) const {
  std::vector<double> best;
  for (const Run* run : group.runs) {
    std::map<std::int64_t, ManipulationMean> by_epoch;
    for (const EvalRow& row : run->evals) {
      if (row.split != "val" || row.level != level || row.domain == all_domains) continue;
      by_epoch[row.epoch].add({row.domain, row.compression, row.source}, row.metrics.auc);
    }
    std::vector<double> means;
    for (const auto& [epoch, mean] : by_epoch) means.push_back(mean.mean());
    if (!means.empty()) best.push_back(std::ranges::max(means));
  }
  return mean_deviation(best);
}

double Comparison::step_seconds(const RunGroup& group) const {
  std::vector<double> medians;
  for (const Run* run : group.runs) {
    // Measured side by side if there is such a record; else while training, on a machine that may
    // have been doing something else.
    const auto record = run->config.all.find("record");
    if (record != run->config.all.end() && record->contains("step_seconds")) {
      medians.push_back(record->at("step_seconds").get<double>());
      continue;
    }
    std::vector<double> seconds;
    for (const HistoryRow& row : run->history) seconds.push_back(row.step_seconds);
    if (!seconds.empty()) medians.push_back(median(seconds));
  }
  return mean_deviation(medians).mean;
}

double Comparison::relative_step_seconds(const RunGroup& group) const {
  const auto erm = std::ranges::find(groups_, "erm", &RunGroup::method);
  return erm == groups_.end() ? std::numeric_limits<double>::quiet_NaN()
                              : step_seconds(group) / step_seconds(*erm);
}

TestedForgery manipulation_of(const TestDomain& domain) {
  return {domain.domain, domain.compression, domain.source};
}

const EvalRow* test_row(const Run& run, const TestDomain& domain, const std::string& level) {
  const EvalRow* last = nullptr;
  for (const EvalRow& row : run.evals) {
    if (row.split == "test" && row.level == level && row.dataset == domain.dataset &&
        row.domain == domain.domain && row.compression == domain.compression) {
      last = &row;
    }
  }
  return last;
}

std::string to_text(const MeanDeviation& value, int digits) {
  if (std::isnan(value.deviation)) return fixed(value.mean, digits);
  return fixed(value.mean, digits) + " ± " + fixed(value.deviation, digits);
}

namespace {

/// A column of AUCs of one level, by group.
struct AucColumn {
  std::string name;
  std::vector<MeanDeviation> values;
};

std::vector<AucColumn> auc_columns(const Comparison& comparison, const std::string& level) {
  std::vector<AucColumn> columns;
  const auto add = [&](const std::string& name, auto value_of) {
    AucColumn& column = columns.emplace_back(AucColumn{name, {}});
    for (const RunGroup& group : comparison.groups()) column.values.push_back(value_of(group));
  };
  add("validation", [&](const RunGroup& g) { return comparison.validation_auc(g, level); });
  add("in-domain", [&](const RunGroup& g) { return comparison.mean_auc(g, true, level); });
  for (const TestDomain& domain : comparison.domains()) {
    add(domain.title, [&](const RunGroup& g) { return comparison.auc(g, domain, level); });
  }
  add("mean unseen", [&](const RunGroup& g) { return comparison.mean_auc(g, false, level); });
  return columns;
}

bool has_deviations(const AucColumn& column) {
  return !std::ranges::all_of(column.values,
                              [](const MeanDeviation& v) { return std::isnan(v.deviation); });
}

}  // namespace

std::string summary_text(const Comparison& comparison, const std::string& level,
                         std::size_t width) {
  // What the comparison is for comes first: the mean over unseen manipulations.
  std::vector<AucColumn> columns = auc_columns(comparison, level);
  std::ranges::rotate(columns, columns.end() - 1);
  constexpr std::size_t means = 3;
  std::vector<std::string> header{"method", "seeds"};
  for (std::size_t c = 0; c < means; ++c) header.push_back(columns[c].name);
  header.insert(header.end(), {"s/step", "x ERM"});
  for (std::size_t c = means; c < columns.size(); ++c) header.push_back(columns[c].name);
  Table table(header);
  for (std::size_t i = 0; i < comparison.groups().size(); ++i) {
    const RunGroup& group = comparison.groups()[i];
    std::vector<std::string> cells{group.title, std::to_string(group.runs.size())};
    for (std::size_t c = 0; c < means; ++c) cells.push_back(to_text(columns[c].values[i]));
    cells.push_back(fixed(comparison.step_seconds(group), 3));
    cells.push_back(fixed(comparison.relative_step_seconds(group), 2));
    for (std::size_t c = means; c < columns.size(); ++c) {
      cells.push_back(to_text(columns[c].values[i]));
    }
    table.add(cells);
  }
  return table.text(width);
}

void write_comparison(const Comparison& comparison, const std::filesystem::path& file) {
  CsvTable table{file, {"method", "seeds"}, {}};
  for (const RunGroup& group : comparison.groups()) {
    table.rows.push_back({group.title, std::to_string(group.runs.size())});
  }
  const auto add = [&](const std::string& name, auto value_of) {
    table.columns.push_back(name);
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      table.rows[i].push_back(to_csv(value_of(i)));
    }
  };
  for (const char* level : {frame_level, video_level}) {
    for (const AucColumn& column : auc_columns(comparison, level)) {
      const std::string name = std::string(level) + ' ' + column.name;
      add(name, [&](std::size_t i) { return column.values[i].mean; });
      if (!has_deviations(column)) continue;
      add(name + " sd", [&](std::size_t i) { return column.values[i].deviation; });
    }
  }
  const auto& groups = comparison.groups();
  add("s/step", [&](std::size_t i) { return comparison.step_seconds(groups[i]); });
  add("x ERM", [&](std::size_t i) { return comparison.relative_step_seconds(groups[i]); });
  write_csv(table);
}

}  // namespace deepfake
