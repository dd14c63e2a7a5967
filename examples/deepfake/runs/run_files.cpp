// SPDX-License-Identifier: MIT
#include "runs/run_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include "files/replace_file.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> history_columns{"step",  "epoch",        "lr",       "loss",
                                               "img_s", "step_seconds", "grad_norm"};

/// A column of eval.csv that holds a measure.
struct MetricColumn {
  const char* name;
  double Metrics::*value;
};
constexpr std::array<MetricColumn, 13> metric_columns{{
    {"auc", &Metrics::auc},
    {"auc_low", &Metrics::auc_low},
    {"auc_high", &Metrics::auc_high},
    {"eer", &Metrics::eer},
    {"eer_interpolated", &Metrics::eer_interpolated},
    {"ap", &Metrics::ap},
    {"acc", &Metrics::acc},
    {"bacc", &Metrics::bacc},
    {"tpr@1", &Metrics::tpr_at_1},
    {"tpr@5", &Metrics::tpr_at_5},
    {"tpr@10", &Metrics::tpr_at_10},
    {"brier", &Metrics::brier},
    {"ece", &Metrics::ece},
}};

/// Columns at the end of eval.csv, each written where a row has something there.
struct TextColumn {
  const char* name;
  std::string EvalRow::*value;
};
constexpr std::array<TextColumn, 4> text_columns{{
    {"compression", &EvalRow::compression},
    {"trained", &EvalRow::trained},
    {"source", &EvalRow::source},
    {"overlap", &EvalRow::overlap},
}};

std::vector<TextColumn> used_columns(std::span<const EvalRow> rows) {
  std::vector<TextColumn> used;
  for (const TextColumn& column : text_columns) {
    const auto has = [&](const EvalRow& row) { return !(row.*column.value).empty(); };
    if (std::ranges::any_of(rows, has)) used.push_back(column);
  }
  return used;
}

std::vector<std::string> with_extra(std::vector<std::string> columns,
                                    const std::vector<std::string>& extra) {
  columns.insert(columns.end(), extra.begin(), extra.end());
  return columns;
}

fs::path prepared_history(const fs::path& run, CsvWriter::Mode mode,
                          std::optional<std::int64_t> last_step) {
  fs::create_directories(run);
  const fs::path file = run / "history.csv";
  if (mode == CsvWriter::Mode::append && last_step && fs::exists(file)) {
    CsvTable table = read_csv(file);
    const std::size_t step = table.column("step");
    std::size_t kept = 0;
    while (kept < table.rows.size() && table.integer(kept, step) <= *last_step) ++kept;
    table.rows.resize(kept);
    write_csv(table);
  }
  return file;
}

std::vector<std::string> string_list(const nlohmann::ordered_json& config, const char* key,
                                     const fs::path& file) {
  std::vector<std::string> list;
  if (!config.contains(key)) return list;
  for (const auto& item : config[key]) {
    if (!item.is_string()) {
      throw std::runtime_error(file.string() + ": \"" + key + "\" must be a list of names");
    }
    list.push_back(item.get<std::string>());
  }
  return list;
}

RunConfig read_config(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  std::ifstream stream(file);
  if (!stream) {
    throw std::runtime_error(file.string() +
                             ": cannot be opened; a run folder holds config.json, eval.csv, "
                             "history.csv and scores/");
  }
  RunConfig config;
  try {
    config.all = nlohmann::ordered_json::parse(stream);
    config.name =
        config.all.value("name", fs::absolute(folder / "").parent_path().filename().string());
    config.method = config.all.value("method", config.name);
    config.seed = config.all.value("seed", std::int64_t{0});
    config.synthetic = config.all.value("synthetic", false);
    config.data = config.all.value("data", "");
    const auto options = config.all.value("options", nlohmann::ordered_json::object());
    config.rgb_dir = options.value("rgb-dir", "");
    config.compression = options.value("compression", "");
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(file.string() + ": " + error.what());
  }
  config.train_datasets = string_list(config.all, "train_datasets", file);
  config.train_domains = string_list(config.all, "train_domains", file);
  return config;
}

}  // namespace

