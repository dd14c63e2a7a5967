// SPDX-License-Identifier: MIT
#include "training/trainer.hpp"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <fstream>
#include <map>
#include <opencv2/core/version.hpp>
#include <optional>
#include <roga/version.hpp>
#include <span>
#include <stdexcept>
#include <string>

#include "data/faults.hpp"
#include "report/run_files.hpp"
#include "report/table.hpp"
#include "report/tensorboard.hpp"
#include "synthetic/random.hpp"
#include "training/batch_pipeline.hpp"
#include "training/checkpoint.hpp"
#include "training/evaluate.hpp"
#include "training/methods.hpp"
#include "training/precision.hpp"
#include "training/pretrained.hpp"
#include "training/progress.hpp"
#include "training/schedule.hpp"
#include "training/scoring.hpp"
#include "training/trained_detector.hpp"
#include "training/training_set.hpp"
#include "training/weight_average.hpp"

namespace deepfake {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::int64_t patience_with_skips = 50;

std::size_t megabytes(int count) { return static_cast<std::size_t>(count) << 20U; }

at::ScalarType scalar_type(const std::string& precision) {
  if (precision == "bfloat16") return at::kBFloat16;
  return precision == "float16" ? at::kHalf : at::kFloat;
}

fs::path last_checkpoint(const fs::path& run) { return run / "checkpoints" / "last.pt"; }
fs::path best_checkpoint(const fs::path& run) { return run / "checkpoints" / "best.pt"; }

/// Removes a run's files, and nothing else that the folder may hold.
void clear_run(const fs::path& run) {
  for (const char* name :
       {"config.json", "history.csv", "eval.csv", "scores", "checkpoints", "backbone.pt", "gradcam",
        "robustness.csv", "train.log", "report.html", "detector.ts.pt"}) {
    fs::remove_all(run / name);
  }
}

/// Options that change no bit of the result, or only where it is worked out.
bool may_differ(const std::string& option) {
  return option == "data" || option == "rgb-dir" || option == "checkpoint-steps" ||
         option == "threads" || option == "device" || option == "workers" || option == "cache-mb";
}

TrainOptions with_defaults(TrainOptions options) {
  options.method = effective_options(options.optimizer, options.method);
  return options;
}

/// @param state of the run's checkpoint; an option that it does not know had its default
/// @param advice what to do instead
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

/// What a run needs to continue, besides weights and optimizer.
struct Progression {
  std::int64_t step = 0;  ///< steps done
  std::int64_t skipped = 0;
  std::int64_t skipped_in_a_row = 0;
  std::int64_t best_epoch = 0;
  double best_auc = 0;
  // Sums since the last row of history.csv, over steps that were not skipped.
  std::int64_t summed_steps = 0;
  double summed_norm = 0;
  std::vector<double> summed_losses = {};
};

Json to_json(const Progression& now) {
  return {{"step", now.step},
          {"skipped", now.skipped},
          {"skipped_in_a_row", now.skipped_in_a_row},
          {"best_epoch", now.best_epoch},
          {"best_auc", now.best_auc},
          {"summed_steps", now.summed_steps},
          {"summed_norm", now.summed_norm},
          {"summed_losses", now.summed_losses}};
}
Progression progression(const Json& json) {
  return {json.at("step"),        json.at("skipped"),      json.at("skipped_in_a_row"),
          json.at("best_epoch"),  json.at("best_auc"),     json.at("summed_steps"),
          json.at("summed_norm"), json.at("summed_losses")};
}

class TrainingRun {
 public:
  TrainingRun(const TrainOptions& options, const RunRequest& request)
      : options_(options),
        request_(request),
        set_(load_training_set(options)),
        sampler_(set_.train, set_.domains,
                 {.pairs = static_cast<std::size_t>(options.pairs),
                  .steps_per_epoch = static_cast<std::size_t>(options.steps_per_epoch),
                  .seed = options.seed}),
        cache_(set_.train, options.model.size, megabytes(options.cache_mb)),
        pipeline_(sampler_, cache_, options.augment, static_cast<std::size_t>(options.workers)),
        steps_per_epoch_(static_cast<std::int64_t>(sampler_.steps_per_epoch())),
        total_steps_(steps_per_epoch_ * options.epochs),
        progress_("train", total_steps_) {
    for (const Index& part : set_.val) {
      // Validation reads each frame once an epoch, training every one of them as often or more.
      val_caches_.emplace_back(part, options.model.size, megabytes(options.cache_mb) / 4);
    }
    at::manual_seed(Random(options_.seed).fork("weights").bits());
    detector_ =
        make_detector(request.resume && !request.force ? model_of_run(options_.model, request.run)
                                                       : options_.model);
    freeze(*detector_, options_.freeze);
    detector_->to(device_);
    optimizer_ = make_optimizer(options_, *detector_);
    if (type_ == at::kHalf) {
      scaler_.emplace();
      optimizer_->attach(*scaler_);
    }
    if (options_.ema > 0) average_.emplace(*detector_, options_.ema);
    now_.summed_losses.assign(set_.domains.size(), 0.0);
    prepare_folder();
  }

