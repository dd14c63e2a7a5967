// SPDX-License-Identifier: MIT
// compare: the same training with several methods, side by side.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>

#include "commands/commands.hpp"
#include "commands/report_options.hpp"
#include "commands/test_options.hpp"
#include "commands/train_options.hpp"
#include "detection/evaluate.hpp"
#include "files/file_name.hpp"
#include "report/comparison.hpp"
#include "report/paired.hpp"
#include "report/report.hpp"
#include "runs/run_files.hpp"
#include "text/terminal.hpp"
#include "text/unknown_name.hpp"
#include "training/run_folder.hpp"
#include "training/timing.hpp"
#include "training/trainer.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Contestant {
  std::string name;
  fs::path run;
  TrainOptions options;
};

template <class Value>
void require_distinct(const char* option, std::vector<Value> values) {
  std::ranges::sort(values);
  if (std::ranges::adjacent_find(values) != values.end()) {
    throw std::runtime_error(std::string(option) + " names one of them twice");
  }
}

/// SETTINGS is {"common": {options}, "methods": {NAME: {options}, ...}}.
std::vector<Contestant> contestants(const std::string& settings, std::vector<std::string> names,
                                    const std::vector<std::uint64_t>& seeds, const fs::path& output,
                                    const TrainOptionsOnCommandLine& command_line) {
  const Json file = read_options(settings);
  if (!file.contains("methods") || !file["methods"].is_object() || file["methods"].empty()) {
    throw std::runtime_error(settings + ": has no object \"methods\" of options by method");
  }
  for (const auto& [name, options] : file.items()) {
    if (name != "common" && name != "methods") {
      throw std::runtime_error(
          settings + ": " +
          unknown_name("entry", name, std::vector<std::string>{"common", "methods"}));
    }
  }
  require_distinct("--seeds", seeds);
  require_distinct("--methods", names);
  std::vector<std::string> known;
  for (const auto& [name, options] : file["methods"].items()) {
    if (!is_file_name(name)) {
      throw std::runtime_error(settings + ": the method's name '" + name +
                               "' cannot be that of its run's folder; rename it");
    }
    known.push_back(name);
  }
  if (names.empty()) names = known;
  std::vector<Contestant> all;
  for (const std::string& name : names) {
    if (!file["methods"].contains(name)) {
      throw std::runtime_error(settings + ": " + unknown_name("method", name, known));
    }
    TrainOptions options;
    options.optimizer = name;
    if (file.contains("common")) set_from_json(options, file["common"], settings);
    set_from_json(options, file["methods"][name], settings);
    options = command_line.over(options);
    for (const std::uint64_t seed : seeds) {
      options.seed = seed;
      const std::string folder = seeds.size() == 1 ? name : name + "-seed" + std::to_string(seed);
      all.push_back({name, output / folder, options});
    }
  }
  return all;
}

/// Trains in a process of its own, whose messages go to RUN.log.
pid_t start_training(const Contestant& contestant, bool verify) {
  const std::string config = contestant.run.string() + ".options.json";
  std::ofstream(config) << to_json(contestant.options).dump(1) << "\n";
  const std::string run = contestant.run.string();
  const std::string log = run + ".log";
  std::array<std::string, 6> words{"roga-deepfake", "train", "--config", config, "--run", run};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  std::string resume = "--resume", all_bytes = "--verify";
  arguments.push_back(resume.data());
  if (verify) arguments.push_back(all_bytes.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start a process to train " + run);
  return child;
}

void train_all(const std::vector<Contestant>& all, int jobs, bool verify) {
  std::vector<const Contestant*> waiting;
  for (const Contestant& contestant : all) {
    if (!is_finished(contestant.run)) waiting.push_back(&contestant);
  }
  if (jobs == 1) {
    for (const Contestant* contestant : waiting) {
      const NoiseKeeper noise(contestant->run / "train.log");
      train(contestant->options, {.run = contestant->run, .resume = true, .verify = verify});
    }
    return;
  }
  std::map<pid_t, const Contestant*> running;
  std::string failures;
  for (std::size_t next = 0; next < waiting.size() || !running.empty();) {
    if (next < waiting.size() && running.size() < static_cast<std::size_t>(jobs)) {
      const Contestant* contestant = waiting[next++];
      std::cerr << "train " << contestant->run.string() << ", messages in "
                << contestant->run.string() << ".log\n";
      running[start_training(*contestant, verify)] = contestant;
      continue;
    }
    int status = 0;
    const pid_t child = ::wait(&status);
    const auto ended = running.find(child);
    if (ended == running.end()) continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      failures += " " + ended->second->run.string() + ".log";
    }
    running.erase(ended);
  }
  if (!failures.empty()) throw std::runtime_error("training failed, see" + failures);
}

