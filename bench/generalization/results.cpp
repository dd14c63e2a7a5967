// SPDX-License-Identifier: MIT
#include "generalization/results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <unsupported/Eigen/SpecialFunctions>

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

/// Of an instruction set, by seed.
using Values = std::map<std::string, std::map<std::uint64_t, double>>;

/// Each method's mean over held-out domains; seeds with a domain missing are left out.
std::map<std::string, Values> by_seed(const std::vector<Trial>& trials, double Trial::*value) {
  std::set<std::string> held_out;
  std::map<std::string,
           std::map<std::pair<std::string, std::uint64_t>, std::map<std::string, double>>>
      all;
  for (const Trial& trial : trials) {
    held_out.insert(trial.held_out);
    all[trial.method][{trial.arithmetic, trial.seed}][trial.held_out] = trial.*value;
  }
  std::map<std::string, Values> means;
  for (const auto& [method, trainings] : all) {
    for (const auto& [training, values] : trainings) {
      if (values.size() < held_out.size()) continue;
      double sum = 0;
      for (const auto& [name, one] : values) sum += one;
      means[method][training.first][training.second] = sum / static_cast<double>(values.size());
    }
  }
  return means;
}

/// Of each seed, the mean over instruction sets: a seed shares its data and weights among them.
std::vector<double> values_of(const Values& values) {
  std::map<std::uint64_t, std::vector<double>> of_seed;
  for (const auto& [arithmetic, seeds] : values) {
    for (const auto& [seed, value] : seeds) of_seed[seed].push_back(value);
  }
  std::vector<double> means;
  for (const auto& [seed, of_sets] : of_seed) means.push_back(mean_of(of_sets));
  return means;
}

std::size_t count_of(const Values& values) {
  std::size_t count = 0;
  for (const auto& [arithmetic, seeds] : values) count += seeds.size();
  return count;
}

/// By instruction set and seed, of the seeds that both have under every instruction set of both.
std::map<std::string, std::vector<double>> paired(const Values& of_method,
                                                  const Values& of_baseline) {
  std::map<std::uint64_t, std::size_t> times;
  std::size_t sets = 0;
  for (const auto& [arithmetic, seeds] : of_method) {
    const auto base = of_baseline.find(arithmetic);
    if (base == of_baseline.end()) continue;
    ++sets;
    for (const auto& [seed, value] : seeds) times[seed] += base->second.count(seed);
  }
  std::map<std::string, std::vector<double>> differences;
  for (const auto& [arithmetic, seeds] : of_method) {
    const auto base = of_baseline.find(arithmetic);
    if (base == of_baseline.end()) continue;
    for (const auto& [seed, value] : seeds) {
      if (times[seed] == sets) differences[arithmetic].push_back(value - base->second.at(seed));
    }
  }
  return differences;
}

PairedTest test_of(const std::map<std::string, std::vector<double>>& by_arithmetic) {
  std::vector<std::vector<double>> all;
  for (const auto& [arithmetic, values] : by_arithmetic) all.push_back(values);
  return paired_test(all);
}

std::string signed_fixed(double value) {
  std::string text = value >= 0 ? "+" : "";
  return text += deepfake::fixed(value, 4);
}

}  // namespace

std::string mean_with_error(const std::vector<double>& values) {
  return deepfake::fixed(mean_of(values)) + " ± " + deepfake::fixed(standard_error(values));
}

