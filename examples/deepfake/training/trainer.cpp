// SPDX-License-Identifier: MIT
#include "training/trainer.hpp"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <array>
#include <chrono>
#include <fstream>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/core/version.hpp>
#include <optional>
#include <roga/version.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/fingerprint.hpp"
#include "data/pseudo_kinds.hpp"
#include "data/trained_on.hpp"
#include "files/csv.hpp"
#include "files/folder_lock.hpp"
#include "files/left_out.hpp"
#include "files/replace_file.hpp"
#include "images/image.hpp"
#include "metrics/evaluation.hpp"
#include "runs/calibration_file.hpp"
#include "runs/run_files.hpp"
#include "text/table.hpp"
#include "training/arithmetic.hpp"
#include "training/learner.hpp"
#include "training/methods.hpp"
#include "training/progression.hpp"
#include "training/run_folder.hpp"
#include "training/run_writer.hpp"
#include "training/schedule.hpp"
#include "training/training_data.hpp"

namespace deepfake {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::int64_t patience_with_skips = 50;

/// @param before config.json of the run that goes on; null where it begins
/// @param step that comes next
/// @param ranks how many make it
Json config_of(const TrainOptions& options, const fs::path& run, const TrainingData& data,
               const Learner& learner, const Json& before, std::int64_t step, std::size_t ranks) {
  const TrainingSet& set = data.set();
  Json config;
  config["name"] = fs::absolute(run / "").parent_path().filename().string();
  config["method"] = options.optimizer;
  config["seed"] = options.seed;
  config["synthetic"] = set.synthetic;
  config["data"] = fs::absolute(options.data).lexically_normal().string();
  config["data_fingerprint"] = set.fingerprint;
  if (!set.notes.empty()) config["notes"] = set.notes;
  config["train_datasets"] = set.datasets;
  config["train_domains"] = set.domains;
  config["parameters"] = count_parameters(learner.detector());
  const std::int64_t trained = count_trained(learner.detector());
  if (trained < count_parameters(learner.detector())) config["trained_parameters"] = trained;
  config["steps"] = data.steps_per_epoch() * options.epochs;
  config["record"] = {{"grey", data.is_grey()}, {"ranks", ranks_of_run(before, step, ranks)}};
  config["options"] = to_json(options);
  config["versions"] = {
      {"roga", std::to_string(ROGA_VERSION_MAJOR) + '.' + std::to_string(ROGA_VERSION_MINOR) + '.' +
                   std::to_string(ROGA_VERSION_PATCH)},
      {"libtorch", TORCH_VERSION},
      {"opencv", CV_VERSION},
      {"compiler", __VERSION__}};
  if (before.is_null()) {
    config["arithmetic"] = arithmetic();
  } else if (before.contains("arithmetic")) {  // where it began, though it may go on elsewhere
    config["arithmetic"] = before["arithmetic"];
  }
  return config;
}

/// RUN/pseudo/KIND_N.png: a real frame, its forgery and the mask, side by side.
void write_pseudo_examples(const fs::path& run, const TrainingData& data) {
  constexpr std::size_t of_each_kind = 4;
  std::map<std::string, int> numbers;
  for (const auto& [kind, forged] : data.examples(of_each_kind)) {
    cv::Mat bytes, mask, row;
    forged.mask.convertTo(bytes, CV_8U, 255);
    cv::merge(std::vector<cv::Mat>(3, bytes), mask);
    cv::hconcat(std::vector<cv::Mat>{forged.real, forged.fake, mask}, row);
    const auto png = encode_png(row);
    fs::create_directories(run / "pseudo");
    replace_file(run / "pseudo" / (kind + '_' + std::to_string(numbers[kind]++) + ".png"),
                 {reinterpret_cast<const char*>(png.data()), png.size()});
  }
}

/// Mean AUC over the manipulations; one that several data sets list counts once.
double mean_auc(const std::vector<EvalRow>& rows, const std::string& level) {
  ManipulationMean mean;
  for (const EvalRow& row : rows) {
    if (row.domain == all_domains || row.level != level) continue;
    mean.add({row.domain, row.compression}, row.metrics.auc);
  }
  return mean.mean();
}

/// Takes the steps of a run, and does after each what is due.
class TrainingLoop {
 public:
  /// @param writer of rank 0; the others have none
  TrainingLoop(const TrainOptions& options, const RunRequest& request, Ranks& ranks,
               TrainingData& data, Learner& learner, Progression& now,
               std::optional<RunWriter>& writer)
      : options_(options),
        request_(request),
        ranks_(ranks),
        data_(data),
        learner_(learner),
        now_(now),
        writer_(writer) {}

