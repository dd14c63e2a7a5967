// SPDX-License-Identifier: MIT
#include "generalization/emoji.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/stack.h>

#include <fstream>
#include <iterator>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <set>
#include <stdexcept>

namespace generalization {
namespace {

namespace fs = std::filesystem;

/// RGB on white, in [-1, 1], [3, side, side].
at::Tensor picture(const fs::path& file, int side) {
  cv::Mat image = cv::imread(file.string(), cv::IMREAD_UNCHANGED);
  if (image.empty() || image.depth() != CV_8U) {
    throw std::runtime_error(file.string() + ": missing or no 8-bit picture");
  }
  if (image.channels() == 1) cv::cvtColor(image, image, cv::COLOR_GRAY2BGRA);
  if (image.channels() == 3) cv::cvtColor(image, image, cv::COLOR_BGR2BGRA);
  const int how = image.cols > side ? cv::INTER_AREA : cv::INTER_CUBIC;
  image.convertTo(image, CV_32F, 1 / 255.0);
  std::vector<cv::Mat> planes;
  cv::split(image, planes);
  at::Tensor result = at::empty({3, side, side});
  for (int c = 0; c < 3; ++c) {
    const cv::Mat on_white = planes[3].mul(planes[static_cast<std::size_t>(2 - c)]) + 1 - planes[3];
    cv::Mat plane(side, side, CV_32F, result[c].data_ptr<float>());
    cv::resize(on_white, plane, plane.size(), 0, 0, how);
  }
  return result.clamp_(0, 1).mul_(2).sub_(1);
}

}  // namespace

const std::vector<std::string>& emoji_styles() {
  static const std::vector<std::string> names{"fluent", "google", "openmoji", "twitter"};
  return names;
}

Emoji read_emoji(const fs::path& folder, std::int64_t side) {
  const fs::path list = folder / "concepts.csv";
  std::ifstream file(list);
  if (!file) {
    throw std::runtime_error(list.string() +
                             ": missing; scripts/fetch_emoji.sh fetches the pictures");
  }
  std::vector<std::string> codes, categories;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::size_t comma = line.find(',');
    if (comma == std::string::npos) {
      throw std::runtime_error(list.string() + ": no code,category: " + line);
    }
    codes.push_back(line.substr(0, comma));
    categories.push_back(line.substr(comma + 1));
  }
  const std::set<std::string> names(categories.begin(), categories.end());
  std::vector<std::int64_t> labels;
  for (const std::string& category : categories) {
    labels.push_back(std::distance(names.begin(), names.find(category)));
  }
  Emoji emoji;
  emoji.labels = at::from_blob(labels.data(), {std::ssize(labels)}, at::kLong).clone();
  emoji.categories = std::ssize(names);
  for (const std::string& style : emoji_styles()) {
    const char* ending = style == "fluent" ? ".webp" : ".png";
    std::vector<at::Tensor> images;
    for (const std::string& code : codes) {
      images.push_back(picture(folder / style / (code + ending), static_cast<int>(side)));
    }
    emoji.of_style[style] = at::stack(images);
  }
  return emoji;
}

Concepts split_concepts(std::int64_t count, std::uint64_t seed) {
  const at::Tensor order = at::randperm(count, at::detail::createCPUGenerator(seed));
  const std::int64_t train = count / 2, validation = count * 15 / 100;
  return {order.slice(0, 0, train), order.slice(0, train, train + validation),
          order.slice(0, train + validation)};
}

Problem styles_problem(const ProblemOptions& options) {
  constexpr std::int64_t side = 32;
  static std::map<fs::path, Emoji> read;  // by folder; takes seconds
  if (!read.contains(options.emoji)) read[options.emoji] = read_emoji(options.emoji, side);
  const Emoji& emoji = read.at(options.emoji);
  const Concepts concepts = split_concepts(emoji.labels.size(0), options.seed);
  const auto domain = [&](const std::string& style, const at::Tensor& rows) {
    return Domain{style, emoji.of_style.at(style).index_select(0, rows),
                  emoji.labels.index_select(0, rows)};
  };
  Problem problem;
  problem.classes = emoji.categories;
  problem.channels = 3;
  problem.side = side;
  problem.shift = 2;
  for (const std::string& style : emoji_styles()) {
    if (style == options.held_out || style == options.also_left_out) {
      problem.tests.push_back(
          domain(style, options.also_left_out.empty() ? concepts.test : concepts.validation));
    } else {
      problem.train.push_back(domain(style, concepts.train));
      problem.validation.push_back(domain(style, concepts.validation));
    }
  }
  return problem;
}

}  // namespace generalization