  TrainResult run() {
    announce();
    while (!is_finished()) {
      step();
      const bool is_epoch_end = now_.step % steps_per_epoch_ == 0;
      if (is_epoch_end) end_epoch();
      const bool stop = request_.stop && request_.stop();
      const bool is_due =
          options_.checkpoint_steps > 0 && now_.step % options_.checkpoint_steps == 0;
      // Not between an epoch's last step and its validation, which a resumed run would leave out.
      if (is_epoch_end || stop || is_due) save(last_checkpoint(request_.run), true);
      if (stop && !is_finished()) break;
    }
    name_broken_images();
    if (now_.step < total_steps_ && is_finished()) {
      progress_.print("stopped early: no better val AUC for " + std::to_string(options_.patience) +
                      " epochs");
    }
    return {is_finished(), now_.step, now_.skipped, now_.best_epoch, now_.best_auc};
  }

 private:
  std::int64_t epoch() const { return now_.step / steps_per_epoch_; }
  /// At its end, or where patience ends.
  bool is_finished() const {
    const bool is_epoch_end = now_.step > 0 && now_.step % steps_per_epoch_ == 0;
    const bool is_out_of_patience =
        options_.patience > 0 && is_epoch_end && epoch() - now_.best_epoch >= options_.patience;
    return now_.step == total_steps_ || is_out_of_patience;
  }

  void prepare_folder() {
    const fs::path& run = request_.run;
    const bool exists = is_run_folder(run);
    if (exists && !request_.resume && !request_.force) {
      throw std::runtime_error(run.string() +
                               ": a run is there already; continue it with --resume, or begin anew "
                               "with --force");
    }
    const bool resumes = request_.resume && !request_.force && fs::exists(last_checkpoint(run));
    if (resumes) resume();
    if (exists && !resumes) clear_run(run);
    fs::create_directories(run);
    progress_.keep(run / "train.log");
    if (!resumes) {
      if (!options_.weights.empty()) {
        progress_.print(options_.weights + ": " +
                        to_text(load_weights(*detector_, options_.weights)));
      }
      keep_model_file(options_.model, run);
      if (average_) average_.emplace(*detector_, options_.ema);
    }
    write_config(run, config());
    std::vector<std::string> columns{"skipped"};
    for (const std::string& domain : set_.domains) columns.push_back("loss " + domain);
    history_.emplace(run, columns, resumes ? CsvWriter::Mode::append : CsvWriter::Mode::fresh,
                     now_.step);
    board_.emplace(run, resumes ? TensorBoardWriter::Mode::append : TensorBoardWriter::Mode::fresh,
                   now_.step);
    if (!resumes) board_->text("options", 0, "```\n" + to_json(options_).dump(1) + "\n```");
  }

  void resume() {
    const fs::path file = last_checkpoint(request_.run);
    const Json state = load_checkpoint(file, *detector_, &optimizer_->optimizer(),
                                       average_ ? &*average_ : nullptr);
    require_same(state, options_, set_.fingerprint, request_.run,
                 "correct that, or begin anew with --force");
    now_ = progression(state.at("progress"));
  }

  Json config() const {
    Json config;
    config["name"] = fs::absolute(request_.run / "").parent_path().filename().string();
    config["method"] = options_.optimizer;
    config["seed"] = options_.seed;
    config["synthetic"] = set_.synthetic;
    config["data"] = fs::absolute(options_.data).lexically_normal().string();
    config["data_fingerprint"] = set_.fingerprint;
    config["train_datasets"] = set_.datasets;
    config["train_domains"] = set_.domains;
    config["parameters"] = count_parameters(*detector_);
    config["steps"] = total_steps_;
    config["options"] = to_json(options_);
    config["versions"] = {
        {"roga", std::to_string(ROGA_VERSION_MAJOR) + '.' + std::to_string(ROGA_VERSION_MINOR) +
                     '.' + std::to_string(ROGA_VERSION_PATCH)},
        {"libtorch", TORCH_VERSION},
        {"opencv", CV_VERSION},
        {"compiler", __VERSION__}};
    return config;
  }

  void name_faults(const Index& index) {
    const std::string text = faults_text(index);
    if (!text.empty()) progress_.print(text);
  }

  void name_broken_images() {
    const auto name = [&](const ImageCache& cache, const std::string& treated) {
      const std::string text = broken_text(cache.broken(), treated);
      if (!text.empty()) progress_.print(text);
    };
    name(cache_, "the nearest frame of the video taken instead");
    for (const ImageCache& cache : val_caches_) name(cache, "skipped in validation");
  }

