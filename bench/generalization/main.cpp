// SPDX-License-Identifier: MIT
// Does it generalise? Trains every variant of a plan on every held-out domain and seed, and makes
// tables of the results.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <set>
#include <tuple>

#include "generalization/chain.hpp"
#include "generalization/experiment.hpp"
#include "generalization/results.hpp"
#include "networks/freed_memory.hpp"

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

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
std::vector<generalization::Variant> variants_of(const Json& plan, const std::string& where) {
  std::vector<generalization::Variant> variants;
  for (const auto& [method, given] : plan.at("methods").items()) {
    for (const Json& setting : given.value("grid", Json::array({Json::object()}))) {
      generalization::Variant variant;
      variant.name = name_of(method, setting);
      variant.method = method;
      for (const Json& layer :
           {plan.value("common", Json::object()), given.at("options"), setting}) {
        deepfake::set_from_json(variant, layer, where + ", " + variant.name);
      }
      variants.push_back(variant);
    }
  }
  return variants;
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
  trial->add_option("--plan", plan_file, "JSON: common options, variants, problem")->required();
  trial->add_option("--output", output, "results, a JSON object a line")->required();
  trial->add_option("--first-seed", first_seed)->capture_default_str();
  trial->add_option("--seeds", seeds)->capture_default_str();
  trial->add_option("--methods", only, "all if not given");
  trial->add_option("--chosen-by", search,
                    "results of the search: of each method only the setting with the best mean "
                    "validation accuracy");
  trial->add_option("--held-out", held_out, "all domains if not given");
  trial->add_option("--part", part, "of --parts, for several processes with a file each");
  trial->add_option("--parts", parts)->check(CLI::PositiveNumber);
  trial->add_option("--data", options.problem.data, "folder of Fashion-MNIST's four files")
      ->capture_default_str();
  trial->callback([&] {
    const Json plan = read_plan(plan_file);
    const Json problem = plan.at("problem");
    options.problem.family = problem.at("family");
    options.problem.train = problem.value("train", options.problem.train);
    options.problem.label_noise = problem.value("label-noise", 0.0);
    options.steps = problem.value("steps", options.steps);
    options.batch = problem.value("batch", options.batch);
    using Key = std::tuple<std::string, std::string, std::uint64_t>;
    std::set<Key> done;
    if (fs::exists(output)) {
      for (const auto& one : generalization::read_trials(output)) {
        done.emplace(one.held_out, one.variant, one.seed);
      }
    }
    if (held_out.empty()) held_out = problem.value("held-out", std::vector<std::string>());
    if (held_out.empty()) held_out = generalization::domains(options.problem.family);
    std::vector<generalization::Variant> variants = variants_of(plan, plan_file.string());
    if (!search.empty()) {
      const auto chosen = generalization::chosen(generalization::read_trials(search));
      std::erase_if(variants, [&](const auto& variant) {
        const auto best = chosen.find(variant.method);
        if (best == chosen.end()) {
          throw std::runtime_error(search.string() + " has no trial of " + variant.method);
        }
        return best->second != variant.name;
      });
    }
    int number = 0;
    for (int seed = first_seed; seed < first_seed + seeds; ++seed) {
      for (const std::string& domain : held_out) {
        for (const auto& variant : variants) {
          if (!only.empty() && std::ranges::find(only, variant.method) == only.end()) continue;
          if (number++ % parts != part) continue;
          options.problem.seed = static_cast<std::uint64_t>(seed);
          options.problem.held_out = domain;
          if (done.contains({domain, variant.name, options.problem.seed})) continue;
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
  auto* grid = program.add_subcommand("choices", "print the Markdown table of a search");
  grid->add_option("results", search)->required();
  grid->callback(
      [&] { std::cout << generalization::choices(generalization::read_trials(search)); });
  auto* table = program.add_subcommand("table", "print Markdown tables of results files");
  std::vector<fs::path> files;
  std::vector<std::string> baselines{"ERM", "SAM"};
  table->add_option("results", files)->required();
  bool with_time = false;
  table->add_flag("--time", with_time, "show times, of runs on a machine that did nothing else");
  table->add_option("--chosen-by", search, "leave out settings that this search did not choose");
  table->add_option("--against", baselines, "baselines")->capture_default_str();
  table->callback([&] {
    std::vector<generalization::Trial> trials;
    for (const fs::path& file : files) {
      const auto more = generalization::read_trials(file);
      trials.insert(trials.end(), more.begin(), more.end());
    }
    if (!search.empty()) {
      trials = generalization::only_chosen(trials, generalization::read_trials(search));
    }
    std::cout << generalization::to_markdown(trials, baselines, with_time);
  });
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
