// SPDX-License-Identifier: MIT
// train, evaluate and report.
#include <c10/util/Exception.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "commands/commands.hpp"
#include "commands/report_options.hpp"
#include "commands/test_options.hpp"
#include "commands/train_options.hpp"
#include "detection/evaluate.hpp"
#include "report/report.hpp"
#include "text/table.hpp"
#include "text/terminal.hpp"
#include "training/ranks.hpp"
#include "training/run_folder.hpp"
#include "training/timing.hpp"
#include "training/trainer.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> interrupted = false;

/// Training ends after its step; a second signal of the kind ends it at once, as where a rank waits
/// for others.
void interrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

/// Runs @p work; of several ranks, what it throws begins with the rank's number.
void naming_the_rank(const Ranks& ranks, const std::function<void()>& work) {
  if (!ranks.are_several()) return work();
  try {
    work();
  } catch (const c10::Error& error) {
    throw std::runtime_error(ranks.name() + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw std::runtime_error(ranks.name() + error.what());
  }
}

bool goes_on(const RunRequest& request) {
  return request.resume && !request.force && fs::exists(request.run / "config.json");
}

/// Before an option of the run's method is refused because another method does not have it.
void require_same_method(const TrainOptions& of_run, const TrainOptions& given,
                         const RunRequest& request) {
  if (!goes_on(request) || given.optimizer == of_run.optimizer) return;
  throw std::runtime_error(request.run.string() + ": the run there has option optimizer \"" +
                           of_run.optimizer + "\", not \"" + given.optimizer +
                           "\"; correct that, or begin anew with --force");
}

/// What holds where the command line says nothing: the options of the run that goes on.
TrainOptions base_options(const TrainOptionsOnCommandLine& options, const RunRequest& request) {
  if (request.resume && !goes_on(request) && options.over(TrainOptions()).data.empty()) {
    throw std::runtime_error(request.run.string() + ": no run there to resume");
  }
  return goes_on(request) ? options_of_run(request.run) : TrainOptions();
}

}  // namespace

void add_train(CLI::App& program) {
  auto* command = program.add_subcommand("train", "Train a detector");
  command->footer(
      "Example: roga-deepfake train --data data --run runs/roga --optimizer roga --rho 0.1\n"
      "         roga-deepfake train --run runs/roga --resume\n"
      "         scripts/run_ranks.sh 4 roga-deepfake train --data data --run runs/roga\n"
      "Several processes, started by torchrun or scripts/run_ranks.sh, train one run together: the "
      "result is that of one process up to rounding.");
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
  auto rank_timeout = std::make_shared<int>(600);
  command
      ->add_option("--rank-timeout", *rank_timeout,
                   "seconds that one of several processes waits for the others before it gives up; "
                   "more than the slowest pass, loading or validation takes")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str()
      ->group("Machine");
  command->callback([=] {
    if (*profiled) {
      const TrainOptions effective = options->over(TrainOptions());
      validate(effective);
      constexpr int steps = 30;
      std::cout << to_text(profile(effective, steps));
      return;
    }
    if (request->run.empty()) throw CLI::RequiredError("--run");
    Ranks ranks = join_ranks(*rank_timeout);
    std::signal(SIGINT, interrupt);
    std::signal(SIGTERM, interrupt);
    request->stop = [] { return interrupted.load(); };
    naming_the_rank(ranks, [&] {
      // Rank 0 alone writes to the folder.
      const NoiseKeeper noise(ranks.is_first() ? request->run / "train.log" : fs::path());
      std::string base;
      ranks.on_first([&] { base = to_json(base_options(*options, *request)).dump(); });
      base = ranks.of_first(base);
      TrainOptions effective;
      ranks.together([&] {
        set_from_json(effective, nlohmann::ordered_json::parse(base), request->run.string());
        const TrainOptions of_run = effective;
        effective = options->over(effective);
        require_same_method(of_run, effective, *request);
      });
      const TrainResult result = train(effective, *request, ranks);
      if (!result.finished) {
        throw std::runtime_error(request->run.string() + ": stopped after step " +
                                 std::to_string(result.steps) + "; continue with --resume");
      }
      if (!ranks.is_first()) return;
      std::cout << request->run.string() << ": " << result.steps << " steps, " << result.skipped
                << " skipped; best epoch " << result.best_epoch << " with mean AUC "
                << fixed(result.best_auc) << " on val\n";
    });
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
  auto options = add_report_options(*command);
  command->callback([=] { std::cout << write_report(*runs, *output, *options).string() << "\n"; });
}

}  // namespace deepfake
