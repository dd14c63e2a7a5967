// SPDX-License-Identifier: MIT
#include "training/evaluate.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <stdexcept>

#include "data/faults.hpp"
#include "report/run_files.hpp"
#include "report/table.hpp"
#include "training/checkpoint.hpp"
#include "training/nearest.hpp"
#include "training/progress.hpp"
#include "training/scoring.hpp"
#include "training/training_set.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != range.end();
}

/// The checkpoint, and the folder of its run.
struct Location {
  fs::path run;
  fs::path checkpoint;
};
Location locate(const EvaluateOptions& options) {
  const fs::path path = fs::absolute(options.run / "").parent_path();
  if (path.extension() == ".pt") return {path.parent_path().parent_path(), path};
  if (!fs::is_directory(path)) {
    throw std::runtime_error(options.run.string() + ": no such run folder or checkpoint");
  }
  const std::vector<std::string> known{"best", "last"};
  if (!contains(known, options.checkpoint)) {
    throw std::runtime_error(unknown_name("checkpoint", options.checkpoint, known));
  }
  return {path, path / "checkpoints" / (options.checkpoint + ".pt")};
}

}  // namespace

Evaluation evaluate(const EvaluateOptions& options) {
  at::set_num_threads(options.threads);
  const auto [run, checkpoint] = locate(options);
  const nlohmann::ordered_json state = read_checkpoint_state(checkpoint);
  TrainOptions trained;
  set_from_json(trained, state.at("options"), checkpoint.string());
  const std::shared_ptr<Detector> detector = make_detector(trained.model);
  load_checkpoint(checkpoint, *detector, nullptr);

  const RunConfig config = read_run(run).config;
  const std::string data = options.data.empty() ? config.data.string() : options.data;
  const Index index =
      load_index(locate_data(data, options.rgb_dir.empty() ? trained.rgb_dir : options.rgb_dir));
  const Selection selection{
      .datasets = options.datasets,
      .split = options.split,
      .compression = options.compression.empty() ? trained.compression : options.compression,
      .frames_per_video = options.frames_per_video};
  const std::vector<Index> parts = by_dataset(index, selection);

  Evaluation evaluation{index.synthetic, config.train_datasets, config.train_domains, {}, 0};
  std::size_t total = 0;
  for (const Index& part : parts) total += count_frames(part);
  Progress progress("evaluate", static_cast<std::int64_t>(total));
  std::vector<FrameScore> scores;
  const auto name = [&](const std::string& faults) {
    if (!faults.empty()) progress.print(faults);
  };
  for (const Index& part : parts) {
    name(faults_text(part));
    ImageCache streaming(part, trained.model.size, 0);
    const auto scored = [&](std::size_t frames) {
      evaluation.frames += frames;
      progress.update(static_cast<std::int64_t>(evaluation.frames), part.videos.front().dataset);
    };
    const auto of_part = score_frames(*detector, part, streaming, scored);
    scores.insert(scores.end(), of_part.begin(), of_part.end());
    name(broken_text(streaming.broken(), "skipped"));
  }
  evaluation.rows = evaluate_frames(scores, state.at("epoch").get<std::int64_t>(), options.split);
  merge_evals(run, evaluation.rows, [&](const EvalRow& row) {
    return row.split == options.split &&
           std::ranges::any_of(evaluation.rows,
                               [&](const EvalRow& fresh) { return fresh.dataset == row.dataset; });
  });
  // The report reads scores/ as the test's.
  if (options.split == "test") write_scores(run, scores);
  return evaluation;
}

void merge_evals(const fs::path& run, const std::vector<EvalRow>& rows,
                 const std::function<bool(const EvalRow&)>& is_replaced) {
  std::vector<EvalRow> all;
  if (fs::exists(run / "eval.csv")) all = read_evals(run);
  std::erase_if(all, is_replaced);
  all.insert(all.end(), rows.begin(), rows.end());
  write_evals(run, all);
}

std::string to_text(const Evaluation& evaluation) {
  Table table({"data set", "manipulation", "trained", "frames", "frame AUC", "95 % interval",
               "video AUC", "EER", "AP", "accuracy"});
  struct Mean {
    double frame = 0;
    double video = 0;
    int count = 0;
  } trained, unseen;
  const auto video_auc = [&](const EvalRow& of_frames) {
    for (const EvalRow& row : evaluation.rows) {
      if (row.level == video_level && row.dataset == of_frames.dataset &&
          row.domain == of_frames.domain) {
        return row.metrics.auc;
      }
    }
    return std::nan("");
  };
  for (const EvalRow& row : evaluation.rows) {
    if (row.level != frame_level) continue;
    const bool is_trained = contains(evaluation.train_datasets, row.dataset) &&
                            contains(evaluation.train_domains, row.domain);
    const bool is_all = row.domain == all_domains;
    const Metrics& metrics = row.metrics;
    const double of_videos = video_auc(row);
    if (!is_all) {
      Mean& mean = is_trained ? trained : unseen;
      mean.frame += metrics.auc;
      mean.video += of_videos;
      ++mean.count;
    }
    table.add({row.dataset, domain_title(row.domain, evaluation.synthetic && !is_all),
               is_all       ? ""
               : is_trained ? "yes"
                            : "no",
               std::to_string(metrics.n_real + metrics.n_fake), fixed(metrics.auc),
               fixed(metrics.auc_low) + "-" + fixed(metrics.auc_high), fixed(of_videos),
               fixed(metrics.eer), fixed(metrics.ap), fixed(metrics.acc)});
  }
  table.add_rule();
  const auto add_mean = [&](const char* name, const Mean& mean) {
    if (mean.count == 0) return;
    table.add(
        {"mean", name, "", "", fixed(mean.frame / mean.count), "", fixed(mean.video / mean.count)});
  };
  add_mean("trained on", trained);
  add_mean("not trained on", unseen);
  return table.text();
}

}  // namespace deepfake