namespace {

/// Those of one line. Lines of the first answer judge one kind of weights, at the top level.
void add_trials(std::vector<Trial>& trials, const nlohmann::json& line) {
  constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  Trial trial;
  trial.family = line.at("family");
  trial.held_out = line.at("held_out");
  trial.method = line.at("method");
  trial.variant = line.at("variant");
  trial.settings_of = line.value("settings_of", "");
  trial.arithmetic = line.value("arithmetic", "");
  trial.seed = line.at("seed");
  trial.loss = line.at("loss");
  trial.seconds_per_step = line.value("seconds_per_step", missing);
  const auto take = [&](const nlohmann::json& judged, const std::string& kind) {
    Trial one = trial;
    one.variant.insert(one.method.size(), kind);
    one.method += kind;
    if (!one.settings_of.empty()) one.settings_of += kind;
    one.has_average = kind.empty() && line.contains("averaged");
    one.validation = judged.at("validation");
    one.sharpness = judged.value("sharpness_of_domains", missing);
    one.agreement = judged.value("agreement", missing);
    if (!judged.contains("tests")) {
      one.test = judged.at("test");
      trials.push_back(one);
      return;
    }
    const nlohmann::json& tests = judged.at("tests");
    const std::string also = line.value("also_left_out", "");
    if (also.empty()) {
      one.test = tests.at(one.held_out);
      if (tests.size() > 1) one.tests = tests.get<std::map<std::string, double>>();
      trials.push_back(one);
      return;
    }
    // Two left out: each is the one that is kept for the end once, and the other is judged.
    const std::string first = one.held_out;
    for (const auto& [kept, seen] : {std::pair(first, also), std::pair(also, first)}) {
      one.held_out = kept;
      one.also_left_out = seen;
      one.test = tests.at(seen);
      trials.push_back(one);
    }
  };
  if (line.contains("raw")) take(line.at("raw"), "");
  if (line.contains("averaged")) take(line.at("averaged"), " averaged");
  if (line.contains("validation")) take(line, "");
}

}  // namespace

std::vector<Trial> read_trials(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error(file.string() + ": no such results file");
  std::vector<Trial> trials;
  for (std::string line; std::getline(stream, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) continue;
    add_trials(trials, json);
  }
  return trials;
}

namespace {

/// "lr 0.002" of "ERM, lr 0.002".
std::string setting_of(const Trial& trial) {
  const std::string rest =
      trial.variant.substr(std::min(trial.method.size(), trial.variant.size()));
  return rest.starts_with(", ") ? rest.substr(2) : rest;
}

/// What the rule goes by: method, domain left out ("" for all), setting, accuracies.
std::map<std::string, std::map<std::string, std::map<std::string, std::vector<double>>>> evidence(
    const std::vector<Trial>& search, Rule rule) {
  std::map<std::string, std::map<std::string, std::map<std::string, std::vector<double>>>> values;
  for (const Trial& trial : search) {
    if (trial.has_average) continue;
    const std::string setting = setting_of(trial);
    if (rule == Rule::validation) {
      const std::string of = trial.also_left_out.empty() ? "" : trial.held_out;
      values[trial.method][of][setting].push_back(trial.validation);
    } else if (!trial.also_left_out.empty()) {
      values[trial.method][trial.held_out][setting].push_back(trial.test);
    }
  }
  return values;
}

}  // namespace

Choices chosen(const std::vector<Trial>& search, Rule rule) {
  Choices best;
  for (const auto& [method, domains] : evidence(search, rule)) {
    for (const auto& [held_out, settings] : domains) {
      best[method][held_out] = std::ranges::max_element(settings, {}, [](const auto& setting) {
                                 return mean_of(setting.second);
                               })->first;
    }
  }
  for (const Trial& trial : search) {
    if (!trial.has_average) continue;
    const auto by = best.find(trial.method + " averaged");
    if (by != best.end()) best[trial.method] = by->second;
  }
  return best;
}

bool is_chosen(const Choices& choices, const std::string& method, const std::string& setting,
               const std::string& held_out) {
  const auto of_method = choices.find(method);
  if (of_method == choices.end()) return true;
  auto own = of_method->second.find("");
  if (own == of_method->second.end()) own = of_method->second.find(held_out);
  return own == of_method->second.end() || own->second == setting;
}

std::vector<Trial> only_chosen(std::vector<Trial> trials, const Choices& choices) {
  std::erase_if(trials, [&](const Trial& trial) {
    const std::string& by = trial.settings_of.empty() ? trial.method : trial.settings_of;
    return !is_chosen(choices, by, setting_of(trial), trial.held_out);
  });
  return trials;
}

