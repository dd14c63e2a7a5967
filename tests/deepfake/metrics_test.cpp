// SPDX-License-Identifier: MIT
#include "metrics/metrics.hpp"
#include "metrics/calibration.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "metrics/bootstrap.hpp"
#include "metrics/evaluation.hpp"
#include "metrics/paired.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using deepfake::testing::mentions;
using deepfake::testing::message_of;

namespace {

struct Sample {
  std::vector<double> scores;
  std::vector<int> labels;
};

// scikit-learn's own documentation example.
const Sample documented{{.1, .4, .35, .8}, {0, 0, 1, 1}};

// Ties across and within the classes.
const Sample tied{{.9, .8, .8, .7, .5, .5, .5, .3, .2, .1, .1, .05},
                  {1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0}};

// Sixty scores on a grid of 1/25, so with many ties; 19 fakes.
const Sample gridded{
    {.48, .72, .2,  .08, .04, .76, .28, .48, .48, .8,  .2,  .64, .64, .16, .72,
     .4,  .44, .24, .28, .76, .52, .24, .64, .48, .04, .52, .52, .4,  .4,  .6,
     .52, .84, 0.,  .56, .32, .76, .56, .28, .24, .8,  .68, .72, .44, .72, .32,
     .16, .4,  .36, .64, .72, .04, .24, .28, .72, .56, .52, .92, .6,  .08, .72},
    {1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0,
     1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0}};

TEST_CASE("precision-recall curve and confusion: by counting", "[metrics]") {
  // Two ties at .8 (one of each), fakes at .9 and .1, reals at .5 and .2.
  const std::vector<double> scores{.9, .8, .8, .5, .2, .1};
  const std::vector<int> labels{1, 1, 0, 0, 0, 1};
  const auto curve = precision_recall_curve(scores, labels);
  REQUIRE(curve.size() == 5);
  double area = 0, recall = 0;
  for (const PrPoint& point : curve) {
    double above = 0, fakes = 0, all_fakes = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      all_fakes += labels[i];
      if (scores[i] < point.threshold) continue;
      ++above;
      fakes += labels[i];
    }
    CHECK(point.precision == Approx(fakes / above));
    CHECK(point.recall == Approx(fakes / all_fakes));
    area += (point.recall - recall) * point.precision;
    recall = point.recall;
  }
  CHECK(recall == 1);
  CHECK(average_precision(scores, labels) == Approx(area));

  const Confusion counts = confusion(scores, labels, .5);  // .5 itself is real: strictly above
  CHECK(counts.real_as_real == 2);
  CHECK(counts.real_as_fake == 1);
  CHECK(counts.fake_as_real == 1);
  CHECK(counts.fake_as_fake == 2);
}

}  // namespace

// The expected numbers of this file are those of metrics_oracle.py, which works in exact fractions
// by other definitions: AUC over all pairs of a fake and a real, average precision by fake, ROC
// points by counting at each distinct score, and so on.
TEST_CASE("measures equal their naive definitions", "[metrics]") {
  const auto [sample, auc_, eer, eer_between, ap, acc, bacc, brier_, ece] =
      GENERATE(table<Sample, double, double, double, double, double, double, double, double>({
          {documented, 3. / 4, 1. / 2, 1. / 2, 5. / 6, 3. / 4, 3. / 4, 0.158125, 0.1375},
          {tied, 25. / 36, 1. / 2, 7. / 18, 7685. / 11088, 2. / 3, 2. / 3, 0.24020833333333333,
           0.27083333333333333},
          {gridded, 542. / 779, 16. / 41, 60. / 161, 0.5557910973559244, 19. / 30, 504. / 779,
           0.22138666666666667, 0.20666666666666667},
      }));
  const auto& [scores, labels] = sample;
  CHECK(auc(scores, labels) == Approx(auc_).epsilon(1e-14));
  CHECK(eer_sklearn_style(scores, labels) == Approx(eer).epsilon(1e-14));
  CHECK(eer_interpolated(scores, labels) == Approx(eer_between).epsilon(1e-14));
  CHECK(average_precision(scores, labels) == Approx(ap).epsilon(1e-14));
  CHECK(accuracy(scores, labels) == Approx(acc).epsilon(1e-14));
  CHECK(balanced_accuracy(scores, labels) == Approx(bacc).epsilon(1e-14));
  CHECK(brier(scores, labels) == Approx(brier_).epsilon(1e-13));
  CHECK(expected_calibration_error(scores, labels) == Approx(ece).epsilon(1e-13));

  const Metrics all = evaluate_scores(scores, labels);
  CHECK(all.n_real + all.n_fake == static_cast<std::int64_t>(scores.size()));
  CHECK(all.auc == auc(scores, labels));
  CHECK(all.eer == eer_sklearn_style(scores, labels));
  CHECK(all.eer_interpolated == eer_interpolated(scores, labels));
  CHECK(all.ap == average_precision(scores, labels));
  CHECK(all.acc == accuracy(scores, labels));
  CHECK(all.bacc == balanced_accuracy(scores, labels));
  CHECK(all.brier == brier(scores, labels));
  CHECK(all.ece == expected_calibration_error(scores, labels));
  CHECK(std::isnan(all.auc_low));
}

