// SPDX-License-Identifier: MIT
#include "metrics/evaluation.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace deepfake {
namespace {

struct Columns {
  std::vector<double> scores;
  std::vector<int> labels;
  std::vector<std::string> videos;
};

Columns to_columns(std::span<const FrameScore> rows) {
  Columns columns;
  for (const FrameScore& row : rows) {
    columns.scores.push_back(row.prob);
    columns.labels.push_back(row.label);
    columns.videos.push_back(row.domain + '/' + row.video);
  }
  return columns;
}

Metrics evaluate_with_interval(std::span<const FrameScore> rows, const Bootstrap& bootstrap) {
  const Columns columns = to_columns(rows);
  Metrics metrics = evaluate_scores(columns.scores, columns.labels);
  const Interval interval = auc_interval(columns.scores, columns.labels, columns.videos, bootstrap);
  metrics.auc_low = interval.low;
  metrics.auc_high = interval.high;
  return metrics;
}

double aggregated(std::vector<double>& scores, VideoScore aggregate) {
  if (aggregate == VideoScore::max) return std::ranges::max(scores);
  if (aggregate == VideoScore::mean) {
    return std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
  }
  std::ranges::sort(scores);
  const std::size_t half = scores.size() / 2;
  return scores.size() % 2 == 1 ? scores[half] : (scores[half - 1] + scores[half]) / 2;
}

template <class Range, class Value>
void add_if_new(Range& seen, const Value& value) {
  if (std::ranges::find(seen, value) == seen.end()) seen.push_back(value);
}

}  // namespace

VideoScore video_score_named(const std::string& name) {
  if (name == "mean") return VideoScore::mean;
  if (name == "max") return VideoScore::max;
  if (name == "median") return VideoScore::median;
  throw std::runtime_error("a video's score is the mean, max or median of its frames, not '" +
                           name + "'");
}

std::string video_level_of(VideoScore aggregate) {
  switch (aggregate) {
    case VideoScore::max:
      return "video max";
    case VideoScore::median:
      return "video median";
    case VideoScore::mean:
      break;
  }
  return video_level;
}

std::vector<FrameScore> video_scores(std::span<const FrameScore> frames, VideoScore aggregate) {
  std::map<std::tuple<std::string, std::string, std::string, int, std::string>, std::size_t>
      position;
  std::vector<FrameScore> videos;
  std::vector<std::vector<double>> scores;
  for (const FrameScore& frame : frames) {
    const auto [found, is_new] = position.try_emplace(
        {frame.dataset, frame.compression, frame.domain, frame.label, frame.video}, videos.size());
    if (is_new) {
      videos.push_back(frame);
      videos.back().frame.clear();
      scores.emplace_back();
    }
    scores[found->second].push_back(frame.prob);
  }
  for (std::size_t i = 0; i < videos.size(); ++i) {
    videos[i].prob = aggregated(scores[i], aggregate);
  }
  return videos;
}

std::vector<EvalRow> evaluate_frames(std::span<const FrameScore> frames, std::int64_t epoch,
                                     const std::string& split, const Bootstrap& bootstrap,
                                     VideoScore aggregate) {
  std::vector<VideoScore> aggregates{VideoScore::mean};
  if (aggregate != VideoScore::mean) aggregates.push_back(aggregate);
  std::vector<std::pair<std::string, std::string>> datasets;
  for (const FrameScore& frame : frames) {
    add_if_new(datasets, std::pair(frame.dataset, frame.compression));
  }

  std::vector<EvalRow> rows;
  for (const auto& set : datasets) {
    const std::string &dataset = set.first, &compression = set.second;
    std::vector<FrameScore> of_dataset;
    std::vector<std::string> domains;
    for (const FrameScore& frame : frames) {
      if (frame.dataset != dataset || frame.compression != compression) continue;
      of_dataset.push_back(frame);
      if (frame.label == 1) add_if_new(domains, frame.domain);
    }
    if (domains.size() != 1) domains.push_back(all_domains);
    for (const std::string& domain : domains) {
      std::vector<FrameScore> of_domain;
      std::ranges::copy_if(of_dataset, std::back_inserter(of_domain), [&](const FrameScore& row) {
        return row.label == 0 || domain == all_domains || row.domain == domain;
      });
      try {
        rows.push_back({epoch, dataset, domain, split, frame_level,
                        evaluate_with_interval(of_domain, bootstrap), compression});
        for (const VideoScore of_video : aggregates) {
          rows.push_back({epoch, dataset, domain, split, video_level_of(of_video),
                          evaluate_with_interval(video_scores(of_domain, of_video), bootstrap),
                          compression});
        }
      } catch (const std::runtime_error& error) {
        throw std::runtime_error("data set " + dataset + ", split " + split + ": " + error.what());
      }
    }
  }
  return rows;
}

}  // namespace deepfake
