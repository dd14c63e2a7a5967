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
  std::optional<FaceCropOptions> faces = {};  ///< find and crop them; else whole frames are judged
  int threads = 1;
  std::string device = "cpu";
};

/// One image or video.
struct Prediction {
  std::filesystem::path file;
  double prob = 0;  ///< of a fake: the mean over frames
  struct Frame {
    int number = 0;   ///< in the video
    double prob = 0;  ///< the highest over the frame's faces
    std::size_t faces = 1;
  };
  std::vector<Frame> frames = {};  ///< without those in which no face was found
  std::size_t without_face = 0;
  std::string fault = {};  ///< why there is no probability; empty if there is one
};

struct Predictions {
  std::vector<Prediction> files;
  double threshold = 0.5;
  bool synthetic = false;  ///< the detector was trained on synthetic data
};

/// Judges every input. A file that cannot be read, or shows no face, is a fault of its own and
/// stops no other.
/// @throws std::runtime_error for an input that does not exist or a folder without images and
/// videos
Predictions predict(const PredictOptions& options);

std::string to_text(const Predictions& predictions);
nlohmann::ordered_json to_json(const Predictions& predictions);

}  // namespace deepfake
