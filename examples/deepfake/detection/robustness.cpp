// SPDX-License-Identifier: MIT
#include "detection/robustness.hpp"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <utility>

#include "data/faults.hpp"
#include "data/image_cache.hpp"
#include "data/trained_on.hpp"
#include "images/jpeg.hpp"
#include "images/resize.hpp"
#include "random/random.hpp"
#include "text/progress.hpp"
#include "text/table.hpp"
#include "text/unknown_name.hpp"
#include "training/scoring.hpp"

namespace deepfake {
namespace {

cv::Mat blurred(const cv::Mat& image, double sigma) {
  cv::Mat result;
  cv::GaussianBlur(image, result, {}, sigma);
  return result;
}

cv::Mat noisy(const cv::Mat& image, double deviation, std::uint64_t key) {
  Random random = Random(key).fork("noise");
  cv::Mat sum;
  image.convertTo(sum, CV_32F);
  for (int row = 0; row < sum.rows; ++row) {
    auto* values = sum.ptr<float>(row);
    for (int i = 0; i < sum.cols * 3; ++i) {
      values[i] += random.normal(0, static_cast<float>(deviation));
    }
  }
  cv::Mat result;
  sum.convertTo(result, CV_8U);
  return result;
}

/// AUC of each manipulation at both levels, side by side.
std::vector<RobustnessRow> rows_of(const std::vector<EvalRow>& evals, const std::string& corruption,
                                   double level) {
  std::vector<RobustnessRow> rows;
  for (const EvalRow& frames : evals) {
    if (frames.level != frame_level || frames.domain == all_domains) continue;
    const auto videos = std::ranges::find_if(evals, [&](const EvalRow& row) {
      return row.level == video_level && row.dataset == frames.dataset &&
             row.domain == frames.domain && row.compression == frames.compression;
    });
    rows.push_back({corruption, level, frames.dataset, frames.domain, frames.metrics.auc,
                    videos->metrics.auc, frames.compression});
  }
  return rows;
}

}  // namespace

const std::vector<Corruption>& corruptions() {
  static const std::vector<Corruption> all{{"jpeg", {90, 70, 50, 30}},
                                           {"blur", {0.5, 1, 2, 3}},
                                           {"resize", {0.75, 0.5, 0.25}},
                                           {"noise", {2, 5, 10, 20}}};
  return all;
}

cv::Mat corrupt(const cv::Mat& image, const std::string& corruption, double level,
                std::uint64_t key) {
  if (corruption == no_corruption) return image;
  if (corruption == "jpeg") return rgb_through_jpeg(image, static_cast<int>(level));
  if (corruption == "blur") return blurred(image, level);
  if (corruption == "resize") {
    return resampled(image, level, cv::INTER_AREA, cv::INTER_LINEAR);
  }
  if (corruption == "noise") return noisy(image, level, key);
  std::vector<std::string> known;
  for (const Corruption& one : corruptions()) known.push_back(one.name);
  throw std::runtime_error(unknown_name("corruption", corruption, known));
}

std::vector<RobustnessRow> robustness(const TestOptions& options,
                                      const std::vector<std::string>& names) {
  struct Setting {
    std::string corruption;
    double level;
  };
  std::vector<Setting> settings{{no_corruption, 0}};
  for (const std::string& name : names)
    corrupt(cv::Mat(2, 2, CV_8UC3), name, 1, 0);  // is it known?
  for (const Corruption& corruption : corruptions()) {
    if (!names.empty() && std::ranges::find(names, corruption.name) == names.end()) continue;
    for (const double level : corruption.levels) settings.push_back({corruption.name, level});
  }
  const DetectorTest test = open_test(options);
  const int size = test.trained.options.model.size;
  Progress progress("robustness", static_cast<std::int64_t>(test.frames * settings.size()));
  std::int64_t done = 0;
  std::vector<RobustnessRow> rows;
  std::vector<LeftOut> lost;
  for (const Setting& setting : settings) {
    std::vector<FrameScore> scores;
    for (const Index& part : test.parts) {
      ImageCache streaming(part, 0, 0);
      const auto spoiled = [&, source = streaming.source()](FrameRef frame) {
        const cv::Mat image = source(frame);
        if (image.empty()) return image;
        const std::uint64_t key =
            Random(frame.video).fork("frame", static_cast<std::int64_t>(frame.frame)).bits();
        return resized(corrupt(image, setting.corruption, setting.level, key), size);
      };
      const auto scored = [&](std::size_t frames) {
        done += static_cast<std::int64_t>(frames);
        progress.update(done, setting.corruption);
      };
      const auto of_part = score_frames(*test.trained.detector, part, spoiled, scored);
      const auto name = [&](const std::string& faults) {
        if (setting.corruption == no_corruption && !faults.empty()) progress.print(faults);
      };
      name(broken_text(streaming.broken(), "skipped"));
      if (setting.corruption == no_corruption) {
        const std::vector<LeftOut> broken = streaming.left_out("skipped");
        lost.insert(lost.end(), broken.begin(), broken.end());
      }
      if (test.parts.size() > 1 && of_one_kind(of_part)) {
        name(left_out_text(part));
        continue;
      }
      scores.insert(scores.end(), of_part.begin(), of_part.end());
    }
    if (scores.empty()) throw std::runtime_error(nothing_to_test);
    // The intervals are not asked for here.
    const auto of_setting =
        rows_of(evaluate_frames(scores, test.trained.epoch, options.split, {.resamples = 1}),
                setting.corruption, setting.level);
    rows.insert(rows.end(), of_setting.begin(), of_setting.end());
  }
  replace_left_out(test.trained.run, "robustness", std::move(lost));
  write_robustness(test.trained.run, rows);
  return rows;
}

std::string to_text(const std::vector<RobustnessRow>& rows) {
  Table table({"corruption", "level", "mean frame AUC", "mean video AUC", "change"});
  double clean = 0;
  for (std::size_t begin = 0; begin < rows.size();) {
    const RobustnessRow& first = rows[begin];
    ManipulationMean frames, videos;
    std::size_t end = begin;
    for (; end < rows.size() && rows[end].corruption == first.corruption &&
           rows[end].level == first.level;
         ++end) {
      frames.add({rows[end].domain, rows[end].compression}, rows[end].frame_auc);
      videos.add({rows[end].domain, rows[end].compression}, rows[end].video_auc);
    }
    const double frame = frames.mean(), video = videos.mean();
    const bool is_clean = first.corruption == no_corruption;
    if (is_clean) clean = frame;
    table.add({first.corruption, is_clean ? "" : to_csv(first.level), fixed(frame), fixed(video),
               is_clean ? "" : fixed(frame - clean)});
    begin = end;
  }
  return table.text();
}

}  // namespace deepfake