TEST_CASE("the ROC curve lists one point per distinct score", "[metrics]") {
  const std::vector<RocPoint> curve = roc_curve(tied.scores, tied.labels, Collinear::keep);
  const std::vector<std::pair<double, double>> expected{
      {0, 0},           {0, 1. / 6},      {1. / 6, 1. / 3},
      {1. / 6, 1. / 2}, {1. / 2, 2. / 3}, {1. / 2, 5. / 6},
      {2. / 3, 5. / 6}, {5. / 6, 1},      {1, 1}};
  REQUIRE(curve.size() == expected.size());
  for (std::size_t i = 0; i < curve.size(); ++i) {
    CHECK(curve[i].fpr == Approx(expected[i].first));
    CHECK(curve[i].tpr == Approx(expected[i].second));
  }
  CHECK(std::isinf(curve.front().threshold));
  CHECK(curve[2].threshold == .8);

  CHECK(roc_curve(gridded.scores, gridded.labels, Collinear::keep).size() == 23);
  CHECK(roc_curve(gridded.scores, gridded.labels, Collinear::drop).size() == 21);
}

TEST_CASE("the largest TPR within an FPR limit is that of a real threshold", "[metrics]") {
  CHECK(tpr_at_fpr(tied.scores, tied.labels, 0.1) == Approx(1. / 6));
  CHECK(tpr_at_fpr(tied.scores, tied.labels, 1. / 6) == Approx(1. / 2));
  const auto [sample_, expected] =
      GENERATE(table<Sample, double>({{documented, 1. / 2}, {tied, 1. / 6}, {gridded, 4. / 19}}));
  for (const double limit : {.01, .05, .1}) {
    CHECK(tpr_at_fpr(sample_.scores, sample_.labels, limit) == Approx(expected));
  }
  // 100 reals and a fake at each score but the ten highest of the reals: 1, 5 and 10 % FPR differ.
  Sample sample;
  for (int i = 1; i <= 100; ++i) {
    sample.scores.push_back(i / 101.);
    sample.labels.push_back(0);
    sample.scores.push_back((i + .5) / 101);
    sample.labels.push_back(1);
  }
  const Metrics metrics = evaluate_scores(sample.scores, sample.labels);
  CHECK(metrics.tpr_at_1 == Approx(.02));
  CHECK(metrics.tpr_at_5 == Approx(.06));
  CHECK(metrics.tpr_at_10 == Approx(.11));
}

