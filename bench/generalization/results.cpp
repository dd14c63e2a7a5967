// SPDX-License-Identifier: MIT
#include "generalization/results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>

#include "metrics/paired.hpp"
#include "text/table.hpp"

namespace generalization {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_error(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const auto n = static_cast<double>(values.size());
  return n > 1 ? std::sqrt(squares / (n - 1) / n) : std::nan("");
}

/// Each variant's mean over held-out domains, by seed; seeds with a domain missing are left out.
std::map<std::string, std::map<std::uint64_t, double>> by_seed(const std::vector<Trial>& trials,
                                                               double Trial::*value) {
  std::set<std::string> held_out;
  std::map<std::string, std::map<std::uint64_t, std::map<std::string, double>>> all;
  for (const Trial& trial : trials) {
    held_out.insert(trial.held_out);
    all[trial.method][trial.seed][trial.held_out] = trial.*value;
  }
  std::map<std::string, std::map<std::uint64_t, double>> means;
  for (const auto& [variant, seeds] : all) {
    for (const auto& [seed, values] : seeds) {
      if (values.size() < held_out.size()) continue;
      double sum = 0;
      for (const auto& [name, one] : values) sum += one;
      means[variant][seed] = sum / static_cast<double>(values.size());
    }
  }
  return means;
}

std::vector<double> values_of(const std::map<std::uint64_t, double>& seeds) {
  std::vector<double> values;
  for (const auto& [seed, value] : seeds) values.push_back(value);
  return values;
}

std::string signed_fixed(double value) {
  std::string text = value >= 0 ? "+" : "";
  return text += deepfake::fixed(value, 4);
}

}  // namespace

std::string mean_with_error(const std::vector<double>& values) {
  return deepfake::fixed(mean_of(values)) + " ± " + deepfake::fixed(standard_error(values));
}

std::vector<Trial> read_trials(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error(file.string() + ": no such results file");
  constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  std::vector<Trial> trials;
  for (std::string line; std::getline(stream, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) continue;
    trials.push_back({json.at("family"), json.at("held_out"), json.at("method"), json.at("variant"),
                      json.at("seed"), json.at("validation"), json.at("test"),
                      json.value("seconds_per_step", missing),
                      json.value("sharpness_of_domains", missing), json.value("agreement", missing),
                      json.at("loss")});
  }
  return trials;
}

namespace {

/// Method, variant, validation accuracies.
std::map<std::string, std::map<std::string, std::vector<double>>> validations(
    const std::vector<Trial>& trials) {
  std::map<std::string, std::map<std::string, std::vector<double>>> values;
  for (const Trial& trial : trials) {
    values[trial.method][trial.variant].push_back(trial.validation);
  }
  return values;
}

}  // namespace

std::map<std::string, std::string> chosen(const std::vector<Trial>& trials) {
  std::map<std::string, std::string> best;
  for (const auto& [method, variants] : validations(trials)) {
    best[method] = std::ranges::max_element(variants, {}, [](const auto& variant) {
                     return mean_of(variant.second);
                   })->first;
  }
  return best;
}

std::vector<Trial> only_chosen(std::vector<Trial> trials, const std::vector<Trial>& search) {
  const auto best = chosen(search);
  std::erase_if(trials, [&](const Trial& trial) {
    const auto choice = best.find(trial.method);
    return choice != best.end() && choice->second != trial.variant;
  });
  return trials;
}

std::string choices(const std::vector<Trial>& trials) {
  const auto best = chosen(trials);
  std::ostringstream out;
  out << "| setting | trials | validation |\n|---|---|---|\n";
  for (const auto& [method, variants] : validations(trials)) {
    for (const auto& [name, values] : variants) {
      const bool is_best = best.at(method) == name;
      out << "| " << (is_best ? "**" + name + "**" : name) << " | " << values.size() << " | "
          << deepfake::fixed(mean_of(values)) << " |\n";
    }
  }
  return out.str();
}