  void announce() {
    name_faults(set_.train);
    for (const Index& part : set_.val) name_faults(part);
    std::string domains;
    const std::vector<std::size_t> sizes = sampler_.sizes();
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      domains += (k > 0 ? ", " : "") + domain_title(set_.domains[k], set_.synthetic) + " (" +
                 std::to_string(sizes[k]) + " frames)";
    }
    std::size_t val_frames = 0;
    for (const Index& part : set_.val) val_frames += count_frames(part);
    progress_.print(options_.optimizer + " over " + options_.base + ", " + options_.model.model +
                    " with " + std::to_string(count_parameters(*detector_)) + " parameters");
    progress_.print("train on " + domains + "; validate on " + std::to_string(val_frames) +
                    " frames; " + std::to_string(options_.epochs) + " epochs of " +
                    std::to_string(steps_per_epoch_) + " steps");
    if (sampler_.unpaired() > 0) {
      progress_.print(
          std::to_string(sampler_.unpaired()) +
          " fake frames have no real frame of the same number and go with a random one");
    }
    if (now_.step > 0) progress_.print("resumed after step " + std::to_string(now_.step));
  }

  void step() {
    const auto begin = Clock::now();
    std::vector<roga::LossClosure> closures;
    for (const Batch& batch : pipeline_.next(now_.step)) {
      closures.emplace_back(
          [this, images = batch.images.to(device_), labels = batch.labels.to(device_)] {
            detector_->zero_grad();
            const at::Tensor loss = [&] {
              const Autocast autocast(device_, type_);
              return detection_loss(detector_->forward(images).to(at::kFloat), labels);
            }();
            (scaler_ ? scaler_->scale(loss) : loss).backward();
            return loss;
          });
    }
    const double lr = learning_rate(options_.schedule, now_.step, steps_per_epoch_, total_steps_);
    optimizer_->learning_rate(lr);
    lr_ = lr;
    at::manual_seed(Random(options_.seed).fork("step", now_.step).bits());
    set_training_mode(*detector_, options_.freeze);

    const auto ready = Clock::now();
    const StepOutcome outcome = optimizer_->step(std::move(closures));
    const auto end = Clock::now();
    timed_.step += std::chrono::duration<double>(end - ready).count();
    timed_.all += std::chrono::duration<double>(end - begin).count();
    ++timed_.steps;
    if (average_ && !outcome.skipped) average_->update(now_.step);
    ++now_.step;
    note(outcome);
    if (now_.step % options_.log_steps == 0 || now_.step == total_steps_) log(lr);
    progress_.update(now_.step,
                     "loss " + fixed(loss_) + "  " + fixed(images_per_second_, 0) + " img/s");
  }

  void note(const StepOutcome& outcome) {
    if (!outcome.skipped) {
      now_.skipped_in_a_row = 0;
      ++now_.summed_steps;
      now_.summed_norm += outcome.direction_norm;
      for (std::size_t k = 0; k < outcome.losses.size(); ++k) {
        now_.summed_losses[k] += outcome.losses[k];
      }
      return;
    }
    ++now_.skipped;
    if (++now_.skipped_in_a_row == 1) {
      progress_.print("step " + std::to_string(now_.step) +
                      ": loss or gradient is not finite; step skipped");
    }
    if (now_.skipped_in_a_row == patience_with_skips) {
      throw std::runtime_error("loss or gradient has not been finite for " +
                               std::to_string(patience_with_skips) +
                               " steps: train again with a smaller --lr or --rho");
    }
  }

  /// Writes a row of history.csv and begins the next.
  void log(double lr) {
    const auto steps = static_cast<double>(now_.summed_steps);
    HistoryRow row;
    row.step = now_.step;
    row.epoch = (now_.step - 1) / steps_per_epoch_ + 1;
    row.lr = lr;
    row.loss = 0;
    for (std::size_t k = 0; k < set_.domains.size(); ++k) {
      const double loss = now_.summed_losses[k] / steps;
      row.loss += loss / static_cast<double>(set_.domains.size());
      row.extra["loss " + set_.domains[k]] = loss;
    }
    row.grad_norm = now_.summed_norm / steps;
    row.extra["skipped"] = static_cast<double>(now_.skipped);
    const auto images = static_cast<double>(2 * sampler_.pairs_per_step() * set_.domains.size());
    row.img_s = images * timed_.steps / timed_.all;
    row.step_seconds = timed_.step / timed_.steps;
    history_->write(row);
    board_->scalar("train/loss", row.step, row.loss);
    for (const std::string& domain : set_.domains) {
      board_->scalar("train/loss " + domain, row.step, row.extra["loss " + domain]);
    }
    board_->scalar("train/direction norm", row.step, row.grad_norm);
    board_->scalar("train/lr", row.step, lr);
    board_->scalar("train/images per second", row.step, row.img_s);
    loss_ = row.loss;
    images_per_second_ = row.img_s;
    now_.summed_steps = 0;
    now_.summed_norm = 0;
    now_.summed_losses.assign(set_.domains.size(), 0.0);
    timed_ = {};
  }

