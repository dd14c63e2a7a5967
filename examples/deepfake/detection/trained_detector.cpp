// SPDX-License-Identifier: MIT
#include "detection/trained_detector.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "text/unknown_name.hpp"
#include "training/device.hpp"
#include "training/run_checkpoint.hpp"
#include "training/run_folder.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

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
  const nlohmann::ordered_json state = read_run_state(file);
  TrainedDetector trained;
  trained.run = run;
  set_from_json(trained.options, state.at("options"), file.string());
  trained.config = read_run(run).config;
  trained.epoch = state.at("epoch").get<std::int64_t>();
  trained.detector = make_detector(model_of_run(trained.options.model, run));
  load_run_checkpoint(file, *trained.detector);
  trained.detector->to(checked_device(device));
  trained.detector->eval();
  return trained;
}

}  // namespace deepfake