HistoryWriter::HistoryWriter(const fs::path& run, std::vector<std::string> extra_columns,
                             CsvWriter::Mode mode, std::optional<std::int64_t> last_step)
    : extra_columns_(std::move(extra_columns)),
      writer_(prepared_history(run, mode, last_step), with_extra(history_columns, extra_columns_),
              mode) {}

void HistoryWriter::write(const HistoryRow& row) {
  std::vector<std::string> cells{to_csv(row.step),     to_csv(row.epoch), to_csv(row.lr),
                                 to_csv(row.loss),     to_csv(row.img_s), to_csv(row.step_seconds),
                                 to_csv(row.grad_norm)};
  for (const std::string& column : extra_columns_) {
    const auto value = row.extra.find(column);
    if (value == row.extra.end() || row.extra.size() != extra_columns_.size()) {
      throw std::runtime_error("a history row must hold the extra columns it was announced with: " +
                               column + " or the number of columns is wrong");
    }
    cells.push_back(to_csv(value->second));
  }
  writer_.write(cells);
}

std::vector<HistoryRow> read_history(const fs::path& run) {
  const CsvTable table = read_csv(run / "history.csv");
  std::vector<std::size_t> at;
  for (const std::string& name : history_columns) at.push_back(table.column(name));
  std::vector<HistoryRow> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    HistoryRow row{table.integer(i, at[0]), table.integer(i, at[1]), table.number(i, at[2]),
                   table.number(i, at[3]),  table.number(i, at[4]),  table.number(i, at[5]),
                   table.number(i, at[6])};
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      if (std::ranges::find(at, column) != at.end()) continue;
      row.extra[table.columns[column]] = table.number(i, column);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void write_evals(const fs::path& run, std::span<const EvalRow> rows) {
  CsvTable table{
      run / "eval.csv", {"epoch", "dataset", "domain", "split", "level", "n_real", "n_fake"}, {}};
  for (const MetricColumn& column : metric_columns) table.columns.push_back(column.name);
  const std::vector<TextColumn> texts = used_columns(rows);
  for (const TextColumn& column : texts) table.columns.push_back(column.name);
  for (const EvalRow& row : rows) {
    auto& cells = table.rows.emplace_back(
        std::vector<std::string>{to_csv(row.epoch), row.dataset, row.domain, row.split, row.level,
                                 to_csv(row.metrics.n_real), to_csv(row.metrics.n_fake)});
    for (const MetricColumn& column : metric_columns) {
      cells.push_back(to_csv(row.metrics.*column.value));
    }
    for (const TextColumn& column : texts) cells.push_back(row.*column.value);
  }
  fs::create_directories(run);
  write_csv(table);
}

std::vector<EvalRow> read_evals(const fs::path& run) {
  const CsvTable table = read_csv(run / "eval.csv");
  std::vector<EvalRow> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto cell = [&](const char* name) { return table.rows[i][table.column(name)]; };
    EvalRow row{table.integer(i, table.column("epoch")),
                cell("dataset"),
                cell("domain"),
                cell("split"),
                cell("level"),
                {}};
    row.metrics.n_real = table.integer(i, table.column("n_real"));
    row.metrics.n_fake = table.integer(i, table.column("n_fake"));
    for (const MetricColumn& column : metric_columns) {
      row.metrics.*column.value = table.number(i, table.column(column.name));
    }
    for (const TextColumn& column : text_columns) {
      if (table.has(column.name)) row.*column.value = cell(column.name);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void merge_evals(const fs::path& run, const std::vector<EvalRow>& rows,
                 const std::function<bool(const EvalRow&)>& is_replaced) {
  std::vector<EvalRow> all;
  if (fs::exists(run / "eval.csv")) all = read_evals(run);
  std::erase_if(all, is_replaced);
  all.insert(all.end(), rows.begin(), rows.end());
  write_evals(run, all);
}

namespace {

fs::path scores_file(const fs::path& run, const std::string& dataset) {
  if (dataset.find_first_of("/\\") != std::string::npos) {
    throw std::runtime_error("the data set's name '" + dataset +
                             "' would write outside of the run; rename it without slashes");
  }
  return run / "scores" / (dataset + ".csv");
}

void read_scores_of(const fs::path& file, std::vector<FrameScore>& scores) {
  const CsvTable table = read_csv(file);
  const std::size_t video = table.column("video"), frame = table.column("frame"),
                    label = table.column("label"), domain = table.column("domain"),
                    prob = table.column("prob");
  const bool compressed = table.has("compression");
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    scores.push_back({file.stem().string(), table.rows[i][domain], table.rows[i][video],
                      table.rows[i][frame], static_cast<int>(table.integer(i, label)),
                      table.number(i, prob),
                      compressed ? table.rows[i][table.column("compression")] : ""});
  }
}

/// Scores of the same data set that @p scores do not replace: those in other compressions.
std::vector<FrameScore> kept_scores(const fs::path& file, const std::vector<FrameScore>& scores) {
  std::vector<FrameScore> kept;
  if (fs::exists(file)) read_scores_of(file, kept);
  std::erase_if(kept, [&](const FrameScore& old) {
    return old.compression.empty() ||
           std::ranges::find(scores, old.compression, &FrameScore::compression) != scores.end();
  });
  return kept;
}

}  // namespace

void write_scores(const fs::path& run, std::span<const FrameScore> scores) {
  std::map<std::string, std::vector<FrameScore>> by_dataset;
  for (const FrameScore& score : scores) by_dataset[score.dataset].push_back(score);
  fs::create_directories(run / "scores");
  for (auto& [dataset, fresh] : by_dataset) {
    CsvTable table{scores_file(run, dataset), {"video", "frame", "label", "domain", "prob"}, {}};
    std::vector<FrameScore> all;
    const bool compressed = !fresh.front().compression.empty();
    if (compressed) all = kept_scores(table.file, fresh);
    if (compressed) table.columns.push_back("compression");
    all.insert(all.end(), fresh.begin(), fresh.end());
    for (const FrameScore& score : all) {
      auto& cells = table.rows.emplace_back(std::vector<std::string>{
          score.video, score.frame, std::to_string(score.label), score.domain, to_csv(score.prob)});
      if (compressed) cells.push_back(score.compression);
    }
    write_csv(table);
  }
}

std::vector<FrameScore> read_scores(const fs::path& run) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run / "scores")) {
    if (entry.path().extension() == ".csv") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<FrameScore> scores;
  for (const fs::path& file : files) read_scores_of(file, scores);
  return scores;
}