  void end_epoch() {
    const std::int64_t number = now_.step / steps_per_epoch_;
    if (average_) average_->swap();  // what is validated is what is kept
    std::vector<EvalRow> rows = validate(number);
    double auc[2] = {0, 0};
    int count[2] = {0, 0};
    for (const EvalRow& row : rows) {
      if (row.domain == all_domains) continue;
      const int level = row.level == frame_level ? 0 : 1;
      auc[level] += row.metrics.auc;
      ++count[level];
    }
    for (const EvalRow& row : rows) {
      board_->scalar("val " + row.level + " AUC/" + row.dataset + ' ' + row.domain, now_.step,
                     row.metrics.auc);
    }
    auc[0] /= count[0];
    auc[1] /= count[1];
    const double selected = options_.select == "frame" ? auc[0] : auc[1];
    const bool is_best = now_.best_epoch == 0 || selected > now_.best_auc;
    if (is_best) {
      now_.best_epoch = number;
      now_.best_auc = selected;
      save(best_checkpoint(request_.run), false);
    }
    if (average_) average_->swap();
    merge_evals(request_.run, rows,
                [&](const EvalRow& row) { return row.split == "val" && row.epoch >= number; });
    progress_.print("epoch " + std::to_string(number) + '/' + std::to_string(options_.epochs) +
                    "  lr " + to_csv(lr_) + "  loss " + fixed(loss_) + "  val AUC " +
                    fixed(auc[0]) + " frame, " + fixed(auc[1]) + " video  " +
                    fixed(images_per_second_, 0) + " img/s" +
                    (now_.skipped > 0 ? "  " + std::to_string(now_.skipped) + " skipped" : "") +
                    (is_best ? "  best" : ""));
  }

  std::vector<EvalRow> validate(std::int64_t number) {
    std::vector<FrameScore> scores;
    for (std::size_t i = 0; i < set_.val.size(); ++i) {
      const auto part = score_frames(*detector_, set_.val[i], val_caches_[i].source());
      scores.insert(scores.end(), part.begin(), part.end());
    }
    return evaluate_frames(scores, number, "val");
  }

  void save(const fs::path& file, bool with_optimizer) {
    board_->flush();
    Json state;
    state["options"] = to_json(options_);
    state["data_fingerprint"] = set_.fingerprint;
    state["epoch"] = epoch();
    state["finished"] = is_finished();
    state["progress"] = to_json(now_);
    save_checkpoint(file, *detector_, with_optimizer ? &optimizer_->optimizer() : nullptr,
                    with_optimizer && average_ ? &*average_ : nullptr, state);
  }

  TrainOptions options_;
  RunRequest request_;
  TrainingSet set_;
  PairSampler sampler_;
  at::Device device_ = checked_device(options_.device);
  at::ScalarType type_ = scalar_type(options_.precision);
  ImageCache cache_;
  BatchPipeline pipeline_;
  std::deque<ImageCache> val_caches_;
  std::int64_t steps_per_epoch_;
  std::int64_t total_steps_;
  Progress progress_;
  std::shared_ptr<Detector> detector_;
  std::unique_ptr<MethodOptimizer> optimizer_;
  std::optional<roga::LossScaler> scaler_;
  std::optional<WeightAverage> average_;
  std::optional<HistoryWriter> history_;
  std::optional<TensorBoardWriter> board_;
  Progression now_;

  struct {
    double step = 0;  ///< seconds in the optimizer's step
    double all = 0;
    int steps = 0;
  } timed_;
  double lr_ = std::nan("");
  double loss_ = std::nan("");
  double images_per_second_ = std::nan("");
};

}  // namespace

TrainResult train(const TrainOptions& options, const RunRequest& request) {
  validate(options);
  at::set_num_threads(options.threads);
  return TrainingRun(with_defaults(options), request).run();
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
  const Json state = read_checkpoint_state(last_checkpoint(run));
  return state.value("finished", false);
}

void require_same_run(const TrainOptions& options, const fs::path& run) {
  if (!fs::exists(last_checkpoint(run))) return;
  validate(options);
  require_same(read_checkpoint_state(last_checkpoint(run)), with_defaults(options),
               load_training_set(options).fingerprint, run,
               "name another folder with --output, or remove that run");
}

}  // namespace deepfake
