// SPDX-License-Identifier: MIT
#include "detection/predict.hpp"

#include <ATen/ops/sigmoid.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <stdexcept>

#include "data/video_frames.hpp"
#include "files/file_kinds.hpp"
#include "images/image.hpp"
#include "images/resize.hpp"
#include "text/progress.hpp"
#include "text/table.hpp"
#include "training/batch.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr char caution[] = "A score is the detector's opinion, no proof.";
constexpr char synthetic_caution[] =
    "This detector was trained on synthetic forgeries: its scores say nothing about real "
    "deepfakes.";

std::vector<fs::path> files_of(const std::vector<fs::path>& inputs) {
  std::vector<fs::path> files;
  for (const fs::path& input : inputs) {
    if (!fs::exists(input)) throw std::runtime_error(input.string() + ": no such file or folder");
    if (!fs::is_directory(input)) {
      files.push_back(input);
      continue;
    }
    const std::size_t before = files.size();
    for (const auto& entry : fs::recursive_directory_iterator(input)) {
      const fs::path& path = entry.path();
      if (entry.is_regular_file() && (is_image_file(path) || is_video_file(path))) {
        files.push_back(path);
      }
    }
    if (files.size() == before) {
      throw std::runtime_error(input.string() + ": holds no image and no video");
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

class Judge {
 public:
  explicit Judge(const PredictOptions& options)
      : options_(options), trained_(open_trained(options.run, options.checkpoint, options.device)) {
    if (options.faces) cropper_.emplace(*options.faces);
  }

  bool synthetic() const { return trained_.config.synthetic; }

  Prediction judge(const fs::path& file) {
    Prediction result{file};
    try {
      if (is_video_file(file)) {
        for (const VideoFrame& frame : read_video_frames(file, options_.frames)) {
          add(result, frame.number, frame.rgb);
        }
      } else {
        add(result, 0, read_image(file));
      }
    } catch (const std::runtime_error& error) {
      result.fault = error.what();
      return result;
    }
    if (result.frames.empty()) {
      result.fault = file.string() + ": no face found; try without --crop-faces";
      return result;
    }
    for (const auto& frame : result.frames) result.prob += frame.prob;
    result.prob /= static_cast<double>(result.frames.size());
    return result;
  }

 private:
  void add(Prediction& result, int number, const cv::Mat& rgb) {
    std::vector<cv::Mat> crops;
    if (cropper_) {
      for (const cv::Rect& face : cropper_->faces(rgb)) crops.push_back(cropper_->crop(rgb, face));
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
    const double prob = at::sigmoid(trained_.detector->forward(images)).max().item<double>();
    result.frames.push_back({number, prob, crops.size()});
  }

  const PredictOptions& options_;
  TrainedDetector trained_;
  std::optional<FaceCropper> cropper_;
};

const char* verdict(const Prediction& file, double threshold) {
  return file.prob > threshold ? "fake" : "real";
}

}  // namespace

Predictions predict(const PredictOptions& options) {
  at::set_num_threads(options.threads);
  const std::vector<fs::path> files = files_of(options.inputs);
  Judge judge(options);
  Predictions predictions{{}, options.threshold, judge.synthetic()};
  Progress progress("predict", static_cast<std::int64_t>(files.size()));
  for (const fs::path& file : files) {
    predictions.files.push_back(judge.judge(file));
    progress.update(static_cast<std::int64_t>(predictions.files.size()));
  }
  return predictions;
}

std::string to_text(const Predictions& predictions) {
  Table table({"file", "probability of a fake", "verdict", "frames"});
  std::string faults;
  for (const Prediction& file : predictions.files) {
    if (file.fault.empty()) {
      table.add({file.file.string(), fixed(file.prob), verdict(file, predictions.threshold),
                 std::to_string(file.frames.size())});
    } else {
      faults += "left out: " + file.fault + '\n';
    }
  }
  std::string text = predictions.synthetic ? std::string(synthetic_caution) + '\n' : "";
  return text + table.text() + faults + caution + '\n';
}

nlohmann::ordered_json to_json(const Predictions& predictions) {
  nlohmann::ordered_json json;
  json["note"] = predictions.synthetic ? std::string(synthetic_caution) + ' ' + caution : caution;
  json["synthetic"] = predictions.synthetic;
  json["threshold"] = predictions.threshold;
  json["files"] = nlohmann::ordered_json::array();
  for (const Prediction& file : predictions.files) {
    nlohmann::ordered_json entry{{"file", file.file.string()}};
    if (!file.fault.empty()) {
      entry["fault"] = file.fault;
    } else {
      entry["prob"] = file.prob;
      entry["verdict"] = verdict(file, predictions.threshold);
      for (const auto& frame : file.frames) {
        entry["frames"].push_back(
            {{"number", frame.number}, {"prob", frame.prob}, {"faces", frame.faces}});
      }
    }
    entry["without_face"] = file.without_face;
    json["files"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace deepfake
