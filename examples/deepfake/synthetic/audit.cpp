// SPDX-License-Identifier: MIT
#include "synthetic/audit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "images/image.hpp"
#include "metrics/metrics.hpp"
#include "synthetic/face.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

constexpr std::array statistics{
    "mean red",     "mean green",         "mean blue",        "saturation",       "contrast",
    "JPEG grid",    "Laplacian",          "Laplacian centre", "centre / whole",   "lower / upper",
    "noise centre", "noise centre / rim", "chroma detail",    "mid detail centre"};
constexpr double limit = 0.85;

double mean_of(const cv::Mat& m) { return cv::mean(m)[0]; }

/// Mean absolute step across the columns and rows where JPEG blocks meet, over that elsewhere.
double grid_energy(const cv::Mat& grey) {
  double at_grid = 1e-9, elsewhere = 1e-9;
  int grid_count = 0, other_count = 0;
  const auto add = [&](int i, double step) {
    (i % 8 == 0 ? at_grid : elsewhere) += step;
    ++(i % 8 == 0 ? grid_count : other_count);
  };
  for (int i = 1; i < grey.cols; ++i) add(i, mean_of(cv::abs(grey.col(i) - grey.col(i - 1))));
  for (int i = 1; i < grey.rows; ++i) add(i, mean_of(cv::abs(grey.row(i) - grey.row(i - 1))));
  return (at_grid / std::max(grid_count, 1)) / (elsewhere / std::max(other_count, 1));
}

std::array<double, statistics.size()> measure(const std::filesystem::path& file) {
  const cv::Mat image = read_image_float(file);
  if (image.rows < 16 || image.cols < 16) {
    throw std::runtime_error(file.string() + ": smaller than 16 x 16 pixels, too small to audit");
  }
  cv::Mat grey, laplacian;
  cv::cvtColor(image, grey, cv::COLOR_RGB2GRAY);
  cv::Laplacian(grey, laplacian, CV_32F, 1, 1.0, 0.0, cv::BORDER_REPLICATE);
  const cv::Mat energy = laplacian.mul(laplacian);

  const auto part = [&](double left, double top, double right, double bottom) {
    const double width = image.cols;
    const double height = image.rows;
    return cv::Rect(cv::Point(cvRound(left * width), cvRound(top * height)),
                    cv::Point(cvRound(right * width), cvRound(bottom * height)));
  };
  const cv::Rect centre = part(0.32, 0.36, 0.68, 0.82);
  const cv::Rect upper = part(0.30, 0.30, 0.70, 0.56);
  const cv::Rect lower = part(0.30, 0.58, 0.70, 0.84);
  constexpr double tiny = 1e-7;

  const cv::Scalar mean = cv::mean(image);
  cv::Scalar grey_mean, grey_deviation;
  cv::meanStdDev(grey, grey_mean, grey_deviation);
  std::array<cv::Mat, 3> channels;
  cv::split(image, channels.data());
  const cv::Mat spread = cv::max(cv::max(channels[0], channels[1]), channels[2]) -
                         cv::min(cv::min(channels[0], channels[1]), channels[2]);
  const cv::Mat chroma = channels[0] - channels[2];
  cv::Mat chroma_smooth, smooth, smoother;
  cv::GaussianBlur(chroma, chroma_smooth, {}, 1.0);
  cv::GaussianBlur(grey, smooth, {}, 1.0);
  cv::GaussianBlur(grey, smoother, {}, 2.5);
  const cv::Mat chroma_detail = chroma - chroma_smooth;
  const cv::Mat middle = smooth - smoother;

  const double whole_energy = mean_of(energy);
  const double centre_energy = mean_of(energy(centre));
  const double centre_noise = static_cast<double>(estimate_noise(grey(centre).clone()));
  const double rim_noise =
      0.5 * static_cast<double>(estimate_noise(grey(part(0.0, 0.0, 0.2, 1.0)).clone()) +
                                estimate_noise(grey(part(0.8, 0.0, 1.0, 1.0)).clone()));
  return {mean[0],
          mean[1],
          mean[2],
          mean_of(spread),
          grey_deviation[0],
          grid_energy(grey),
          whole_energy,
          centre_energy,
          centre_energy / (whole_energy + tiny),
          mean_of(energy(lower)) / (mean_of(energy(upper)) + tiny),
          centre_noise,
          centre_noise / (rim_noise + tiny),
          mean_of(chroma_detail.mul(chroma_detail)(centre)),
          mean_of(middle.mul(middle)(centre))};
}

}  // namespace

std::vector<AuditRow> audit(std::span<const std::filesystem::path> real,
                            std::span<const std::filesystem::path> fake) {
  std::array<std::vector<double>, statistics.size()> scores;
  std::vector<int> labels;
  const auto read = [&](std::span<const std::filesystem::path> files, int label) {
    for (const auto& file : files) {
      const auto values = measure(file);
      for (std::size_t i = 0; i < statistics.size(); ++i) scores[i].push_back(values[i]);
      labels.push_back(label);
    }
  };
  read(real, 0);
  read(fake, 1);
  std::vector<AuditRow> rows;
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    rows.push_back({statistics[i], auc(scores[i], labels)});
  }
  return rows;
}

double worst_auc(std::span<const AuditRow> rows) {
  double worst = 0.5;
  for (const auto& row : rows) worst = std::max({worst, row.auc, 1.0 - row.auc});
  return worst;
}

void print_audit(std::ostream& out, std::span<const AuditedDomain> domains) {
  std::vector<std::string> header{"AUC of one statistic"};
  for (const AuditedDomain& domain : domains) header.push_back(domain.name);
  Table table(header);
  for (std::size_t i = 0; !domains.empty() && i < domains.front().rows.size(); ++i) {
    std::vector<std::string> cells{domains.front().rows[i].statistic};
    for (const AuditedDomain& domain : domains) {
      const double value = domain.rows[i].auc;
      cells.push_back(fixed(value, 2) + (std::max(value, 1.0 - value) > limit ? '*' : ' '));
    }
    table.add(std::move(cells));
  }
  out << table.text(terminal_width);
}

}  // namespace deepfake
