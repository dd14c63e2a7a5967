// SPDX-License-Identifier: MIT
#include "training/trained_detector.hpp"

#include <torch/cuda.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "training/checkpoint.hpp"
#include "training/nearest.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr char kept_model[] = "backbone.pt";

/// The checkpoint, and the folder of its run.
struct Location {
  fs::path run;
  fs::path checkpoint;
};
Location locate(const fs::path& given, const std::string& checkpoint) {
  const fs::path path = fs::absolute(given / "").parent_path();
  if (path.extension() == ".pt") return {path.parent_path().parent_path(), path};
  if (!fs::is_directory(path)) {
    throw std::runtime_error(given.string() + ": no such run folder or checkpoint");
  }
  const std::vector<std::string> known{"best", "last"};
  if (std::ranges::find(known, checkpoint) == known.end()) {
    throw std::runtime_error(unknown_name("checkpoint", checkpoint, known));
  }
  return {path, path / "checkpoints" / (checkpoint + ".pt")};
}

}  // namespace

TrainedDetector open_trained(const fs::path& path, const std::string& checkpoint,
                             const std::string& device) {
  const auto [run, file] = locate(path, checkpoint);
  const nlohmann::ordered_json state = read_checkpoint_state(file);
  TrainedDetector trained;
  trained.run = run;
  set_from_json(trained.options, state.at("options"), file.string());
  trained.config = read_run(run).config;
  trained.epoch = state.at("epoch").get<std::int64_t>();
  trained.detector = make_detector(model_of_run(trained.options.model, run));
  load_checkpoint(file, *trained.detector);
  trained.detector->to(checked_device(device));
  trained.detector->eval();
  return trained;
}

void keep_model_file(const ModelOptions& options, const fs::path& run) {
  if (!is_model_file(options.model)) return;
  fs::create_directories(run);
  fs::copy_file(options.model, run / kept_model, fs::copy_options::overwrite_existing);
}

ModelOptions model_of_run(ModelOptions options, const fs::path& run) {
  const fs::path kept = run / kept_model;
  if (is_model_file(options.model) && fs::exists(kept)) options.model = kept.string();
  return options;
}

at::Device checked_device(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.is_cpu()) return device;
    if (device.is_cuda()) {
      if (device.has_index() ? device.index() < static_cast<int>(torch::cuda::device_count())
                             : torch::cuda::is_available()) {
        return device;
      }
      throw std::runtime_error("option device: no " + name +
                               " here; is a driver installed, and LibTorch built for CUDA?");
    }
  } catch (const c10::Error&) {
    // Reported below.
  }
  throw std::runtime_error("option device must be cpu, cuda or cuda:N, not " + name);
}

}  // namespace deepfake