TEST_CASE("degenerate score sets have defined measures", "[metrics]") {
  const std::vector<int> labels{0, 1, 0, 1};
  SECTION("perfect") {
    const Metrics metrics = evaluate_scores(std::vector<double>{0, 1, 0, 1}, labels);
    CHECK(metrics.auc == 1);
    CHECK(metrics.eer == 0);
    CHECK(metrics.eer_interpolated == 0);
    CHECK(metrics.ap == 1);
    CHECK(metrics.tpr_at_1 == 1);
    CHECK(metrics.brier == 0);
    CHECK(metrics.ece == 0);
  }
  SECTION("reversed") {
    const Metrics metrics = evaluate_scores(std::vector<double>{1, 0, 1, 0}, labels);
    CHECK(metrics.auc == 0);
    CHECK(metrics.eer == 1);
    CHECK(metrics.eer_interpolated == 1);
    CHECK(metrics.ap == .5);
    CHECK(metrics.acc == 0);
    CHECK(metrics.bacc == 0);
    CHECK(metrics.tpr_at_10 == 0);
    CHECK(metrics.brier == 1);
    CHECK(metrics.ece == 1);
  }
  SECTION("constant, at the threshold, which counts as real") {
    const Metrics metrics = evaluate_scores(std::vector<double>{.5, .5, .5, .5}, labels);
    CHECK(metrics.auc == .5);
    CHECK(metrics.eer == 0);  // scikit-learn's way: of two equally bad points, the first
    CHECK(metrics.eer_interpolated == .5);
    CHECK(metrics.ap == .5);
    CHECK(metrics.acc == .5);
    CHECK(metrics.bacc == .5);
    CHECK(metrics.tpr_at_10 == 0);
    CHECK(metrics.brier == .25);
    CHECK(metrics.ece == 0);
  }
  SECTION("constant, one fake among four reals") {
    const Metrics metrics =
        evaluate_scores(std::vector<double>{.7, .7, .7, .7, .7}, std::vector<int>{0, 1, 0, 0, 0});
    CHECK(metrics.auc == .5);
    CHECK(metrics.eer_interpolated == .5);
    CHECK(metrics.ap == Approx(.2));
    CHECK(metrics.acc == Approx(.2));
    CHECK(metrics.bacc == .5);
    CHECK(metrics.brier == Approx(.41));
    CHECK(metrics.ece == Approx(.5));
  }
}

TEST_CASE("bad input is one clear line", "[metrics]") {
  const std::vector<double> scores{.1, .2};
  CHECK(mentions(message_of([&] {
                   (void)auc(scores, std::vector<int>{1, 1});
                 }),
                 "0 real and 2 fake"));
  CHECK(mentions(message_of([&] {
                   (void)average_precision(scores, std::vector<int>{0, 0});
                 }),
                 "2 real and 0 fake"));
  CHECK(mentions(message_of([&] { (void)accuracy(scores, std::vector<int>{0}); }),
                 "2 scores and 1 labels"));
  CHECK(mentions(message_of([&] { (void)auc(scores, std::vector<int>{0, 2}); }), "got 2"));
  const std::vector<double> broken{.1, std::numeric_limits<double>::quiet_NaN()};
  CHECK(mentions(message_of([&] {
                   (void)auc(broken, std::vector<int>{0, 1});
                 }),
                 "score number 1 is not finite"));
  const std::vector<double> logits{-2, 3};
  CHECK(auc(logits, std::vector<int>{0, 1}) == 1);
  CHECK(mentions(message_of([&] { (void)brier(logits, std::vector<int>{0, 1}); }), "sigmoid"));
}

TEST_CASE("the AUC's interval resamples whole videos", "[metrics][bootstrap]") {
  std::vector<std::string> each_alone;
  for (std::size_t i = 0; i < gridded.scores.size(); ++i) each_alone.push_back(std::to_string(i));
  const Interval interval = auc_interval(gridded.scores, gridded.labels, each_alone);
  CHECK(interval.low < 542. / 779);
  CHECK(interval.high > 542. / 779);
  // DeLong's standard error of this sample is 0.0709: 1.96 of it each way, within sampling noise.
  CHECK(interval.high - interval.low == Approx(2 * 1.96 * 0.0709).epsilon(0.05));

  const Interval again = auc_interval(gridded.scores, gridded.labels, each_alone);
  CHECK(again.low == interval.low);
  CHECK(again.high == interval.high);
  const Interval other = auc_interval(gridded.scores, gridded.labels, each_alone, {.seed = 1});
  CHECK(other.low != interval.low);

  // Four copies of each frame in its video tell nothing new: the interval must not shrink.
  Sample copied;
  std::vector<std::string> videos;
  for (int copy = 0; copy < 4; ++copy) {
    copied.scores.insert(copied.scores.end(), gridded.scores.begin(), gridded.scores.end());
    copied.labels.insert(copied.labels.end(), gridded.labels.begin(), gridded.labels.end());
    videos.insert(videos.end(), each_alone.begin(), each_alone.end());
  }
  const Interval grouped = auc_interval(copied.scores, copied.labels, videos);
  CHECK(grouped.low == Approx(interval.low));
  CHECK(grouped.high == Approx(interval.high));

  const std::vector<std::string> one_video(gridded.scores.size(), "only");
  const Interval none = auc_interval(gridded.scores, gridded.labels, one_video);
  CHECK(none.low == Approx(none.high));
  CHECK(mentions(message_of([&] {
                   (void)auc_interval(gridded.scores, gridded.labels, each_alone, {.resamples = 0});
                 }),
                 "resamples >= 1"));
}

