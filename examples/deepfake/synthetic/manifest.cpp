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

fs::path manifest_file(const fs::path& output) { return output / "synthetic.json"; }
fs::path unfinished_file(const fs::path& output) { return output / "synthetic.json.part"; }

json manifest_json(const SetOrigin& origin, const SyntheticSummary& summary) {
  json counts = json::object();
  for (const auto& [dataset, labels] : summary.counts) {
    for (const auto& [label, splits] : labels) {
      for (const auto& [split, count] : splits) {
        counts[dataset][label][split] = {{"videos", count.videos}, {"frames", count.frames}};
      }
    }
  }
  json manifest{{"synthetic", true},
                {"source", origin.source},
                {"note", origin.note},
                {"generator", "roga-deepfake make-data"},
                {"generator_version", origin.version},
                {"seed", origin.seed},
                {"options", origin.options},
                {"identities", summary.identities},
                {"counts", counts}};
  if (!summary.left_out.empty()) manifest["left_out"] = summary.left_out;
  return manifest;
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
  summary.left_out = manifest.value("left_out", std::vector<std::string>());
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

std::optional<SyntheticSummary> find_complete(const fs::path& output, const SetOrigin& origin,
                                              bool force) {
  const fs::path manifest = manifest_file(output);
  const std::string where = output.string();
  if (fs::exists(manifest)) {
    const json found = read_manifest(manifest);
    const bool same = found.value("source", "rendered") == origin.source &&
                      found.value("generator_version", 0) == origin.version &&
                      found.value("options", json()) == origin.options;
    if (same) return summary_of(found);
    if (!force) {
      throw std::runtime_error(where + " holds a synthetic set made with other options (" +
                               found.value("options", json()).dump() +
                               "); choose another output folder, or use force to replace it");
    }
  } else if (fs::exists(output) && !fs::is_directory(output)) {
    throw std::runtime_error(where + " is not a folder; choose another output");
  } else if (fs::exists(output) && !fs::is_empty(output) && !fs::exists(unfinished_file(output))) {
    // Never ours to delete, not even with force: it may be somebody's FaceForensics++.
    throw std::runtime_error(where + " holds files that are not a synthetic set (no " +
                             manifest.filename().string() + "); choose an empty output folder");
  }
  return std::nullopt;
}

std::optional<SyntheticSummary> open_output(const fs::path& output, const SetOrigin& origin,
                                            bool force) {
  if (auto found = find_complete(output, origin, force)) return found;
  // From here on the folder must not pass for complete.
  write_file(unfinished_file(output), origin.options.dump(2) + "\n");
  fs::remove(manifest_file(output));
  fs::remove_all(output / "rgb");
  fs::remove_all(output / "dataset_json");
  fs::remove(output / "identities.csv");  // of a set from photographs
  return std::nullopt;
}

void complete_output(const fs::path& output, const SetOrigin& origin,
                     const SyntheticSummary& summary) {
  const fs::path unfinished = unfinished_file(output);
  write_file(unfinished, manifest_json(origin, summary).dump(2) + "\n");
  fs::rename(unfinished, manifest_file(output));
}

}  // namespace deepfake
