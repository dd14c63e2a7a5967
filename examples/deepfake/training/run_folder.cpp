// SPDX-License-Identifier: MIT
#include "training/run_folder.hpp"

#include <fstream>
#include <stdexcept>

#include "data/fingerprint.hpp"
#include "data/trained_on.hpp"
#include "files/replace_file.hpp"
#include "training/methods.hpp"
#include "training/model.hpp"
#include "training/run_checkpoint.hpp"
#include "training/training_set.hpp"

namespace deepfake {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr char kept_model[] = "backbone.pt";

}  // namespace

bool may_differ(const std::string& option) {
  return option == "data" || option == "rgb-dir" || option == "labels" ||
         option == "checkpoint-steps" || option == "threads" || option == "device" ||
         option == "workers" || option == "cache-mb";
}

Json ranks_of_run(const Json& config, std::int64_t step, std::size_t ranks) {
  Json list = Json::array();
  if (!config.is_null()) {
    const Json record = config.value("record", Json::object());
    // Of older versions, which knew one process alone.
    const Json one = Json::array({{{"from_step", 0}, {"world_size", 1}}});
    for (const Json& entry : record.value("ranks", one)) {
      // Steps after the checkpoint are made again.
      if (entry.at("from_step") < step) list.push_back(entry);
    }
  }
  if (list.empty() || list.back().at("world_size") != ranks) {
    list.push_back({{"from_step", step}, {"world_size", ranks}});
  }
  return list;
}

fs::path last_checkpoint(const fs::path& run) { return run / "checkpoints" / "last.pt"; }
fs::path best_checkpoint(const fs::path& run) { return run / "checkpoints" / "best.pt"; }

void clear_run(const fs::path& run) {
  for (const char* name :
       {"config.json", "history.csv", "eval.csv", "scores", "checkpoints", kept_model, "gradcam",
        "robustness.csv", "train.log", "report.html", "detector.ts.pt", "trained_on.csv",
        "left_out.csv", "labels.json", "calibration.json", "pseudo"}) {
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

namespace {

/// What differs between the run's data and @p set, and what of it is of no concern, in words.
std::string require_same_data(const std::string& recorded, const TrainOptions& options,
                              const TrainingSet& set, const fs::path& run, bool verify,
                              const std::string& advice) {
  const auto refuse = [&](const std::string& reason) {
    throw std::runtime_error(options.data + ": not the data that the run in " + run.string() +
                             " was trained on" + reason + "; " + advice);
  };
  switch (data_change(recorded, set.fingerprint)) {
    case DataChange::none:
      return "";
    case DataChange::other_list:
      refuse("");
      break;
    case DataChange::other_sizes:
      refuse(": frames have other sizes");
      break;
    case DataChange::other_bytes:
      refuse(": frames hold other bytes");
      break;
    case DataChange::not_recorded:
      return run.string() +
             ": the run is of an older version and knows the names of its frames alone; that they "
             "are unchanged is taken for granted";
    case DataChange::other_times:
      break;
  }
  if (!verify) {
    throw std::runtime_error(
        options.data + ": its frames were written or copied after the run in " + run.string() +
        " was begun; if nothing but their times changed, say --verify, which compares their "
        "bytes; else " +
        advice);
  }
  switch (data_change(recorded, fingerprint(set.all, /*all_bytes=*/true))) {
    case DataChange::none:
      return "";
    case DataChange::other_bytes:
      refuse(": frames hold other bytes");
      break;
    default:
      break;
  }
  const std::string changed = changed_first_frame(run, set.train);
  if (!changed.empty()) refuse(": " + changed + " is another image");
  return run.string() +
         ": the run kept no hash of all bytes; the sizes of all frames and the first frame of each "
         "training video are the same";
}

}  // namespace

std::string require_same(const Json& state, const TrainOptions& options, const TrainingSet& set,
                         const fs::path& run, bool verify, const std::string& advice) {
  TrainOptions recorded;
  set_from_json(recorded, state.at("options"), run.string());
  const Json of_run = to_json(with_defaults(recorded));
  Json given = to_json(options);
  given["protocol"] = set.protocol;
  for (const auto& [name, value] : given.items()) {
    const Json& before = of_run.at(name);
    if (value == before || may_differ(name)) continue;
    throw std::runtime_error(run.string() + ": the run there has option " + name + " " +
                             before.dump() + ", not " + value.dump() + "; " + advice);
  }
  return require_same_data(state.at("data_fingerprint"), options, set, run, verify, advice);
}

void keep_labels(const Labels& labels, const fs::path& run) {
  if (labels.empty()) return;
  fs::create_directories(run);
  replace_file(labels_file(run), to_json_text(labels) + '\n');
}

bool is_run_folder(const fs::path& folder) { return fs::exists(folder / "config.json"); }

TrainOptions options_of_run(const fs::path& run) {
  const std::string file = (run / "config.json").string();
  TrainOptions options;
  set_from_json(options, read_options(file), file);
  // The option may be relative to another folder than this one.
  options.data = Json::parse(std::ifstream(file)).value("data", options.data);
  if (fs::exists(labels_file(run))) options.labels = labels_file(run).string();
  return options;
}

bool is_finished(const fs::path& run) {
  if (!fs::exists(last_checkpoint(run)) || !fs::exists(run / "config.json")) return false;
  const Json state = read_run_state(last_checkpoint(run));
  return state.value("finished", false);
}

std::string require_same_run(const TrainOptions& options, const fs::path& run, bool verify) {
  if (!fs::exists(last_checkpoint(run))) return "";
  validate(options);
  return require_same(read_run_state(last_checkpoint(run)), with_defaults(options),
                      load_training_set(options), run, verify,
                      "name another folder with --output, or remove that run");
}

}  // namespace deepfake
