// SPDX-License-Identifier: MIT
#include "runs/analysis_files.hpp"

#include <algorithm>

#include "files/csv.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

fs::path gradcam_file(const fs::path& run) { return run / "gradcam" / "index.csv"; }
fs::path robustness_file(const fs::path& run) { return run / "robustness.csv"; }

}  // namespace

void write_gradcam_index(const fs::path& run, std::span<const GradCamRow> rows) {
  CsvTable table{gradcam_file(run),
                 {"file", "dataset", "domain", "video", "frame", "label", "prob", "compression"},
                 {}};
  for (const GradCamRow& row : rows) {
    table.rows.push_back({row.file, row.dataset, row.domain, row.video, row.frame,
                          std::to_string(row.label), to_csv(row.prob), row.compression});
  }
  fs::create_directories(table.file.parent_path());
  write_csv(table);
}

std::vector<GradCamRow> read_gradcam_index(const fs::path& run) {
  if (!fs::exists(gradcam_file(run))) return {};
  const CsvTable table = read_csv(gradcam_file(run));
  std::vector<GradCamRow> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto cell = [&](const char* name) { return table.rows[i][table.column(name)]; };
    rows.push_back({cell("file"), cell("dataset"), cell("domain"), cell("video"), cell("frame"),
                    static_cast<int>(table.integer(i, table.column("label"))),
                    table.number(i, table.column("prob")),
                    table.has("compression") ? cell("compression") : ""});
  }
  return rows;
}

void write_robustness(const fs::path& run, std::span<const RobustnessRow> rows) {
  CsvTable table{robustness_file(run),
                 {"corruption", "level", "dataset", "domain", "frame_auc", "video_auc"},
                 {}};
  const bool compressed =
      std::ranges::any_of(rows, [](const RobustnessRow& row) { return !row.compression.empty(); });
  if (compressed) table.columns.push_back("compression");
  for (const RobustnessRow& row : rows) {
    const bool is_clean = row.corruption == no_corruption;
    table.rows.push_back({row.corruption, is_clean ? no_corruption : to_csv(row.level), row.dataset,
                          row.domain, to_csv(row.frame_auc), to_csv(row.video_auc)});
    if (compressed) table.rows.back().push_back(row.compression);
  }
  fs::create_directories(run);
  write_csv(table);
}

std::vector<RobustnessRow> read_robustness(const fs::path& run) {
  if (!fs::exists(robustness_file(run))) return {};
  const CsvTable table = read_csv(robustness_file(run));
  std::vector<RobustnessRow> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto cell = [&](const char* name) { return table.rows[i][table.column(name)]; };
    const bool is_clean = cell("corruption") == no_corruption;
    rows.push_back({cell("corruption"), is_clean ? 0 : table.number(i, table.column("level")),
                    cell("dataset"), cell("domain"), table.number(i, table.column("frame_auc")),
                    table.number(i, table.column("video_auc")),
                    table.has("compression") ? cell("compression") : ""});
  }
  return rows;
}

}  // namespace deepfake