TEST_CASE("a paired difference is sharper than two intervals", "[metrics][bootstrap]") {
  std::vector<double> better = gridded.scores;
  std::vector<std::string> videos;
  for (std::size_t i = 0; i < better.size(); ++i) {
    if (gridded.labels[i] == 1) better[i] = std::min(1.0, better[i] + .08);
    videos.push_back(std::to_string(i));
  }
  const PairedDifference gain =
      paired_auc_difference(better, gridded.scores, gridded.labels, videos);
  CHECK(gain.difference ==
        Approx(auc(better, gridded.labels) - auc(gridded.scores, gridded.labels)));
  CHECK(gain.interval.low > 0);
  CHECK(gain.p_value == Approx(2. / 1001));  // no resample of 1000 favours the other
  const PairedDifference none = paired_auc_difference(better, better, gridded.labels, videos);
  CHECK(none.difference == 0);
  CHECK(none.p_value == 1);
}

TEST_CASE("videos are told apart by data set, manipulation and name", "[metrics][evaluation]") {
  const std::vector<FrameScore> frames{
      {"FF", "FF-DF", "000_003", "0", 1, .9},     {"FF", "FF-DF", "000_003", "1", 1, .7},
      {"FF", "FF-NT", "000_003", "0", 1, .2},     {"FF", "FF-real", "000", "0", 0, .1},
      {"FF", "FF-real", "000", "1", 0, .4},       {"FF", "FF-real", "003", "0", 0, .3},
      {"Other", "Other_real", "000", "0", 0, .6}, {"Other", "Other_fake", "000", "0", 1, .5},
  };
  const std::vector<FrameScore> videos = video_scores(frames);
  REQUIRE(videos.size() == 6);
  CHECK(videos[0].domain == "FF-DF");
  CHECK(videos[0].prob == Approx(.8));
  CHECK(videos[1].domain == "FF-NT");
  CHECK(videos[1].prob == Approx(.2));
  CHECK(videos[2].prob == Approx(.25));

  const std::vector<EvalRow> rows = evaluate_frames(frames, 7, "test");
  std::vector<std::string> names;
  for (const EvalRow& row : rows) names.push_back(row.dataset + ' ' + row.domain + ' ' + row.level);
  CHECK(names == std::vector<std::string>{"FF FF-DF frame", "FF FF-DF video", "FF FF-NT frame",
                                          "FF FF-NT video", "FF all frame", "FF all video",
                                          "Other Other_fake frame", "Other Other_fake video"});
  CHECK(rows[0].metrics.n_fake == 2);
  CHECK(rows[0].metrics.n_real == 3);
  CHECK(rows[0].metrics.auc == 1);
  CHECK(rows[2].metrics.auc == Approx(1. / 3));
  CHECK(rows[3].metrics.auc == 0);
  CHECK(rows[4].metrics.auc == Approx(7. / 9));
  CHECK(rows[6].metrics.auc == 0);
  CHECK(rows[0].epoch == 7);
  CHECK(rows[0].split == "test");
  CHECK(std::isfinite(rows[4].metrics.auc_low));

  // One video with the scores .9, .7 and .2.
  std::vector<FrameScore> three(frames.begin(), frames.begin() + 2);
  three.push_back({"FF", "FF-DF", "000_003", "2", 1, .2});
  CHECK(video_scores(three)[0].prob == Approx(.6));
  CHECK(video_scores(three, VideoScore::max)[0].prob == .9);
  CHECK(video_scores(three, VideoScore::median)[0].prob == .7);
  CHECK(video_scores(frames, VideoScore::median)[0].prob == Approx(.8));
  // Against the real videos .25 and .3, or .4 and .3 by maximum, with a fake at .35.
  std::vector<FrameScore> close(frames.begin() + 4, frames.begin() + 6);
  close.push_back({"FF", "FF-DF", "001_002", "0", 1, .35});
  close.push_back({"FF", "FF-real", "000", "0", 0, .1});
  const std::vector<EvalRow> by_max =
      evaluate_frames(close, 0, "test", {.resamples = 10}, VideoScore::max);
  REQUIRE(by_max.size() == 3);
  CHECK(by_max[1].level == "video");
  CHECK(by_max[1].metrics.auc == 1);
  CHECK(by_max[2].level == "video max");
  CHECK(by_max[2].metrics.auc == .5);
  CHECK(video_score_named("median") == VideoScore::median);
  CHECK(mentions(message_of([] { (void)video_score_named("top"); }), "max or median"));

  CHECK(mentions(
      message_of([&] { (void)evaluate_frames(std::span(frames).subspan(6, 1), 0, "test"); }),
      "data set Other, split test: an evaluation needs real and fake"));
}

