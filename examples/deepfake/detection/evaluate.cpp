// SPDX-License-Identifier: MIT
#include "detection/evaluate.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "data/faults.hpp"
#include "data/trained_on.hpp"
#include "files/folder_lock.hpp"
#include "runs/run_files.hpp"
#include "text/progress.hpp"
#include "text/table.hpp"
#include "training/scoring.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

/// Whether each row's manipulation was trained on, and where its frames come from.
void relate(std::vector<EvalRow>& rows, const DetectorTest& test) {
  const TrainedOn trained_on(test.trained.run, test.trained.config.train_domains);
  std::map<std::tuple<std::string, std::string, std::string>, Relation> relations;
  for (EvalRow& row : rows) {
    if (row.domain == all_domains) continue;
    const auto [found, is_new] = relations.try_emplace({row.dataset, row.compression, row.domain});
    if (is_new) {
      const auto part = std::ranges::find_if(test.parts, [&](const Index& one) {
        const Video& video = one.videos.front();
        return video.dataset == row.dataset && video.compression == row.compression;
      });
      found->second = trained_on.to(test.index, *part, row.domain);
    }
    row.trained = found->second.is_trained ? "yes" : "no";
    row.source = found->second.source;
    row.overlap = found->second.overlap;
  }
}

/// Whether results on this data take the place of @p row; older versions wrote no compression.
template <class Data>
bool replaces(const Data& data, const EvalRow& row) {
  return data.dataset == row.dataset &&
         (row.compression.empty() || data.compression == row.compression);
}

/// Results of two checkpoints do not go together; whoever cannot write them should not wait for
/// them.
void require_place(const EvaluateOptions& options, const DetectorTest& test) {
  const TrainedDetector& trained = test.trained;
  if (::access(trained.run.c_str(), W_OK) != 0) {
    throw std::runtime_error(trained.run.string() + ": the results cannot be written there");
  }
  if (!fs::exists(trained.run / "eval.csv")) return;
  for (const EvalRow& row : read_evals(trained.run)) {
    const bool is_replaced = std::ranges::any_of(
        test.parts, [&](const Index& part) { return replaces(part.videos.front(), row); });
    if (row.split == options.split && row.split != "val" && row.epoch != trained.epoch &&
        !is_replaced) {
      throw std::runtime_error(
          trained.run.string() + ": has results of epoch " + std::to_string(row.epoch) + " on " +
          row.dataset + ", and this checkpoint is of epoch " + std::to_string(trained.epoch) +
          "; evaluate that data set, too, or use the other checkpoint");
    }
  }
}

}  // namespace

Evaluation evaluate(const EvaluateOptions& options) {
  const DetectorTest test = open_test(options);
  require_place(options, test);
  const FolderLock lock(test.trained.run);
  const TrainedDetector& trained = test.trained;
  Evaluation evaluation{.synthetic = test.synthetic};
  Progress progress("evaluate", static_cast<std::int64_t>(test.frames));
  std::vector<FrameScore> scores;
  progress.keep(trained.run / "train.log");
  const auto name = [&](const std::string& faults) {
    if (!faults.empty()) progress.print(faults);
  };
  std::vector<LeftOut> lost;
  const auto lose = [&](const std::vector<LeftOut>& more) {
    lost.insert(lost.end(), more.begin(), more.end());
  };
  if (options.datasets.empty()) {
    Index all;
    all.faults.bad_files = test.index.faults.bad_files;
    name(faults_text(all));
    lose(left_out(all));
  }
  for (const Index& part : test.parts) {
    name(faults_text(part));
    lose(left_out(part));
    ImageCache streaming(part, trained.options.model.size, 0);
    const auto scored = [&](std::size_t frames) {
      evaluation.frames += frames;
      progress.update(static_cast<std::int64_t>(evaluation.frames), part.videos.front().dataset);
    };
    const auto of_part = score_frames(*trained.detector, part, streaming.source(), scored);
    name(broken_text(streaming.broken(), "skipped"));
    lose(streaming.left_out("skipped"));
    if (test.parts.size() > 1 && of_one_kind(of_part)) {
      name(left_out_text(part));
      lose({{"", part.videos.front().dataset, "data set of one class",
             part.videos.front().dataset + " > " + options.split, left_out_text(part)}});
      continue;
    }
    scores.insert(scores.end(), of_part.begin(), of_part.end());
  }
  replace_left_out(trained.run, "evaluate", std::move(lost), [&](const LeftOut& row) {
    return options.datasets.empty() || std::ranges::any_of(test.parts, [&](const Index& part) {
             return part.videos.front().dataset == row.dataset;
           });
  });
  if (scores.empty()) throw std::runtime_error(nothing_to_test);
  evaluation.level_of_videos = video_level_of(options.video_score);
  evaluation.rows = evaluate_frames(scores, trained.epoch, options.split, {}, options.video_score);
  relate(evaluation.rows, test);
  merge_evals(trained.run, evaluation.rows, [&](const EvalRow& row) {
    return row.split == options.split &&
           std::ranges::any_of(evaluation.rows,
                               [&](const EvalRow& fresh) { return replaces(fresh, row); });
  });
  // The report reads scores/ as the test's.
  if (options.split == "test") write_scores(trained.run, scores);
  return evaluation;
}

