// SPDX-License-Identifier: MIT
#include "detection/predict.hpp"

#include <ATen/ops/sigmoid.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "data/faults.hpp"
#include "data/video_frames.hpp"
#include "files/file_kinds.hpp"
#include "files/walk.hpp"
#include "images/image.hpp"
#include "images/resize.hpp"
#include "runs/calibration_file.hpp"
#include "text/progress.hpp"
#include "text/table.hpp"
#include "training/batch.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr char caution[] = "A score is the detector's opinion, no proof.";
constexpr char calibration_caution[] =
    "Calibrated on validation data; that does not hold for forgeries or data of another kind.";
constexpr char synthetic_caution[] =
    "This detector was trained on synthetic forgeries: its scores say nothing about real "
    "deepfakes.";

std::vector<fs::path> files_of(const std::vector<fs::path>& inputs,
                               std::vector<std::string>& skipped) {
  std::vector<fs::path> files;
  for (const fs::path& input : inputs) {
    if (!fs::exists(input)) throw std::runtime_error(input.string() + ": no such file or folder");
    if (!fs::is_directory(input)) {
      files.push_back(input);
      continue;
    }
    const std::size_t before = files.size();
    for (const fs::path& file : files_below(input)) {
      if (is_image_file(file) || is_video_file(file)) {
        files.push_back(file);
      } else {
        skipped.push_back(file.string() + " (neither an image nor a video by its ending)");
      }
    }
    if (files.size() == before) {
      throw std::runtime_error(input.string() + ": holds no image and no video");
    }
  }
  return files;
}

/// Aligned crops are square and small.
bool looks_like_a_photograph(const cv::Mat& image) {
  constexpr double slack = 1.1;
  constexpr int largest_crop = 640;
  const auto [low, high] = std::minmax(image.cols, image.rows);
  return high > slack * low || high > largest_crop;
}

class Judge {
 public:
  explicit Judge(const PredictOptions& options)
      : options_(options), trained_(open_trained(options.run, options.checkpoint, options.device)) {
    if (options.faces) cutter_.emplace(*options.faces);
    calibration_ = read_calibration(trained_.run);
    if (calibration_ && calibration_->epoch != trained_.epoch) calibration_.reset();
    if (!calibration_ && (options.false_positive_rate || options.abstain_below > 0)) {
      throw std::runtime_error(
          trained_.run.string() +
          ": has no calibration of this checkpoint, which --fpr and --abstain-below need; training "
          "writes it for the best one");
    }
    if (options.false_positive_rate) threshold_ = kept_threshold(*options.false_positive_rate);
    const auto record = trained_.config.all.find("record");
    const bool is_grey = record != trained_.config.all.end() && record->value("grey", false);
    is_colour_detector_ = !is_grey;
  }

  bool synthetic() const { return trained_.config.synthetic; }
  bool is_calibrated() const { return calibration_.has_value(); }

  Prediction judge(const fs::path& file) {
    Prediction result{file};
    bool is_grey = true;
    const auto look = [&](const cv::Mat& rgb) {
      is_grey = is_grey && has_no_colour(rgb);
      if (!cutter_ && looks_like_a_photograph(rgb)) whole_.insert(file);
    };
    try {
      if (is_video_file(file)) {
        for (const VideoFrame& frame : read_video_frames(file, options_.frames)) {
          look(frame.rgb);
          add(result, frame.number, frame.rgb);
        }
      } else {
        const cv::Mat image = read_image(file);
        look(image);
        add(result, 0, image);
      }
    } catch (const std::runtime_error& error) {
      result.fault = error.what();
      return result;
    }
    if (result.frames.empty()) {
      result.fault = file.string() + ": no face found; try without --crop-faces and --align";
      return result;
    }
    if (is_grey && is_colour_detector_) grey_.insert(file);
    decide(result);
    return result;
  }

  std::vector<std::string> warnings() const {
    std::vector<std::string> lines;
    const auto add = [&](const std::set<fs::path>& files, const std::string& what) {
      if (files.empty()) return;
      std::vector<std::string> names;
      for (const fs::path& one : files) names.push_back(one.string());
      lines.push_back(what + ", " + count_and_names(names));
    };
    add(whole_,
        "no face was looked for in what seem to be whole pictures: a detector that was trained on "
        "face crops cannot judge them, say --crop-faces");
    add(grey_, "grey pictures, and the detector was trained on colour: their scores mean little");
    return lines;
  }

 private:
  void add(Prediction& result, int number, const cv::Mat& rgb) {
    std::vector<cv::Mat> crops;
    std::vector<cv::Rect> boxes;
    if (cutter_) {
      for (const FoundFace& face : cutter_->faces(rgb)) {
        crops.push_back(cutter_->cut(rgb, face).image);
        boxes.push_back(face.box);
      }
    } else {
      crops.push_back(rgb);
    }
    if (crops.empty()) {
      ++result.without_face;
      return;
    }
    const int size = trained_.options.model.size;
    for (cv::Mat& crop : crops) crop = resized(crop, size);
    const c10::NoGradGuard no_grad;
    const at::Tensor images = to_tensor(crops).to(trained_.detector->parameters()[0].device());
    const at::Tensor probs =
        at::sigmoid(trained_.detector->forward(images)).to(at::kCPU, at::kDouble).contiguous();
    const double* prob = probs.data_ptr<double>();
    Prediction::Frame frame{number, *std::max_element(prob, prob + crops.size())};
    for (std::size_t i = 0; i < boxes.size(); ++i) frame.faces.push_back({boxes[i], prob[i]});
    result.frames.push_back(std::move(frame));
  }

