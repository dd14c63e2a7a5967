// SPDX-License-Identifier: MIT
// train, evaluate and report.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "commands/commands.hpp"
#include "commands/test_options.hpp"
#include "commands/train_options.hpp"
#include "detection/evaluate.hpp"
#include "report/report.hpp"
#include "text/table.hpp"
#include "text/terminal.hpp"
#include "training/run_folder.hpp"
#include "training/timing.hpp"
#include "training/trainer.hpp"

namespace deepfake {
namespace {

std::atomic<bool> interrupted = false;

}  // namespace

void add_train(CLI::App& program) {
  auto* command = program.add_subcommand("train", "Train a detector");
  command->footer(
      "Example: roga-deepfake train --data data --run runs/roga --optimizer roga --rho 0.1\n"
      "         roga-deepfake train --run runs/roga --resume");
  auto options = std::make_shared<TrainOptionsOnCommandLine>(*command);
  auto request = std::make_shared<RunRequest>();
  const auto output = [](CLI::Option* option) { option->group("Output"); };
  output(command->add_option("--run", request->run, "folder of the run"));
  output(command->add_flag("--resume", request->resume, "continue the run where it stopped"));
  output(command->add_flag("--force", request->force, "begin anew where a run is there already"));
  output(command->add_flag("--verify", request->verify,
                           "keep a hash of all bytes of the frames, and compare it on --resume"));
  auto profiled = std::make_shared<bool>(false);
  output(command->add_flag("--profile", *profiled,
                           "measure images per second of the pipeline and of the network, and "
                           "stop"));
  command->callback([=] {
    if (*profiled) {
      const TrainOptions effective = options->over(TrainOptions());
      validate(effective);
      constexpr int steps = 30;
      std::cout << to_text(profile(effective, steps));
      return;
    }
    if (request->run.empty()) throw CLI::RequiredError("--run");
    std::signal(SIGINT, [](int) { interrupted = true; });
    std::signal(SIGTERM, [](int) { interrupted = true; });
    request->stop = [] { return interrupted.load(); };
    const bool goes_on =
        request->resume && !request->force && std::filesystem::exists(request->run / "config.json");
    if (request->resume && !goes_on && options->over(TrainOptions()).data.empty()) {
      throw std::runtime_error(request->run.string() + ": no run there to resume");
    }
    const NoiseKeeper noise(request->run / "train.log");
    const TrainOptions base = goes_on ? options_of_run(request->run) : TrainOptions();
    const TrainResult result = train(options->over(base), *request);
    if (!result.finished) {
      throw std::runtime_error(request->run.string() + ": stopped after step " +
                               std::to_string(result.steps) + "; continue with --resume");
    }
    std::cout << request->run.string() << ": " << result.steps << " steps, " << result.skipped
              << " skipped; best epoch " << result.best_epoch << " with mean AUC "
              << fixed(result.best_auc) << " on val\n";
  });
}

void add_evaluate(CLI::App& program) {
  auto* command = program.add_subcommand("evaluate", "Score a trained detector on test data");
  command->footer("Example: roga-deepfake evaluate --run runs/roga --datasets Celeb-DF-v2");
  auto options = std::make_shared<EvaluateOptions>();
  add_test_options(*command, *options);
  auto video_score = std::make_shared<std::string>("mean");
  command
      ->add_option("--video-score", *video_score,
                   "how frames make a video's score: mean, max or median; rows of the mean are "
                   "always written")
      ->check(CLI::IsMember({"mean", "max", "median"}))
      ->capture_default_str();
  auto width = add_wide(*command);
  command->callback([=] {
    const NoiseKeeper noise(options->run / "train.log");
    options->video_score = video_score_named(*video_score);
    std::cout << to_text(evaluate(*options), *width);
  });
}

void add_report(CLI::App& program) {
  auto* command = program.add_subcommand("report", "Write report.html over one or several runs");
  command->footer("Example: roga-deepfake report runs/erm runs/sam runs/roga --output report.html");
  auto runs = std::make_shared<std::vector<std::filesystem::path>>();
  auto output = std::make_shared<std::filesystem::path>();
  command->add_option("runs", *runs, "run folders")->required();
  command->add_option("--output", *output, "file to write; RUN/report.html if not given");
  command->callback([=] { std::cout << write_report(*runs, *output).string() << "\n"; });
}

}  // namespace deepfake
