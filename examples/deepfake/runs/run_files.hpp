// SPDX-License-Identifier: MIT
// The files of a run folder, which training and evaluation write and the report reads:
//   config.json         effective options
//   history.csv         one row per logged step
//   eval.csv            one row per epoch, data set, domain, split and level
//   scores/DATASET.csv  one row per test frame
// and what runs/analysis_files.hpp and runs/tensorboard.hpp name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "files/csv.hpp"
#include "metrics/evaluation.hpp"
#include "runs/analysis_files.hpp"

namespace deepfake {

struct HistoryRow {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  double lr = 0;
  double loss = 0;
  double img_s = 0;
  double step_seconds = 0;
  double grad_norm = 0;
  std::map<std::string, double> extra = {};  ///< further columns, the same in every row
};

/// Appends to RUN/history.csv. With Mode::append (a resumed run), rows after @p last_step are
/// dropped first: those steps are done again.
class HistoryWriter {
 public:
  HistoryWriter(const std::filesystem::path& run, std::vector<std::string> extra_columns,
                CsvWriter::Mode mode = CsvWriter::Mode::fresh,
                std::optional<std::int64_t> last_step = {});
  void write(const HistoryRow& row);

 private:
  std::vector<std::string> extra_columns_;
  CsvWriter writer_;
};
std::vector<HistoryRow> read_history(const std::filesystem::path& run);

/// Replaces RUN/eval.csv, in one go.
void write_evals(const std::filesystem::path& run, std::span<const EvalRow> rows);
std::vector<EvalRow> read_evals(const std::filesystem::path& run);
/// Puts @p rows in the place of those rows of RUN/eval.csv that @p is_replaced picks.
void merge_evals(const std::filesystem::path& run, const std::vector<EvalRow>& rows,
                 const std::function<bool(const EvalRow&)>& is_replaced);

/// Replaces RUN/scores/DATASET.csv for every data set in @p scores; those of other compressions of
/// it stay.
void write_scores(const std::filesystem::path& run, std::span<const FrameScore> scores);
/// All data sets of RUN/scores, in the order of their names.
std::vector<FrameScore> read_scores(const std::filesystem::path& run);

/// What the report takes from config.json; everything else there is listed as it is. Runs whose
/// options differ in nothing but "name", "seed" and "record" (what is no option: times, machine,
/// best epoch, ...) count as seeds of one method.
struct RunConfig {
  std::string name;    ///< "name", or the folder's
  std::string method;  ///< "method": erm, sam, roga, ...
  std::int64_t seed = 0;
  bool synthetic = false;
  std::filesystem::path data;               ///< "data": where images come from; may be gone
  std::filesystem::path rgb_dir;            ///< "options" > "rgb-dir"; empty: beside the index
  std::string compression;                  ///< "options" > "compression"
  std::vector<std::string> train_datasets;  ///< "train_datasets"
  std::vector<std::string> train_domains;   ///< "train_domains": manipulations trained on
  nlohmann::ordered_json all;
};

struct Run {
  std::filesystem::path folder;
  RunConfig config;
  // Empty where the run folder has no such file.
  std::vector<HistoryRow> history = {};
  std::vector<EvalRow> evals = {};
  std::vector<FrameScore> scores = {};
  std::vector<GradCamRow> gradcam = {};
  std::vector<RobustnessRow> robustness = {};
};

void write_config(const std::filesystem::path& run, const nlohmann::ordered_json& config);

/// @throws std::runtime_error naming the file that is missing (config.json) or malformed.
Run read_run(const std::filesystem::path& folder);

/// Name to show for a manipulation or label: synthetic-DF for FF-DF of rendered data, so that no
/// table seems to speak of the real data set.
std::string domain_title(const std::string& label, bool synthetic);
std::string dataset_title(const std::string& dataset, bool synthetic);

}  // namespace deepfake