namespace {

/// The gridded sample, every frame a video of its own; two thirds of the fakes are raised.
std::vector<FrameScore> gridded_frames(double gain, double twice_the_gain,
                                       const std::string& domain = "FF-DF") {
  std::vector<FrameScore> frames;
  for (std::size_t i = 0; i < gridded.scores.size(); ++i) {
    const bool is_fake = gridded.labels[i] == 1;
    const double added = !is_fake || i % 3 == 0 ? 0 : i % 3 == 1 ? gain : twice_the_gain;
    frames.push_back({"FF", is_fake ? domain : "FF-real", std::to_string(i), "0", gridded.labels[i],
                      std::min(1.0, gridded.scores[i] + added)});
  }
  return frames;
}

}  // namespace

TEST_CASE("resamples are the same for every run on the same videos", "[metrics][paired]") {
  const std::vector<FrameScore> plain = gridded_frames(0, 0), better = gridded_frames(.08, .16);
  const ResampledAuc first = resampled_auc(plain, "FF", "FF-DF");
  CHECK(first.observed == Approx(542. / 779).epsilon(1e-14));
  REQUIRE(first.resampled.size() == 1000);
  const ResampledAuc second = resampled_auc(better, "FF", "FF-DF");
  CHECK(first.test == second.test);
  // Raised fakes are higher on each resample, which would not hold on resamples of their own.
  for (std::size_t n = 0; n < 1000; ++n) REQUIRE(second.resampled[n] >= first.resampled[n]);

  // The order of rows, and rows of other data, change nothing.
  std::vector<FrameScore> shuffled(plain.rbegin(), plain.rend());
  shuffled.push_back({"FF", "FF-NT", "9", "0", 1, .9});
  shuffled.push_back({"Other", "Other_real", "9", "0", 0, .1});
  const ResampledAuc again = resampled_auc(shuffled, "FF", "FF-DF");
  CHECK(again.test == first.test);
  CHECK(again.resampled == first.resampled);
  CHECK(resampled_auc(plain, "FF", "FF-DF", {.seed = 1}).resampled != first.resampled);

  std::vector<FrameScore> fewer(plain.begin(), plain.end() - 1);
  CHECK(resampled_auc(fewer, "FF", "FF-DF").test != first.test);
  CHECK(mentions(message_of([&] { (void)resampled_auc(plain, "FF", "FF-NT"); }),
                 "FF, FF-NT: an evaluation needs real and fake samples"));
}

