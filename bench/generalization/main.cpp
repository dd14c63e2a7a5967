// SPDX-License-Identifier: MIT
// Does it generalise? Trains every variant of a plan on every held-out domain and seed, and makes
// tables of the results.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <set>
#include <tuple>
#include <utility>

#include "generalization/chain.hpp"
#include "generalization/experiment.hpp"
#include "generalization/results.hpp"
#include "networks/freed_memory.hpp"

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using generalization::Choices;
using generalization::Rule;

Json read_plan(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error(file.string() + ": no such plan");
  return Json::parse(stream);
}

/// A method's setting in words: "SAM, rho 0.1".
std::string name_of(const std::string& method, const Json& setting) {
  std::string name = method;
  for (const auto& [key, value] : setting.items()) name += ", " + key + " " + value.dump();
  return name;
}

/// A variant has the plan's "common" options, overridden by its method's and its own.
/// @param compare leave out methods that the plan has for its search only
std::vector<generalization::Variant> variants_of(const Json& plan, const std::string& where,
                                                 bool compare) {
  std::vector<generalization::Variant> variants;
  for (const auto& [method, given] : plan.at("methods").items()) {
    if (compare && given.value("search-only", false)) continue;
    for (const Json& setting : given.value("grid", Json::array({Json::object()}))) {
      generalization::Variant variant;
      variant.name = name_of(method, setting);
      variant.method = method;
      variant.settings_of = given.value("settings-of", "");
      for (const Json& layer :
           {plan.value("common", Json::object()), given.at("options"), setting}) {
        deepfake::set_from_json(variant, layer, where + ", " + variant.name);
      }
      variants.push_back(variant);
    }
  }
  return variants;
}

/// Pairs of domains: what is left out, and what besides, if anything.
std::vector<std::pair<std::string, std::string>> left_out(const std::vector<std::string>& held_out,
                                                          const std::vector<std::string>& all,
                                                          bool two) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& first : held_out) {
    if (!two) {
      pairs.emplace_back(first, "");
      continue;
    }
    for (const std::string& second : all) {
      // A training without both serves either of them.
      const bool is_other_way = std::ranges::find(pairs, std::pair(second, first)) != pairs.end();
      if (second != first && !is_other_way) pairs.emplace_back(first, second);
    }
  }
  return pairs;
}

/// What a results file holds already.
class Done {
 public:
  explicit Done(const fs::path& results) {
    if (!fs::exists(results)) return;
    for (const auto& one : generalization::read_trials(results)) {
      keys_.emplace(one.held_out, one.also_left_out, one.variant, one.arithmetic, one.seed);
    }
  }
  bool contains(const generalization::ProblemOptions& problem,
                const generalization::Variant& variant) const {
    return keys_.contains({problem.held_out, problem.also_left_out, variant.name,
                           generalization::arithmetic(), problem.seed});
  }

 private:
  std::set<std::tuple<std::string, std::string, std::string, std::string, std::uint64_t>> keys_;
};

/// Whether @p variant is chosen for @p domain.
bool takes(const Choices& choices, const generalization::Variant& variant,
           const std::string& domain) {
  if (choices.empty()) return false;
  const std::string& method = variant.settings_of.empty() ? variant.method : variant.settings_of;
  std::string setting = variant.name.substr(variant.method.size());
  if (setting.starts_with(", ")) setting.erase(0, 2);
  return generalization::is_chosen(choices, method, setting, domain);
}