  TrainResult run() {
    ranks_.on_first([&] { announce(); });
    while (!is_finished()) {
      step();
      if (is_epoch_end()) end_epoch();
      const bool stop = ranks_.any(request_.stop && request_.stop());
      const bool is_due =
          options_.checkpoint_steps > 0 && now_.step % options_.checkpoint_steps == 0;
      // Not between an epoch's last step and its validation, which a resumed run would leave out.
      if (is_epoch_end() || stop || is_due) {
        ranks_.on_first([&] { learner_.save(last_checkpoint(request_.run), checkpoint_state()); });
      }
      if (stop && !is_finished()) break;
    }
    data_.gather_broken_images();
    ranks_.together([&] {
      if (ranks_.is_first()) conclude();
    });
    return {is_finished(), now_.step, now_.skipped, now_.best_epoch, now_.best_auc};
  }

 private:
  std::int64_t total_steps() const { return data_.steps_per_epoch() * options_.epochs; }
  std::int64_t epochs_done() const { return now_.step / data_.steps_per_epoch(); }
  bool is_epoch_end() const { return now_.step > 0 && now_.step % data_.steps_per_epoch() == 0; }
  /// At its end, or where patience ends.
  bool is_finished() const {
    const bool is_out_of_patience = options_.patience > 0 && is_epoch_end() &&
                                    epochs_done() - now_.best_epoch >= options_.patience;
    return now_.step == total_steps() || is_out_of_patience;
  }
  /// Of the step that @p number of them precede.
  double rate(std::int64_t number) const {
    return learning_rate(options_.schedule, number, data_.steps_per_epoch(), total_steps());
  }

  // Of rank 0.

  void print(const std::string& line) { writer_->print(line); }
  void announce() {
    for (const std::string& line : data_.faults()) print(line);
    keep_left_out();
    for (const std::string& note : data_.set().notes) print("note: " + note);
    const std::int64_t parameters = count_parameters(learner_.detector());
    const std::int64_t trained = count_trained(learner_.detector());
    print(options_.optimizer + " over " + options_.base + ", " + options_.model.model + " with " +
          std::to_string(parameters) + " parameters" +
          (trained < parameters ? ", of which " + std::to_string(trained) + " are trained" : ""));
    if (learner_.kept_stages() > 0) {
      print("what the first " + std::to_string(learner_.kept_stages()) + " of " +
            std::to_string(learner_.detector().stages()) +
            " stages make of an image is worked out once");
    }
    print("train on " + data_.domains_text() + "; validate on " +
          std::to_string(data_.val_frames()) + " frames; " + std::to_string(options_.epochs) +
          " epochs of " + std::to_string(data_.steps_per_epoch()) + " steps");
    if (const int warmup = options_.schedule.warmup_steps; warmup >= total_steps()) {
      print("warning: the learning rate rises to the end: the training has " +
            std::to_string(total_steps()) + " steps, and --warmup-steps " + std::to_string(warmup) +
            "; take fewer of these, or train longer");
    }
    if (const std::string text = data_.outlines_text(); !text.empty()) print(text);
    if (ranks_.are_several()) {
      print(std::to_string(ranks_.size()) + " ranks, which share the " +
            std::to_string(options_.pairs) + " pairs of each manipulation in a step");
    }
    if (data_.unpaired() > 0) {
      print(std::to_string(data_.unpaired()) +
            " fake frames have no real frame of the same number and go with a random one");
    }
    if (now_.step > 0) print("resumed after step " + std::to_string(now_.step));
  }
  void conclude() {
    for (const std::string& line : data_.broken_images()) print(line);
    keep_left_out();
    if (now_.step < total_steps() && is_finished()) {
      print("stopped early: no better val AUC for " + std::to_string(options_.patience) +
            " epochs");
    }
  }
  void keep_left_out() { replace_left_out(request_.run, "train", data_.left_out()); }

