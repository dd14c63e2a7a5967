// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/face_crop.hpp"
#include "detection/trained_detector.hpp"

namespace deepfake {

struct PredictOptions {
  std::filesystem::path run;  ///< a run folder, or one of its checkpoints
  std::string checkpoint = "best";
  std::vector<std::filesystem::path> inputs;  ///< images, videos, and folders of them
  std::size_t frames = 32;                    ///< of a video, evenly spaced; 0: all
  double threshold = 0.5;                     ///< a fake above it
  /// Instead: the threshold that so large a share of the validation reals exceeded. One of
  /// kept_rates.
  std::optional<double> false_positive_rate = {};
  double abstain_below = 0;  ///< no verdict where the calibrated confidence is less
  std::optional<FaceCropOptions> faces = {};  ///< find and crop them; else whole frames are judged
  int threads = 1;
  std::string device = "cpu";
};

/// One image or video.
struct Prediction {
  std::filesystem::path file;
  double prob = 0;  ///< of a fake: the mean over frames
  struct Face {
    cv::Rect box;  ///< in the image
    double prob = 0;
  };
  struct Frame {
    int number = 0;                ///< in the video
    double prob = 0;               ///< the highest over the frame's faces
    std::vector<Face> faces = {};  ///< none where the whole frame was judged
  };
  std::vector<Frame> frames = {};  ///< without those in which no face was found
  std::size_t without_face = 0;
  std::string fault = {};                 ///< why there is no probability; empty if there is one
  std::optional<double> calibrated = {};  ///< prob, if the run has a calibration
  double threshold = 0.5;
  std::string verdict = {};  ///< fake, real or unsure
};

struct Predictions {
  std::vector<Prediction> files;
  double threshold = 0.5;  ///< that was asked for; each file says which it got
  bool synthetic = false;  ///< the detector was trained on synthetic data
  bool is_calibrated = false;
  std::vector<std::string> skipped = {};   ///< files of folders, with the reason
  std::vector<std::string> warnings = {};  ///< why verdicts may not mean what one thinks
};

/// Judges every input. A file that cannot be read, or shows no face, is a fault of its own and
/// stops no other.
/// @throws std::runtime_error for an input that does not exist, a folder without images and
/// videos, or a calibration that is asked for and not there
Predictions predict(const PredictOptions& options);

std::string to_text(const Predictions& predictions);
nlohmann::ordered_json to_json(const Predictions& predictions);

}  // namespace deepfake
