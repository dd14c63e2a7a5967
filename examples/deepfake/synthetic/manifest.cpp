// SPDX-License-Identifier: MIT
#include "synthetic/manifest.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "synthetic/publish.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path manifest_file(const SyntheticOptions& options) {
  return options.output / "synthetic.json";
}
fs::path unfinished_file(const SyntheticOptions& options) {
  return options.output / "synthetic.json.part";
}

json options_json(const SyntheticOptions& options) {
  return {{"seed", options.seed},
          {"image_size", options.image_size},
          {"train_identities", options.train_identities},
          {"val_identities", options.val_identities},
          {"test_identities", options.test_identities},
          {"unseen_identities", options.unseen_identities},
          {"frames_per_video", options.frames_per_video}};
}

json manifest_json(const SyntheticOptions& options, const SyntheticSummary& summary) {
  json counts = json::object();
  for (const auto& [dataset, labels] : summary.counts) {
    for (const auto& [label, splits] : labels) {
      for (const auto& [split, count] : splits) {
        counts[dataset][label][split] = {{"videos", count.videos}, {"frames", count.frames}};
      }
    }
  }
  return {{"synthetic", true},
          {"note", "Rendered faces. Numbers on them say nothing about real deepfakes."},
          {"generator", "roga-deepfake make-data"},
          {"generator_version", generator_version},
          {"seed", options.seed},
          {"options", options_json(options)},
          {"identities", summary.identities},
          {"counts", counts}};
}

json read_manifest(const fs::path& file) {
  std::ifstream in(file);
  json manifest = json::parse(in, nullptr, false);
  if (manifest.is_discarded() || !manifest.is_object()) {
    throw std::runtime_error(file.string() +
                             " is not readable JSON; delete the folder or choose another output");
  }
  return manifest;
}

SyntheticSummary summary_of(const json& manifest) {
  SyntheticSummary summary;
  summary.reused = true;
  summary.identities = manifest.at("identities").get<std::size_t>();
  for (const auto& [dataset, labels] : manifest.at("counts").items()) {
    for (const auto& [label, splits] : labels.items()) {
      for (const auto& [split, count] : splits.items()) {
        summary.counts[dataset][label][split] = {count.at("videos").get<std::size_t>(),
                                                 count.at("frames").get<std::size_t>()};
      }
    }
  }
  return summary;
}

}  // namespace

std::optional<SyntheticSummary> open_output(const SyntheticOptions& options) {
  const fs::path manifest = manifest_file(options);
  const fs::path unfinished = unfinished_file(options);
  const std::string where = options.output.string();
  if (fs::exists(manifest)) {
    const json found = read_manifest(manifest);
    const bool same = found.value("generator_version", 0) == generator_version &&
                      found.value("options", json()) == options_json(options);
    if (same) return summary_of(found);
    if (!options.force) {
      throw std::runtime_error(where + " holds a synthetic set made with other options (" +
                               found.value("options", json()).dump() +
                               "); choose another output folder, or use force to replace it");
    }
  } else if (fs::exists(options.output) && !fs::is_directory(options.output)) {
    throw std::runtime_error(where + " is not a folder; choose another output");
  } else if (fs::exists(options.output) && !fs::is_empty(options.output) &&
             !fs::exists(unfinished)) {
    // Never ours to delete, not even with force: it may be somebody's FaceForensics++.
    throw std::runtime_error(where + " holds files that are not a synthetic set (no " +
                             manifest.filename().string() + "); choose an empty output folder");
  }
  // From here on the folder must not pass for complete.
  write_file(unfinished, options_json(options).dump(2) + "\n");
  fs::remove(manifest);
  fs::remove_all(options.output / "rgb");
  fs::remove_all(options.output / "dataset_json");
  return std::nullopt;
}

void complete_output(const SyntheticOptions& options, const SyntheticSummary& summary) {
  const fs::path unfinished = unfinished_file(options);
  write_file(unfinished, manifest_json(options, summary).dump(2) + "\n");
  fs::rename(unfinished, manifest_file(options));
}

}  // namespace deepfake