TEST_CASE("a paired difference averages over seeds and manipulations", "[metrics][paired]") {
  const ResampledAuc plain = resampled_auc(gridded_frames(0, 0), "FF", "FF-DF");
  const ResampledAuc better = resampled_auc(gridded_frames(.08, .16), "FF", "FF-DF");
  // metrics_oracle.py: 0.060976, and 0.0263 to 0.1014 with resamples of another generator.
  const PairedDifference gain = paired_difference(std::vector{better}, std::vector{plain});
  CHECK(gain.difference == Approx(.060976).epsilon(1e-5));
  CHECK(gain.interval.low == Approx(.0263).margin(.004));
  CHECK(gain.interval.high == Approx(.1014).margin(.006));
  CHECK(gain.p_value == Approx(2. / 1001));
  const PairedDifference loss = paired_difference(std::vector{plain}, std::vector{better});
  CHECK(loss.difference == -gain.difference);
  CHECK(loss.interval.low == Approx(-gain.interval.high));
  CHECK(loss.p_value == gain.p_value);
  const PairedDifference none = paired_difference(std::vector{plain}, std::vector{plain});
  CHECK(none.difference == 0);
  CHECK(none.p_value == 1);

  // Two seeds, one with and one without the gain: half of it.
  const PairedDifference half =
      paired_difference(std::vector{better, plain}, std::vector{plain, plain, plain});
  CHECK(half.difference == Approx(gain.difference / 2));
  CHECK(half.interval.high == Approx(gain.interval.high / 2));

  // Reals are drawn once for all manipulations of a data set, fakes each apart: the interval of the
  // mean is narrower than that of one manipulation.
  const auto other = [](double a, double b) {
    return resampled_auc(gridded_frames(a, b, "FF-NT"), "FF", "FF-NT");
  };
  const PairedDifference mean =
      paired_difference(std::vector{better, other(.08, .16)}, std::vector{plain, other(0, 0)});
  const auto width = [](const PairedDifference& d) { return d.interval.high - d.interval.low; };
  CHECK(mean.difference == Approx(gain.difference));
  CHECK(width(mean) < .9 * width(gain));

  ResampledAuc fewer = plain;
  fewer.resampled.pop_back();
  CHECK(
      mentions(message_of([&] { (void)paired_difference(std::vector{plain}, std::vector{fewer}); }),
               "got 1000 and 999"));
  CHECK(mentions(message_of([&] { (void)paired_difference({}, std::vector{plain}); }),
                 "scores of both"));
}

TEST_CASE("several tests are adjusted for one another", "[metrics][paired]") {
  const std::vector<double> adjusted = holm(std::vector<double>{.01, .04, .03, .005});
  const std::vector<double> expected{.03, .06, .06, .02};
  for (std::size_t i = 0; i < 4; ++i) CHECK(adjusted[i] == Approx(expected[i]));
  CHECK(holm(std::vector<double>{.7, .6}) == std::vector<double>{1, 1});
  CHECK(holm(std::vector<double>{.2}) == std::vector<double>{.2});
  CHECK(holm({}).empty());
}

TEST_CASE("calibration: the temperature is found again, and the threshold keeps its rate",
          "[calibration]") {
  // Logits whose labels follow them exactly, made three times as sure as they are.
  std::vector<FrameScore> frames;
  std::vector<double> probs;
  std::vector<int> labels;
  const auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
  for (int step = -20; step <= 20; ++step) {
    const double logit = step / 5.0;
    constexpr int copies = 1000;
    const int fakes = static_cast<int>(std::lround(copies * sigmoid(logit)));
    for (int n = 0; n < copies; ++n) {
      probs.push_back(sigmoid(3 * logit));
      labels.push_back(n < fakes ? 1 : 0);
      frames.push_back({"X", n < fakes ? "X_fake" : "X_real",
                        std::to_string(step) + ' ' + std::to_string(n), "0", labels.back(),
                        probs.back()});
    }
  }
  CHECK(fit_temperature(probs, labels) == Approx(3).epsilon(.01));
  CHECK(calibrated(sigmoid(1.5), 3) == Approx(sigmoid(.5)));
  CHECK(calibrated(0, 2) > 0);
  CHECK(calibrated(1, 2) < 1);
  const Calibration calibration = calibrate(frames, 7);
  CHECK(calibration.epoch == 7);
  CHECK(calibration.ece_before > .1);
  CHECK(calibration.ece < .01);
  CHECK(calibration.log_loss < calibration.log_loss_before);
  CHECK(calibration.n_real + calibration.n_fake == 41000);
  for (const Threshold& threshold : calibration.thresholds) {
    const auto above = std::ranges::count_if(frames, [&](const FrameScore& frame) {
      return frame.label == 0 && frame.prob > threshold.frame;
    });
    CHECK(static_cast<double>(above) <= threshold.rate * static_cast<double>(calibration.n_real));
  }
  CHECK(threshold_for({.1, .2, .3, .4}, .25) == .3);  // one of four above
  CHECK(threshold_for({.1, .2, .3, .4}, .24) == .4);  // none
  CHECK(threshold_for({.5, .5, .1}, .4) == .5);       // ties stay below
  const auto bins = reliability(std::vector{0., .05, .95, 1.}, std::vector{0, 1, 1, 1}, 10);
  CHECK(bins[0].count == 2);
  CHECK(bins[0].share_of_fakes == .5);
  CHECK(bins[9].count == 2);
  CHECK(bins[9].mean_prob == Approx(.975));
}