  Json checkpoint_state() {
    writer_->flush();
    Json state;
    state["options"] = to_json(options_);
    state["data_fingerprint"] = data_.set().fingerprint;
    state["epoch"] = epochs_done();
    state["finished"] = is_finished();
    state["progress"] = to_json(now_);
    return state;
  }

  // Of all ranks.

  void step() {
    const auto begin = Clock::now();
    const double lr = rate(now_.step);
    std::vector<Batch> batches;
    ranks_.together([&] { batches = data_.batches(now_.step); });
    const auto [outcome, seconds] = learner_.step(batches, now_.step, lr);
    now_.add(outcome);
    heed_skips();
    const bool is_row = now_.step % options_.log_steps == 0 || now_.step == total_steps();
    ranks_.on_first([&, in_optimizer = seconds] {
      writer_->time(in_optimizer, std::chrono::duration<double>(Clock::now() - begin).count());
      if (is_row) writer_->row(now_, (now_.step - 1) / data_.steps_per_epoch() + 1, lr);
      writer_->update(now_.step);
    });
    if (is_row) now_.begin_row();
  }

  void heed_skips() {
    if (now_.skipped_in_a_row == 1) {
      ranks_.on_first([&] {
        print("step " + std::to_string(now_.step) +
              ": loss or gradient is not finite; step skipped");
      });
    }
    if (now_.skipped_in_a_row == patience_with_skips) {
      throw std::runtime_error("loss or gradient has not been finite for " +
                               std::to_string(patience_with_skips) +
                               " steps: train again with a smaller --lr or --rho");
    }
  }

  void end_epoch() {
    const std::int64_t epoch = epochs_done();
    std::vector<EvalRow> rows;
    double frame_auc = 0, video_auc = 0;
    bool is_best = false;
    learner_.with_kept_weights([&](Detector& detector) {
      const std::vector<FrameScore> scores =
          data_.validate(detector, [&](std::size_t number) { return learner_.judge(number); });
      std::array<double, 2> of_first{};
      ranks_.on_first([&] {
        rows = evaluate_frames(scores, epoch, "val");
        of_first = {mean_auc(rows, frame_level), mean_auc(rows, video_level)};
        writer_->validation(now_.step, rows);
      });
      ranks_.add_up(of_first);
      frame_auc = of_first[0];
      video_auc = of_first[1];
      const double selected = options_.select == "frame" ? frame_auc : video_auc;
      is_best = now_.is_best(selected);
      if (!is_best) return;
      now_.best_epoch = epoch;
      now_.best_auc = selected;
      ranks_.on_first([&] {
        write_calibration(request_.run, calibrate(scores, epoch));
        learner_.save_detector(best_checkpoint(request_.run), checkpoint_state());
      });
    });
    ranks_.on_first([&] {
      merge_evals(request_.run, rows,
                  [&](const EvalRow& row) { return row.split == "val" && row.epoch >= epoch; });
      print("epoch " + std::to_string(epoch) + '/' + std::to_string(options_.epochs) + "  lr " +
            significant(rate(now_.step - 1)) + "  loss " + fixed(writer_->loss()) + "  val AUC " +
            fixed(frame_auc) + " frame, " + fixed(video_auc) + " video  " +
            fixed(writer_->images_per_second(), 0) + " img/s" +
            (now_.skipped > 0 ? "  " + std::to_string(now_.skipped) + " skipped" : "") +
            (is_best ? "  best" : ""));
    });
  }