  Threshold kept_threshold(double rate) const {
    std::string known;
    for (const Threshold& threshold : calibration_->thresholds) {
      if (std::abs(threshold.rate - rate) < 1e-9) return threshold;
      known += (known.empty() ? "" : ", ") + significant(threshold.rate);
    }
    throw std::runtime_error("--fpr must be one of the rates that the run keeps thresholds for, " +
                             known + ", not " + significant(rate));
  }

  void decide(Prediction& result) const {
    const auto count = static_cast<double>(result.frames.size());
    double sum = 0, calibrated_sum = 0;
    for (const auto& frame : result.frames) {
      sum += frame.prob;
      if (calibration_) calibrated_sum += calibrated(frame.prob, calibration_->temperature);
    }
    result.prob = sum / count;
    if (calibration_) result.calibrated = calibrated_sum / count;
    result.threshold = options_.threshold;
    if (threshold_) {
      result.threshold = is_video_file(result.file) ? threshold_->video : threshold_->frame;
    }
    result.verdict = result.prob > result.threshold ? "fake" : "real";
    if (options_.abstain_below > 0 &&
        std::max(*result.calibrated, 1 - *result.calibrated) < options_.abstain_below) {
      result.verdict = "unsure";
    }
  }

  const PredictOptions& options_;
  TrainedDetector trained_;
  std::optional<FaceCutter> cutter_;
  std::optional<Calibration> calibration_;
  std::optional<Threshold> threshold_;
  bool is_colour_detector_ = true;
  std::set<fs::path> whole_, grey_;
};

std::string caution_of(const Predictions& predictions) {
  std::string text = caution;
  if (predictions.is_calibrated) text = std::string(calibration_caution) + ' ' + text;
  if (predictions.synthetic) text = std::string(synthetic_caution) + ' ' + text;
  return text;
}

}  // namespace

Predictions predict(const PredictOptions& options) {
  at::set_num_threads(options.threads);
  Predictions predictions;
  const std::vector<fs::path> files = files_of(options.inputs, predictions.skipped);
  Judge judge(options);
  predictions.threshold = options.threshold;
  predictions.synthetic = judge.synthetic();
  predictions.is_calibrated = judge.is_calibrated();
  Progress progress("predict", static_cast<std::int64_t>(files.size()));
  for (const fs::path& file : files) {
    predictions.files.push_back(judge.judge(file));
    progress.update(static_cast<std::int64_t>(predictions.files.size()));
  }
  predictions.warnings = judge.warnings();
  return predictions;
}

std::string to_text(const Predictions& predictions) {
  std::vector<std::string> header{"verdict", "score"};
  if (predictions.is_calibrated) header.push_back("calibrated");
  header.insert(header.end(), {"frames", "file"});
  Table table(header);
  std::string faults;
  for (const Prediction& file : predictions.files) {
    if (!file.fault.empty()) {
      faults += "left out: " + file.fault + '\n';
      continue;
    }
    std::vector<std::string> cells{file.verdict, fixed(file.prob)};
    if (predictions.is_calibrated) cells.push_back(fixed(*file.calibrated));
    cells.insert(cells.end(), {std::to_string(file.frames.size()), file.file.string()});
    table.add(std::move(cells));
  }
  // The file comes last, and its name is never shortened: somebody may want to copy it.
  std::string text = predictions.synthetic ? std::string(synthetic_caution) + '\n' : "";
  text += table.text() + faults;
  if (!predictions.skipped.empty()) {
    text += "left aside, " + count_and_names(predictions.skipped) + '\n';
  }
  if (predictions.is_calibrated) text += std::string(calibration_caution) + '\n';
  return text + caution + '\n';
}

nlohmann::ordered_json to_json(const Predictions& predictions) {
  nlohmann::ordered_json json;
  json["note"] = caution_of(predictions);
  json["synthetic"] = predictions.synthetic;
  json["threshold"] = predictions.threshold;
  json["warnings"] = predictions.warnings;
  json["files"] = nlohmann::ordered_json::array();
  for (const Prediction& file : predictions.files) {
    nlohmann::ordered_json entry{{"file", file.file.string()}};
    if (!file.fault.empty()) {
      entry["fault"] = file.fault;
    } else {
      entry["prob"] = file.prob;
      if (file.calibrated) entry["calibrated"] = *file.calibrated;
      entry["threshold"] = file.threshold;
      entry["verdict"] = file.verdict;
      for (const auto& frame : file.frames) {
        nlohmann::ordered_json one{{"number", frame.number}, {"prob", frame.prob}};
        one["faces"] = nlohmann::ordered_json::array();
        for (const auto& [box, prob] : frame.faces) {
          one["faces"].push_back({{"box", {box.x, box.y, box.width, box.height}}, {"prob", prob}});
        }
        entry["frames"].push_back(std::move(one));
      }
    }
    entry["without_face"] = file.without_face;
    json["files"].push_back(std::move(entry));
  }
  for (const std::string& file : predictions.skipped) json["skipped"].push_back(file);
  return json;
}

}  // namespace deepfake