int run(int argc, char** argv) {
  CLI::App program("Does it generalise? Leave one domain out, over variants and seeds.");
  program.require_subcommand(1);
  auto* trial = program.add_subcommand("run", "train what is not in the results file yet");
  fs::path plan_file, output;
  int first_seed = 0, seeds = 5, part = 0, parts = 1;
  generalization::TrialOptions options;
  fs::path search;
  std::vector<std::string> only, held_out;
  bool leave_out = false;
  trial->add_option("--plan", plan_file, "JSON: common options, variants, problem")->required();
  trial->add_option("--output", output, "results, a JSON object a line")->required();
  trial->add_option("--first-seed", first_seed)->capture_default_str();
  trial->add_option("--seeds", seeds)->capture_default_str();
  trial->add_option("--methods", only, "all if not given");
  trial->add_option("--chosen-by", search,
                    "results of the search: of each method only the settings that it chooses, by "
                    "either rule");
  trial->add_option("--held-out", held_out, "all domains if not given");
  trial->add_flag(
      "--leave-out", leave_out,
      "leave out a second domain, each in turn, and judge on validation images of both");
  trial->add_option("--part", part, "of --parts, for several processes with a file each");
  trial->add_option("--parts", parts)->check(CLI::PositiveNumber);
  trial->add_option("--data", options.problem.data, "folder of Fashion-MNIST's four files")
      ->capture_default_str();
  trial->add_option("--emoji", options.problem.emoji, "folder of scripts/fetch_emoji.sh")
      ->capture_default_str();
  trial->add_option("--faces", options.problem.faces, "folder of roga-deepfake make-data")
      ->capture_default_str();
  trial->callback([&] {
    const Json plan = read_plan(plan_file);
    const Json problem = plan.at("problem");
    options.problem.family = problem.at("family");
    options.problem.train = problem.value("train", options.problem.train);
    options.problem.label_noise = problem.value("label-noise", 0.0);
    options.steps = problem.value("steps", options.steps);
    options.batch = problem.value("batch", options.batch);
    const auto all = generalization::domains(options.problem.family);
    if (held_out.empty()) held_out = problem.value("held-out", all);
    const std::vector<generalization::Variant> variants =
        variants_of(plan, plan_file.string(), !search.empty());
    Choices by_validation, by_leave_out;
    if (!search.empty()) {
      const auto trials = generalization::read_trials(search);
      by_validation = generalization::chosen(trials, Rule::validation);
      by_leave_out = generalization::chosen(trials, Rule::leave_out);
      for (const auto& variant : variants) {
        const auto& by = variant.settings_of.empty() ? variant.method : variant.settings_of;
        if (by_validation.contains(by)) continue;
        throw std::runtime_error(search.string() + " has no trial of " + by);
      }
    }
    const auto is_chosen = [&](const generalization::Variant& variant, const std::string& domain) {
      return search.empty() || takes(by_validation, variant, domain) ||
             takes(by_leave_out, variant, domain);
    };
    const Done done(output);
    int number = 0;
    for (int seed = first_seed; seed < first_seed + seeds; ++seed) {
      options.problem.seed = static_cast<std::uint64_t>(seed);
      for (const auto& [first, second] : left_out(held_out, all, leave_out)) {
        options.problem.held_out = first;
        options.problem.also_left_out = second;
        for (const auto& variant : variants) {
          if (!only.empty() && std::ranges::find(only, variant.method) == only.end()) continue;
          // A search needs no trials of what takes another's settings.
          if (search.empty() && !variant.settings_of.empty()) continue;
          if (!is_chosen(variant, first)) continue;
          if (number++ % parts != part) continue;
          if (done.contains(options.problem, variant)) continue;
          const Json line = generalization::run_trial(options, variant);
          std::ofstream(output, std::ios::app) << line.dump() << std::endl;
          std::cerr << line.dump() << std::endl;
        }
      }
    }
  });
  auto* chain = program.add_subcommand("chain", "the chain of causes and effects, in seconds");
  bool noise_in_effects = false;
  chain->add_flag("--noise-in-effects", noise_in_effects,
                  "the environment's noise enters the effects instead of the target");
  chain->add_option("--seeds", seeds)->capture_default_str();
  chain->callback([&] {
    std::cout << generalization::chain_table(!noise_in_effects, static_cast<std::uint64_t>(seeds));
  });
  const std::map<std::string, Rule> rules{{"validation", Rule::validation},
                                          {"leave-out", Rule::leave_out}};
  Rule rule = Rule::validation;
  const auto add_rule = [&](CLI::App* command) {
    command->add_option("--rule", rule, "validation or leave-out")
        ->transform(CLI::CheckedTransformer(rules));
  };
  auto* grid = program.add_subcommand("choices", "print the Markdown table of a search");
  grid->add_option("results", search)->required();
  add_rule(grid);
  grid->callback(
      [&] { std::cout << generalization::choices(generalization::read_trials(search), rule); });
  std::vector<fs::path> files;
  std::vector<std::string> baselines{"ERM", "SAM"};
  const auto add_results = [&](CLI::App* command) {
    command->add_option("results", files)->required();
    command->add_option("--chosen-by", search,
                        "leave out settings that this search did not choose");
    add_rule(command);
    command->add_option("--against", baselines, "baselines")->capture_default_str();
  };
  const auto read_results = [&] {
    std::vector<generalization::Trial> trials;
    for (const fs::path& file : files) {
      const auto more = generalization::read_trials(file);
      trials.insert(trials.end(), more.begin(), more.end());
    }
    if (!search.empty()) {
      trials = generalization::only_chosen(
          std::move(trials), generalization::chosen(generalization::read_trials(search), rule));
    }
    return trials;
  };
  auto* table = program.add_subcommand("table", "print Markdown tables of results files");
  bool with_time = false;
  add_results(table);
  table->add_flag("--time", with_time, "show times, of runs on a machine that did nothing else");
  table->callback(
      [&] { std::cout << generalization::to_markdown(read_results(), baselines, with_time); });
  auto* compared = program.add_subcommand(
      "differences", "print methods against baselines as lines of JSON, for forest.py");
  add_results(compared);
  compared->callback([&] { std::cout << generalization::differences(read_results(), baselines); });
  auto* by_test = program.add_subcommand(
      "curves", "print scores on each of several tests as lines of JSON, for curves.py");
  add_results(by_test);
  by_test->callback([&] { std::cout << generalization::curves(read_results()); });
  CLI11_PARSE(program, argc, argv);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);
  deepfake::keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "generalization: " << error.what() << '\n';
    return 1;
  }
}