std::string choices(const std::vector<Trial>& search, Rule rule) {
  const auto best = chosen(search, rule);
  const auto all = evidence(search, rule);
  std::set<std::string> domains;
  for (const auto& [method, of_domain] : all) {
    for (const auto& [domain, settings] : of_domain) domains.insert(domain);
  }
  const bool by_domain = domains != std::set<std::string>{""};
  std::ostringstream out;
  out << "| setting | trials |";
  for (const auto& domain : domains) out << (by_domain ? " for " + domain : " validation") << " |";
  out << "\n|---|---|";
  for (std::size_t i = 0; i < domains.size(); ++i) out << "---|";
  out << '\n';
  for (const auto& [method, of_domain] : all) {
    std::set<std::string> settings;
    for (const auto& [domain, values] : of_domain) {
      for (const auto& [setting, accuracies] : values) settings.insert(setting);
    }
    for (const auto& setting : settings) {
      std::size_t trials = 0;
      std::ostringstream cells;
      for (const auto& domain : domains) {
        cells << ' ';
        const auto values = of_domain.find(domain);
        if (values != of_domain.end() && values->second.contains(setting)) {
          const auto& accuracies = values->second.at(setting);
          trials += accuracies.size();
          const bool is_best = best.at(method).at(domain) == setting;
          const std::string mean = deepfake::fixed(mean_of(accuracies));
          cells << (is_best ? "**" + mean + "**" : mean);
        }
        cells << " |";
      }
      out << "| " << (setting.empty() ? method : method + ", " + setting) << " | "
          << (by_domain ? trials / 2 : trials) << " |" << cells.str() << '\n';
    }
  }
  return out.str();
}

namespace {

/// Half the width of a 95 % interval, in standard errors.
double student(double degrees) {
  double low = 0, high = 1e6;
  for (int i = 0; i < 200; ++i) {
    const double t = (low + high) / 2;
    const double outside = Eigen::numext::betainc(degrees / 2, 0.5, degrees / (degrees + t * t));
    (outside > 0.05 ? low : high) = t;
  }
  return low;
}

struct Spread {
  double variance = 0;  ///< of the mean
  double degrees = 1;
};

/// @param of_seed means over the sets
Spread spread(const std::vector<std::vector<double>>& differences,
              const std::vector<double>& of_seed, double mean) {
  const auto sets = static_cast<double>(differences.size());
  const auto seeds = static_cast<double>(of_seed.size());
  double between_seeds = 0, between_sets = 0, rest = 0;
  for (const double value : of_seed) between_seeds += sets * (value - mean) * (value - mean);
  between_seeds /= seeds - 1;
  if (differences.size() == 1) return {between_seeds / seeds, seeds - 1};
  for (const auto& of_set : differences) {
    const double own = mean_of(of_set);
    between_sets += seeds * (own - mean) * (own - mean);
    for (std::size_t i = 0; i < of_seed.size(); ++i) {
      const double left = of_set[i] - own - of_seed[i] + mean;
      rest += left * left;
    }
  }
  between_sets /= sets - 1;
  const double degrees_of_rest = (seeds - 1) * (sets - 1);
  rest /= degrees_of_rest;
  between_seeds = std::max(between_seeds, rest);
  if (between_sets <= rest) return {between_seeds / (seeds * sets), seeds - 1};
  const double sum = between_seeds + between_sets - rest;
  const auto square = [](double x) { return x * x; };
  const double degrees =
      square(sum) / (square(between_seeds) / (seeds - 1) + square(between_sets) / (sets - 1) +
                     square(rest) / degrees_of_rest);
  return {sum / (seeds * sets), std::max(degrees, 1.0)};
}

}  // namespace

