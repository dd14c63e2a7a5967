// SPDX-License-Identifier: MIT
#include "training/run_writer.hpp"

#include <limits>
#include <utility>

#include "text/table.hpp"

namespace deepfake {
namespace {

std::vector<std::string> columns_of(const std::vector<std::string>& domains) {
  std::vector<std::string> columns{"skipped"};
  for (const std::string& domain : domains) columns.push_back("loss " + domain);
  return columns;
}

}  // namespace

RunWriter::RunWriter(const std::filesystem::path& run, Plan plan, std::int64_t step, bool resumes)
    : plan_(std::move(plan)),
      progress_("train", plan_.total_steps),
      history_(run, columns_of(plan_.domains),
               resumes ? CsvWriter::Mode::append : CsvWriter::Mode::fresh, step),
      board_(run, resumes ? TensorBoardWriter::Mode::append : TensorBoardWriter::Mode::fresh, step),
      loss_(std::numeric_limits<double>::quiet_NaN()),
      images_per_second_(std::numeric_limits<double>::quiet_NaN()) {
  progress_.keep(run / "train.log");
}

void RunWriter::options(const std::string& json) {
  board_.text("options", 0, "```\n" + json + "\n```");
}

void RunWriter::time(double seconds, double all_seconds) {
  timed_.step += seconds;
  timed_.all += all_seconds;
  ++timed_.steps;
}

void RunWriter::row(const Progression& now, std::int64_t epoch, double learning_rate) {
  const auto steps = static_cast<double>(now.summed_steps);
  HistoryRow row;
  row.step = now.step;
  row.epoch = epoch;
  row.lr = learning_rate;
  row.loss = 0;
  for (std::size_t k = 0; k < plan_.domains.size(); ++k) {
    const double loss = now.summed_losses[k] / steps;
    row.loss += loss / static_cast<double>(plan_.domains.size());
    row.extra["loss " + plan_.domains[k]] = loss;
  }
  row.grad_norm = now.summed_norm / steps;
  row.extra["skipped"] = static_cast<double>(now.skipped);
  row.img_s = static_cast<double>(plan_.images_per_step) * timed_.steps / timed_.all;
  row.step_seconds = timed_.step / timed_.steps;
  history_.write(row);
  board_.scalar("train/loss", row.step, row.loss);
  for (const std::string& domain : plan_.domains) {
    board_.scalar("train/loss " + domain, row.step, row.extra["loss " + domain]);
  }
  board_.scalar("train/direction norm", row.step, row.grad_norm);
  board_.scalar("train/lr", row.step, row.lr);
  board_.scalar("train/images per second", row.step, row.img_s);
  loss_ = row.loss;
  images_per_second_ = row.img_s;
  timed_ = {};
}

void RunWriter::update(std::int64_t step) {
  progress_.update(step, "loss " + fixed(loss_) + "  " + fixed(images_per_second_, 0) + " img/s");
}

void RunWriter::validation(std::int64_t step, const std::vector<EvalRow>& rows) {
  for (const EvalRow& row : rows) {
    board_.scalar("val " + row.level + " AUC/" + row.dataset + ' ' + row.domain, step,
                  row.metrics.auc);
  }
}

}  // namespace deepfake
