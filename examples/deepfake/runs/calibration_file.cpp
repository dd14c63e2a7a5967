// SPDX-License-Identifier: MIT
#include "runs/calibration_file.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "files/replace_file.hpp"

namespace deepfake {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

fs::path file_of(const fs::path& run) { return run / "calibration.json"; }

Json bins_json(const std::vector<ReliabilityBin>& bins) {
  Json list = Json::array();
  for (const ReliabilityBin& bin : bins) {
    list.push_back({{"frames", bin.count},
                    {"mean_prob", bin.mean_prob},
                    {"share_of_fakes", bin.share_of_fakes}});
  }
  return list;
}

std::vector<ReliabilityBin> bins_of(const Json& list) {
  std::vector<ReliabilityBin> bins;
  for (const Json& bin : list) {
    bins.push_back({bin.at("frames"), bin.at("mean_prob"), bin.at("share_of_fakes")});
  }
  return bins;
}

}  // namespace

void write_calibration(const fs::path& run, const Calibration& c) {
  Json json;
  json["note"] =
      "fitted on validation frames: it holds for manipulations and data like those, and does not "
      "transfer to unseen forgeries";
  json["epoch"] = c.epoch;
  json["temperature"] = c.temperature;
  json["n_real"] = c.n_real;
  json["n_fake"] = c.n_fake;
  json["real_videos"] = c.real_videos;
  json["log_loss_before"] = c.log_loss_before;
  json["log_loss"] = c.log_loss;
  json["ece_before"] = c.ece_before;
  json["ece"] = c.ece;
  json["thresholds"] = Json::array();
  for (const Threshold& threshold : c.thresholds) {
    json["thresholds"].push_back({{"false_positive_rate", threshold.rate},
                                  {"frame", threshold.frame},
                                  {"video", threshold.video}});
  }
  json["reliability_before"] = bins_json(c.bins_before);
  json["reliability"] = bins_json(c.bins);
  fs::create_directories(run);
  replace_file(file_of(run), json.dump(1) + '\n');
}

std::optional<Calibration> read_calibration(const fs::path& run) {
  std::ifstream stream(file_of(run));
  if (!stream) return std::nullopt;
  try {
    const Json json = Json::parse(stream);
    Calibration c;
    c.epoch = json.at("epoch");
    c.temperature = json.at("temperature");
    c.n_real = json.at("n_real");
    c.n_fake = json.at("n_fake");
    c.real_videos = json.at("real_videos");
    c.log_loss_before = json.at("log_loss_before");
    c.log_loss = json.at("log_loss");
    c.ece_before = json.at("ece_before");
    c.ece = json.at("ece");
    for (const Json& one : json.at("thresholds")) {
      c.thresholds.push_back({one.at("false_positive_rate"), one.at("frame"), one.at("video")});
    }
    c.bins_before = bins_of(json.at("reliability_before"));
    c.bins = bins_of(json.at("reliability"));
    return c;
  } catch (const nlohmann::json::exception&) {
    throw std::runtime_error(file_of(run).string() +
                             ": not a calibration of this program; remove it, or train again");
  }
}

}  // namespace deepfake