/// The measured time, and what the settings call the run, go into its config.json, where the report
/// looks for them.
void record(const std::vector<Contestant>& all, int rounds) {
  std::vector<TrainOptions> methods;
  for (const Contestant& contestant : all) methods.push_back(contestant.options);
  const std::vector<double> seconds = step_seconds(methods, rounds);
  for (std::size_t i = 0; i < all.size(); ++i) {
    Json config = read_run(all[i].run).config.all;
    config["record"]["step_seconds"] = seconds[i];
    config["record"]["settings"] = all[i].name;
    write_config(all[i].run, config);
  }
}

}  // namespace

void add_compare(CLI::App& program) {
  auto* command = program.add_subcommand(
      "compare", "Train with several methods, evaluate all, and print one table");
  command->footer(
      "Example: roga-deepfake compare --data data --output runs --settings demo.json --jobs 2");
  struct Options {
    fs::path output;
    std::string settings;
    std::vector<std::string> methods;
    std::vector<std::uint64_t> seeds{0};
    int jobs = 1;
    int timing_rounds = 15;
    bool verify = false;
  };
  auto options = std::make_shared<Options>();
  command->add_option("--output", options->output, "folder for the runs and the report")
      ->required();
  command
      ->add_option("--settings", options->settings,
                   "JSON file: options by method, as in examples/deepfake/demo.json")
      ->option_text("TEXT:FILE REQUIRED")  // required() would not say of what kind
      ->check(CLI::ExistingFile);
  command->add_option("--methods", options->methods, "all in the settings if not given");
  command->add_option("--seeds", options->seeds, "one run per method and seed")
      ->check(whole_number())
      ->capture_default_str();
  command->add_option("--jobs", options->jobs, "trainings at the same time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--timing-rounds", options->timing_rounds, "steps per method to time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--verify", options->verify,
                    "compare all bytes of the frames with those that earlier runs were trained on");
  auto report = add_report_options(*command);
  auto width = add_wide(*command);
  auto train_options = std::make_shared<TrainOptionsOnCommandLine>(
      *command, std::vector<std::string>{"optimizer", "seed"});  // of the settings and --seeds
  command->callback([=] {
    if (options->settings.empty()) {
      throw std::runtime_error(
          "--settings is missing: a JSON file of the methods to compare and their options, such as "
          "examples/deepfake/demo.json, {\"methods\": {\"erm\": {}, \"roga\": {\"rho\": 0.05}}}");
    }
    fs::create_directories(options->output);
    const auto all = contestants(options->settings, options->methods, options->seeds,
                                 options->output, *train_options);
    for (const Contestant& contestant : all) {
      const std::string not_compared =
          require_same_run(contestant.options, contestant.run, options->verify);
      if (!not_compared.empty()) std::cerr << "warning: " << not_compared << '\n';
    }
    train_all(all, options->jobs, options->verify);
    for (const Contestant& contestant : all) {
      const NoiseKeeper noise(contestant.run / "train.log");
      EvaluateOptions evaluation;
      evaluation.run = contestant.run;
      evaluation.threads = contestant.options.threads;
      evaluate(evaluation);
    }
    record(all, options->timing_rounds);
    std::vector<Run> runs;
    std::vector<fs::path> folders;
    for (const Contestant& contestant : all) {
      runs.push_back(read_run(contestant.run));
      folders.push_back(contestant.run);
    }
    const Comparison comparison(runs);
    const std::vector<PairedRow> paired = paired_rows(comparison);
    write_comparison(comparison, options->output / "compare.csv");
    write_paired(paired, options->output / "paired.csv");
    if (comparison.synthetic()) {
      std::cout << "Synthetic forgeries: these numbers say nothing about real deepfakes.\n";
    }
    for (const char* level : {frame_level, video_level}) {
      std::cout << "AUC by " << level << " on test identities, mean ± sd over seeds:\n"
                << summary_text(comparison, level, *width) << '\n';
    }
    for (const char* level : {frame_level, video_level}) {
      if (paired.empty()) break;
      std::cout << "Difference in AUC by " << level
                << ", paired bootstrap over test videos, mean over seeds:\n"
                << paired_text(paired, level, *width) << '\n';
    }
    std::cout << "report: "
              << write_report(folders, options->output / "report.html", *report).string() << "\n";
  });
}

}  // namespace deepfake