  const TrainOptions& options_;
  const RunRequest& request_;
  Ranks& ranks_;
  TrainingData& data_;
  Learner& learner_;
  Progression& now_;
  std::optional<RunWriter>& writer_;
};

/// @throws std::runtime_error on all ranks, if two train with other options or on other data
void require_same_on_all(const TrainOptions& options, const TrainingSet& set, Ranks& ranks) {
  if (!ranks.are_several()) return;
  const std::vector<std::string> texts =
      ranks.of_all(Json{{"options", to_json(options)}, {"fingerprint", set.fingerprint}}.dump());
  const Json first = Json::parse(texts.front());
  for (std::size_t r = 1; r < texts.size(); ++r) {
    const Json other = Json::parse(texts[r]);
    const std::string between = "ranks 0 and " + std::to_string(r);
    for (const auto& [name, value] : first.at("options").items()) {
      const Json& given = other.at("options").at(name);
      if (given == value || may_differ(name)) continue;
      throw std::runtime_error(between + " have option " + name + " " + value.dump() + " and " +
                               given.dump() + ": start all ranks with the same options");
    }
    const DataChange change = data_change(first.at("fingerprint"), other.at("fingerprint"));
    if (change == DataChange::other_list || change == DataChange::other_sizes) {
      throw std::runtime_error(between + " have other data: the frames' " +
                               (change == DataChange::other_list ? "names" : "sizes") +
                               " differ; give each rank the same --data, or a copy of it");
    }
  }
}

/// The run's folder as rank 0 finds and leaves it before the first step.
class RunBeginning {
 public:
  RunBeginning(const TrainOptions& options, const RunRequest& request, std::size_t ranks,
               const TrainingData& data, Learner& learner, Progression& now)
      : lock_(request.run) {  // not before: what cannot be loaded leaves no folder
    const fs::path& run = request.run;
    const bool exists = is_run_folder(run);
    if (exists && !request.resume && !request.force) {
      throw std::runtime_error(run.string() +
                               ": a run is there already; continue it with --resume, or begin anew "
                               "with --force");
    }
    const bool resumes = request.resume && !request.force && fs::exists(last_checkpoint(run));
    std::string weights, not_compared;
    Json config;
    if (resumes) {
      const Json state = learner.load(last_checkpoint(run));
      not_compared = require_same(state, options, data.set(), run, request.verify,
                                  "correct that, or begin anew with --force");
      now = progression(state.at("progress"));
      if (exists) config = Json::parse(std::ifstream(run / "config.json"));
    } else {
      if (exists) clear_run(run);
      if (!options.weights.empty()) weights = to_text(learner.begin_with(options.weights));
      keep_model_file(options.model, run);
      keep_labels(data.set().labels, run);
    }
    write_config(run, config_of(options, run, data, learner, config, now.step, ranks));
    write_trained_on(run, without_pseudo(data.set().train));
    if (!resumes) write_pseudo_examples(run, data);
    writer_.emplace(run,
                    RunWriter::Plan{.domains = data.domains(),
                                    .images_per_step = data.images_per_step(),
                                    .total_steps = data.steps_per_epoch() * options.epochs},
                    now.step, resumes);
    if (!not_compared.empty()) writer_->print("warning: " + not_compared);
    if (!weights.empty()) writer_->print(options.weights + ": " + weights);
    if (!resumes) writer_->options(to_json(options).dump(1));
  }
  std::optional<RunWriter>& writer() { return writer_; }

 private:
  FolderLock lock_;
  std::optional<RunWriter> writer_;
};

}  // namespace

TrainResult train(const TrainOptions& options, const RunRequest& request) {
  Ranks alone;
  return train(options, request, alone);
}

TrainResult train(const TrainOptions& given, const RunRequest& request, Ranks& ranks) {
  TrainOptions options;
  std::optional<TrainingData> data;
  std::optional<Learner> learner;
  ranks.together([&] {
    validate(given);
    at::set_num_threads(given.threads);
    options = with_defaults(given);
    data.emplace(options, ranks, request.verify && ranks.is_first());
    options.protocol = data->set().protocol;
    const bool may_resume = request.resume && !request.force;
    learner.emplace(options, may_resume ? model_of_run(options.model, request.run) : options.model,
                    ranks);
  });
  require_same_on_all(options, data->set(), ranks);

  Progression now;
  now.summed_losses.assign(data->domains().size(), 0.0);
  std::optional<RunBeginning> beginning;
  std::optional<RunWriter> none;
  ranks.on_first([&] { beginning.emplace(options, request, ranks.size(), *data, *learner, now); });
  const std::string progress = ranks.of_first(to_json(now).dump());
  if (!ranks.is_first()) now = progression(Json::parse(progress));
  learner->join();
  return TrainingLoop(options, request, ranks, *data, *learner, now,
                      beginning ? beginning->writer() : none)
      .run();
}

}  // namespace deepfake