PairedTest paired_test(const std::vector<std::vector<double>>& differences) {
  PairedTest test;
  if (differences.empty()) return test;
  const std::size_t sets = differences.size(), n = differences.front().size();
  test.seeds = n;
  if (n == 0) return test;
  std::vector<double> of_seed(n, 0);
  for (const auto& values : differences) {
    for (std::size_t i = 0; i < n; ++i) of_seed[i] += values.at(i) / static_cast<double>(sets);
  }
  test.mean = mean_of(of_seed);
  const double observed = std::fabs(test.mean) * static_cast<double>(n) - 1e-12;
  constexpr std::size_t most = 20;
  const bool is_exact = n <= most;
  std::mt19937_64 random(1);
  std::size_t far = 0;
  const std::size_t patterns = std::size_t{1} << (is_exact ? n : most);
  for (std::size_t pattern = 0; pattern < patterns; ++pattern) {
    const std::size_t signs = is_exact ? pattern : random();
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      sum += ((signs >> i % 64) & 1U) != 0 ? of_seed[i] : -of_seed[i];
    }
    if (std::fabs(sum) >= observed) ++far;
  }
  test.p_value = static_cast<double>(far) / static_cast<double>(patterns);
  if (n == 1) {
    test.standard_error = std::nan("");
    test.low = -std::numeric_limits<double>::infinity();
    test.high = std::numeric_limits<double>::infinity();
    return test;
  }
  const Spread of_mean = spread(differences, of_seed, test.mean);
  test.standard_error = std::sqrt(of_mean.variance);
  const double half = student(of_mean.degrees) * test.standard_error;
  test.low = test.mean - half;
  test.high = test.mean + half;
  return test;
}

std::string differences(const std::vector<Trial>& trials,
                        const std::vector<std::string>& baselines) {
  std::map<std::string, std::vector<Trial>> families;
  for (const Trial& trial : trials) families[trial.family].push_back(trial);
  std::ostringstream out;
  const auto put = [](nlohmann::ordered_json& line, const PairedTest& test) {
    line["mean"] = test.mean;
    line["low"] = test.low;
    line["high"] = test.high;
    line["p"] = test.p_value;
    line["seeds"] = test.seeds;
  };
  for (const auto& [family, of_family] : families) {
    const auto tests = by_seed(of_family, &Trial::test);
    for (const auto& [method, values] : tests) {
      for (const std::string& baseline : baselines) {
        const auto base = tests.find(baseline);
        if (base == tests.end() || method == baseline) continue;
        const auto by_arithmetic = paired(values, base->second);
        const PairedTest test = test_of(by_arithmetic);
        if (test.seeds == 0) continue;
        nlohmann::ordered_json line{{"family", family}, {"method", method}, {"baseline", baseline}};
        put(line, test);
        for (const auto& [arithmetic, own] : by_arithmetic) {
          put(line["by_arithmetic"][arithmetic], paired_test({own}));
        }
        out << line.dump() << '\n';
      }
    }
  }
  return out.str();
}

std::string curves(const std::vector<Trial>& trials) {
  using Where = std::tuple<std::string, std::string, std::string>;
  std::map<Where, std::vector<double>> values;
  for (const Trial& trial : trials) {
    for (const auto& [test, value] : trial.tests) {
      values[{trial.family, trial.method, test}].push_back(value);
    }
  }
  std::ostringstream out;
  for (const auto& [where, of_test] : values) {
    const auto& [family, method, test] = where;
    out << nlohmann::ordered_json{{"family", family},
                                  {"method", method},
                                  {"test", test},
                                  {"mean", mean_of(of_test)},
                                  {"standard_error", standard_error(of_test)},
                                  {"trainings", of_test.size()}}
               .dump()
        << '\n';
  }
  return out.str();
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
    out << "### " << family << "\n\n| method | trainings | held out | validation |";
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
        const auto base = test.find(baselines[b]);
        tests[name].push_back(base != test.end() && name != baselines[b]
                                  ? test_of(paired(seeds, base->second))
                                  : PairedTest());
        if (tests[name].back().seeds > 0) p_values[b].push_back(tests[name].back().p_value);
      }
    }
    std::vector<std::vector<double>> adjusted;
    for (const auto& p : p_values) adjusted.push_back(deepfake::holm(p));
    // The method alone where the search chose several settings, by what is left out.
    std::map<std::string, std::string> setting;
    for (const Trial& trial : of_family) {
      auto [name, is_new] = setting.try_emplace(trial.method, trial.variant);
      if (name->second != trial.variant) name->second = trial.method;
    }
    std::vector<std::size_t> position(baselines.size(), 0);
    const double erm_seconds =
        seconds.contains(baselines.front()) ? mean_of(values_of(seconds.at(baselines.front()))) : 0;
    for (const std::string& name : names) {
      const auto held_out = values_of(test.at(name));
      const auto on_validation = values_of(validation.at(name));
      out << "| " << setting.at(name) << " | " << count_of(test.at(name)) << " | "
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