std::string to_text(const Evaluation& evaluation, std::size_t width) {
  const bool is_wide = width == 0;
  const auto has_compression = [](const EvalRow& row) { return !row.compression.empty(); };
  const bool is_compressed = is_wide || std::ranges::any_of(evaluation.rows, has_compression);
  std::vector<std::string> header{"data set"};
  if (is_compressed) header.push_back(is_wide ? "compression" : "c.");
  header.insert(header.end(), {"manipulation", "trained"});
  if (is_wide) header.push_back("frames");
  if (is_wide) {
    header.insert(header.end(),
                  {"frame AUC", "95 % interval", evaluation.level_of_videos + " AUC"});
  } else {
    header.insert(header.end(), {"frame", "95 %", "video"});
  }
  if (is_wide) header.insert(header.end(), {"frame EER", "frame AP", "frame accuracy"});
  Table table(header);
  struct Mean {
    ManipulationMean frame, video;
  } trained, unseen;
  const auto video_auc = [&](const EvalRow& of_frames) {
    for (const EvalRow& row : evaluation.rows) {
      if (row.level == evaluation.level_of_videos && row.dataset == of_frames.dataset &&
          row.domain == of_frames.domain && row.compression == of_frames.compression) {
        return row.metrics.auc;
      }
    }
    return std::nan("");
  };
  for (const EvalRow& row : evaluation.rows) {
    if (row.level != frame_level) continue;
    const bool is_all = row.domain == all_domains;
    const Metrics& metrics = row.metrics;
    const double of_videos = video_auc(row);
    if (!is_all) {
      Mean& mean = row.trained == "yes" ? trained : unseen;
      const TestedForgery manipulation{row.domain, row.compression, row.source};
      mean.frame.add(manipulation, metrics.auc);
      mean.video.add(manipulation, of_videos);
    }
    std::vector<std::string> cells{row.dataset};
    if (is_compressed) cells.push_back(row.compression);
    cells.insert(cells.end(),
                 {domain_title(row.domain, evaluation.synthetic && !is_all), row.trained});
    if (is_wide) cells.push_back(std::to_string(metrics.n_real + metrics.n_fake));
    cells.insert(cells.end(),
                 {fixed(metrics.auc), fixed(metrics.auc_low) + "-" + fixed(metrics.auc_high),
                  fixed(of_videos)});
    if (is_wide) {
      cells.insert(cells.end(), {fixed(metrics.eer), fixed(metrics.ap), fixed(metrics.acc)});
    }
    table.add(std::move(cells));
  }
  table.add_rule();
  const auto add_mean = [&](const char* name, const Mean& mean) {
    if (mean.frame.count() == 0) return;
    std::vector<std::string> cells{"mean"};
    if (is_compressed) cells.emplace_back();
    cells.insert(cells.end(), {name, ""});
    if (is_wide) cells.emplace_back();
    cells.insert(cells.end(), {fixed(mean.frame.mean()), "", fixed(mean.video.mean())});
    table.add(std::move(cells));
  };
  add_mean("trained on", trained);
  add_mean("not trained on", unseen);
  std::string text;
  if (!is_wide) {
    text = "frame AUC with its 95 % interval, " + evaluation.level_of_videos +
           " AUC; --wide shows more\n";
  }
  text += table.text(width, is_compressed ? 3 : 2);
  Overlaps overlaps;
  for (const EvalRow& row : evaluation.rows) {
    if (row.level != frame_level) continue;
    overlaps.add(
        row.dataset + " > " + row.domain + (row.compression.empty() ? "" : " > " + row.compression),
        row.trained == "yes", row.overlap);
  }
  for (const std::string& line : overlaps.lines()) text += line + '\n';
  return text;
}

}  // namespace deepfake
