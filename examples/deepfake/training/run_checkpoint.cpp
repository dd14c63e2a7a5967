// SPDX-License-Identifier: MIT
#include "training/run_checkpoint.hpp"

#include <roga/checkpoint.hpp>
#include <sstream>
#include <stdexcept>
#include <string>

namespace deepfake {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr int checkpoint_format = 1;

/// Opens the file and reads its state.
Json open(const fs::path& file, torch::serialize::InputArchive& archive, at::Device device) {
  if (!fs::exists(file)) throw std::runtime_error(file.string() + ": no such checkpoint");
  try {
    archive = roga::open_checkpoint(file, device);
    c10::IValue text;
    archive.read("state", text);
    Json state = Json::parse(text.toStringRef());
    if (state.value("format", 0) != checkpoint_format) {
      throw std::runtime_error("its format is not " + std::to_string(checkpoint_format));
    }
    return state;
  } catch (const std::exception&) {
    throw std::runtime_error(file.string() + ": not a checkpoint of roga-deepfake, or damaged");
  }
}

void write_detector(torch::serialize::OutputArchive& archive, const Detector& detector,
                    const roga::WeightAverage* average) {
  torch::serialize::OutputArchive model(archive.compilation_unit());
  detector.save(model);
  archive.write("model", model);
  if (average != nullptr) {
    torch::serialize::OutputArchive of_average(archive.compilation_unit());
    average->save(of_average);
    archive.write("average", of_average);
  }
}

void read_detector(torch::serialize::InputArchive& archive, Detector& detector,
                   roga::WeightAverage* average) {
  torch::serialize::InputArchive model;
  archive.read("model", model);
  detector.load(model);
  if (average != nullptr) {
    torch::serialize::InputArchive of_average;
    archive.read("average", of_average);
    average->load(of_average);
  }
}

}  // namespace

std::string saved_beside_optimizer(const Detector& detector, const roga::WeightAverage* average) {
  torch::serialize::OutputArchive archive;
  write_detector(archive, detector, average);
  std::ostringstream stream;
  archive.save_to(stream);
  return stream.str();
}

void load_beside_optimizer(const std::string& bytes, Detector& detector,
                           roga::WeightAverage* average) {
  std::istringstream stream(bytes);
  torch::serialize::InputArchive archive;
  archive.load_from(stream, detector.parameters().front().device());
  read_detector(archive, detector, average);
}

void save_run_checkpoint(const fs::path& file, const Detector& detector,
                         const torch::optim::Optimizer* optimizer,
                         const roga::WeightAverage* average, const Json& state) {
  torch::serialize::OutputArchive archive;
  write_detector(archive, detector, average);
  if (optimizer != nullptr) {
    torch::serialize::OutputArchive of_optimizer(archive.compilation_unit());
    optimizer->save(of_optimizer);
    archive.write("optimizer", of_optimizer);
  }
  Json with_format = state;
  with_format["format"] = checkpoint_format;
  archive.write("state", c10::IValue(with_format.dump()));
  fs::create_directories(file.parent_path());
  roga::save_checkpoint(archive, file);
}

Json read_run_state(const fs::path& file) {
  torch::serialize::InputArchive archive;
  return open(file, archive, at::kCPU);
}

Json load_run_checkpoint(const fs::path& file, Detector& detector,
                         torch::optim::Optimizer* optimizer, roga::WeightAverage* average) {
  torch::serialize::InputArchive archive;
  // The optimizer's state has to be where the weights are.
  Json state = open(file, archive, detector.parameters().front().device());
  read_detector(archive, detector, average);
  if (optimizer != nullptr) {
    torch::serialize::InputArchive of_optimizer;
    archive.read("optimizer", of_optimizer);
    optimizer->load(of_optimizer);
  }
  return state;
}

}  // namespace deepfake
