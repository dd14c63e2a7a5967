// SPDX-License-Identifier: MIT
#include "training/run_folder.hpp"

#include <fstream>
#include <stdexcept>

#include "training/methods.hpp"
#include "training/model.hpp"
#include "training/run_checkpoint.hpp"
#include "training/training_set.hpp"

namespace deepfake {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr char kept_model[] = "backbone.pt";

/// Options that change no bit of the result, or only where it is worked out.
bool may_differ(const std::string& option) {
  return option == "data" || option == "rgb-dir" || option == "checkpoint-steps" ||
         option == "threads" || option == "device" || option == "workers" || option == "cache-mb";
}

}  // namespace

fs::path last_checkpoint(const fs::path& run) { return run / "checkpoints" / "last.pt"; }
fs::path best_checkpoint(const fs::path& run) { return run / "checkpoints" / "best.pt"; }

void clear_run(const fs::path& run) {
  for (const char* name :
       {"config.json", "history.csv", "eval.csv", "scores", "checkpoints", kept_model, "gradcam",
        "robustness.csv", "train.log", "report.html", "detector.ts.pt", "trained_on.csv"}) {
    fs::remove_all(run / name);
  }
}

void keep_model_file(const ModelOptions& options, const fs::path& run) {
  if (!is_model_file(options.model)) return;
  fs::create_directories(run);
  fs::copy_file(options.model, run / kept_model, fs::copy_options::overwrite_existing);
}

ModelOptions model_of_run(ModelOptions options, const fs::path& run) {
  const fs::path kept = run / kept_model;
  if (is_model_file(options.model) && fs::exists(kept)) options.model = kept.string();
  return options;
}

void require_same(const Json& state, const TrainOptions& options, const std::string& fingerprint,
                  const fs::path& run, const std::string& advice) {
  TrainOptions recorded;
  set_from_json(recorded, state.at("options"), run.string());
  const Json of_run = to_json(with_defaults(recorded));
  const Json given = to_json(options);
  for (const auto& [name, value] : given.items()) {
    const Json& before = of_run.at(name);
    if (value == before || may_differ(name)) continue;
    throw std::runtime_error(run.string() + ": the run there has option " + name + " " +
                             before.dump() + ", not " + value.dump() + "; " + advice);
  }
  if (state.at("data_fingerprint") != fingerprint) {
    throw std::runtime_error(options.data + ": not the data that the run in " + run.string() +
                             " was trained on; " + advice);
  }
}

bool is_run_folder(const fs::path& folder) { return fs::exists(folder / "config.json"); }

TrainOptions options_of_run(const fs::path& run) {
  const std::string file = (run / "config.json").string();
  TrainOptions options;
  set_from_json(options, read_options(file), file);
  // The option may be relative to another folder than this one.
  options.data = Json::parse(std::ifstream(file)).value("data", options.data);
  return options;
}

bool is_finished(const fs::path& run) {
  if (!fs::exists(last_checkpoint(run)) || !fs::exists(run / "config.json")) return false;
  const Json state = read_run_state(last_checkpoint(run));
  return state.value("finished", false);
}

void require_same_run(const TrainOptions& options, const fs::path& run) {
  if (!fs::exists(last_checkpoint(run))) return;
  validate(options);
  require_same(read_run_state(last_checkpoint(run)), with_defaults(options),
               load_training_set(options).fingerprint, run,
               "name another folder with --output, or remove that run");
}

}  // namespace deepfake