PairedTest paired_test(const std::vector<double>& differences) {
  PairedTest test;
  test.seeds = differences.size();
  if (differences.empty()) return test;
  test.mean = mean_of(differences);
  test.standard_error = standard_error(differences);
  const std::size_t n = differences.size();
  constexpr std::size_t most = 20;
  if (n <= most) {
    const double observed = std::fabs(test.mean) * static_cast<double>(n) - 1e-12;
    std::size_t far = 0;
    const std::size_t patterns = std::size_t{1} << n;
    for (std::size_t signs = 0; signs < patterns; ++signs) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        sum += ((signs >> i) & 1U) != 0 ? differences[i] : -differences[i];
      }
      if (std::fabs(sum) >= observed) ++far;
    }
    test.p_value = static_cast<double>(far) / static_cast<double>(patterns);
  }
  std::mt19937_64 random(1);
  constexpr std::size_t resamples = 10000;
  std::vector<double> means(resamples);
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += differences[random() % n];
    mean = sum / static_cast<double>(n);
  }
  std::ranges::sort(means);
  test.low = means[resamples / 40];
  test.high = means[resamples - resamples / 40 - 1];
  return test;
}

std::string to_markdown(const std::vector<Trial>& trials, const std::vector<std::string>& baselines,
                        bool with_time) {
  std::map<std::string, std::vector<Trial>> families;
  for (const Trial& trial : trials) families[trial.family].push_back(trial);
  std::ostringstream out;
  for (const auto& [family, of_family] : families) {
    const auto test = by_seed(of_family, &Trial::test);
    const auto validation = by_seed(of_family, &Trial::validation);
    const auto seconds = by_seed(of_family, &Trial::seconds_per_step);
    const auto sharpness = by_seed(of_family, &Trial::sharpness);
    const auto agreement = by_seed(of_family, &Trial::agreement);
    out << "### " << family << "\n\n| method | seeds | held out | validation |";
    for (const auto& baseline : baselines) out << " against " << baseline << ", interval, p |";
    out << " sharpness | agreement |" << (with_time ? " time |" : "") << "\n|---|---|---|---|";
    for (std::size_t i = 0; i < baselines.size(); ++i) out << "---|";
    out << "---|---|" << (with_time ? "---|" : "") << '\n';

    std::map<std::string, std::vector<PairedTest>> tests;
    std::vector<std::vector<double>> p_values(baselines.size());
    std::vector<std::string> names;
    for (const auto& [name, seeds] : test) {
      names.push_back(name);
      for (std::size_t b = 0; b < baselines.size(); ++b) {
        std::vector<double> differences;
        const auto base = test.find(baselines[b]);
        if (base != test.end() && name != baselines[b]) {
          for (const auto& [seed, value] : seeds) {
            if (base->second.contains(seed)) differences.push_back(value - base->second.at(seed));
          }
        }
        tests[name].push_back(paired_test(differences));
        if (!differences.empty()) p_values[b].push_back(tests[name].back().p_value);
      }
    }
    std::vector<std::vector<double>> adjusted;
    for (const auto& p : p_values) adjusted.push_back(deepfake::holm(p));
    std::map<std::string, std::string> setting;
    for (const Trial& trial : of_family) setting[trial.method] = trial.variant;
    std::vector<std::size_t> position(baselines.size(), 0);
    const double erm_seconds =
        seconds.contains(baselines.front()) ? mean_of(values_of(seconds.at(baselines.front()))) : 0;
    for (const std::string& name : names) {
      const auto held_out = values_of(test.at(name));
      const auto on_validation = values_of(validation.at(name));
      out << "| " << setting.at(name) << " | " << held_out.size() << " | "
          << mean_with_error(held_out) << " | " << mean_with_error(on_validation) << " |";
      for (std::size_t b = 0; b < baselines.size(); ++b) {
        const PairedTest& paired = tests.at(name)[b];
        if (paired.seeds == 0) {
          out << " |";
          continue;
        }
        out << ' ' << signed_fixed(paired.mean) << " [" << signed_fixed(paired.low) << ", "
            << signed_fixed(paired.high) << "], " << deepfake::fixed(adjusted[b][position[b]++])
            << " |";
      }
      out << ' ' << deepfake::fixed(mean_of(values_of(sharpness.at(name)))) << " | "
          << deepfake::fixed(mean_of(values_of(agreement.at(name)))) << " |";
      if (with_time) {
        const double seconds_of = mean_of(values_of(seconds.at(name)));
        out << ' ' << (erm_seconds > 0 ? deepfake::fixed(seconds_of / erm_seconds, 2) : "") << " |";
      }
      out << '\n';
    }
    out << '\n';
  }
  return out.str();
}

}  // namespace generalization