void write_config(const fs::path& run, const nlohmann::ordered_json& config) {
  fs::create_directories(run);
  replace_file(run / "config.json", config.dump(2) + '\n');
}

Run read_run(const fs::path& folder) {
  Run run{.folder = folder, .config = read_config(folder)};
  if (fs::exists(folder / "history.csv")) run.history = read_history(folder);
  if (fs::exists(folder / "eval.csv")) run.evals = read_evals(folder);
  if (fs::is_directory(folder / "scores")) run.scores = read_scores(folder);
  run.gradcam = read_gradcam_index(folder);
  run.robustness = read_robustness(folder);
  return run;
}

std::string domain_title(const std::string& label, bool synthetic) {
  std::string name = label;
  // One manipulation per data set: the data set's name says it.
  if (name.ends_with("_fake") || name.ends_with("_Fake")) name.resize(name.size() - 5);
  if (synthetic && name.starts_with("FF-")) name.erase(0, 3);
  return dataset_title(name, synthetic);
}

std::string dataset_title(const std::string& dataset, bool synthetic) {
  const std::string name = dataset == "FaceForensics++" ? "FF++" : dataset;
  if (!synthetic) return name;
  constexpr std::string_view prefix = "synthetic-";
  const bool says_so = name.starts_with(prefix) || name.starts_with("Synthetic-");
  return std::string(prefix) + (says_so ? name.substr(prefix.size()) : name);
}

}  // namespace deepfake
