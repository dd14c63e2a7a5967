// SPDX-License-Identifier: MIT
#include "generalization/fashion.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

namespace generalization {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t side = 28;

const std::map<std::string, double> angles{{"0", 0},   {"15", 15}, {"30", 30},
                                           {"45", 45}, {"60", 60}, {"75", 75}};
const std::map<std::string, double> agreements{{"+90%", 0.9}, {"+80%", 0.8}, {"-90%", 0.1}};

std::vector<unsigned char> read_gz(const fs::path& file, std::size_t header, std::size_t size) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(file.c_str(), "rb"), gzclose);
  std::vector<unsigned char> bytes(header + size);
  if (!stream || gzread(stream.get(), bytes.data(), static_cast<unsigned>(bytes.size())) !=
                     static_cast<int>(bytes.size())) {
    throw std::runtime_error(file.string() +
                             ": missing or cut off; install Debian's dataset-fashion-mnist or name "
                             "the folder with --data");
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

/// Images [N, 28, 28] in [0, 1] and labels [N].
Domain read_base(const fs::path& folder, const std::string& part, std::int64_t count) {
  const auto n = static_cast<std::size_t>(count);
  const auto pixels = read_gz(folder / (part + "-images-idx3-ubyte.gz"), 16,
                              n * static_cast<std::size_t>(side * side));
  const auto labels = read_gz(folder / (part + "-labels-idx1-ubyte.gz"), 8, n);
  at::Tensor images = at::empty({count, side, side}, at::kByte);
  std::memcpy(images.data_ptr(), pixels.data(), pixels.size());
  at::Tensor classes = at::empty({count}, at::kByte);
  std::memcpy(classes.data_ptr(), labels.data(), labels.size());
  return {"", images.to(at::kFloat) / 255, classes.to(at::kLong)};
}

at::Tensor rotated(const at::Tensor& images, double degrees) {
  at::Tensor result = images.clone();
  const auto centre = static_cast<float>(side - 1) / 2;
  const cv::Mat turn = cv::getRotationMatrix2D({centre, centre}, degrees, 1);
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const cv::Mat from(side, side, CV_32F, images[i].data_ptr<float>());
    cv::Mat to(side, side, CV_32F, result[i].data_ptr<float>());
    cv::warpAffine(from, to, turn, to.size(), cv::INTER_LINEAR);
  }
  return result.unsqueeze(1);
}

/// Two classes with a quarter of the labels flipped, and a colour channel that goes with them.
Domain coloured(const Domain& base, double agreement, const at::Generator& generator) {
  const auto draw = [&](double probability) {
    return at::rand({base.labels.size(0)}, generator) < probability;
  };
  const at::Tensor labels = (base.labels >= 5).logical_xor(draw(0.25));
  const at::Tensor colour = labels.logical_xor(draw(1 - agreement)).to(at::kFloat);
  const at::Tensor weights = at::stack({1 - colour, colour}, 1).view({-1, 2, 1, 1});
  return {"", base.images.unsqueeze(1) * weights, labels.to(at::kLong)};
}

}  // namespace

std::vector<std::string> fashion_domains(const std::string& family) {
  std::vector<std::string> names;
  const auto& all = family == "rotated" ? angles : agreements;
  for (const auto& [name, degree] : all) names.push_back(name);
  return names;
}

Problem fashion_problem(const ProblemOptions& options) {
  const bool rotates = options.family == "rotated";
  auto generator = at::detail::createCPUGenerator(options.seed);
  const Domain train = read_base(options.data, "train", 60000);
  const Domain test = read_base(options.data, "t10k", 10000);
  const at::Tensor order = at::randperm(60000, generator);
  const auto domain = [&](const Domain& base, const at::Tensor& rows, const std::string& name) {
    Domain part{name, base.images.index_select(0, rows), base.labels.index_select(0, rows)};
    if (rotates) {
      part.images = rotated(part.images, angles.at(name));
    } else {
      const Domain painted = coloured(part, agreements.at(name), generator);
      part.images = painted.images;
      part.labels = painted.labels;
    }
    return part;
  };
  Problem problem;
  problem.classes = rotates ? 10 : 2;
  problem.channels = rotates ? 1 : 2;
  problem.side = side;
  std::int64_t used = 0;
  const auto take = [&](std::int64_t count) {
    used += count;
    return order.slice(0, used - count, used);
  };
  for (const std::string& name : fashion_domains(options.family)) {
    if (name == options.held_out || name == options.also_left_out) continue;
    problem.train.push_back(domain(train, take(options.train), name));
    problem.validation.push_back(domain(train, take(options.validation), name));
    at::Tensor& labels = problem.train.back().labels;
    const at::Tensor noisy = at::rand(labels.sizes(), generator) < options.label_noise;
    labels = at::where(noisy, at::randint(problem.classes, labels.sizes(), generator), labels);
  }
  if (options.also_left_out.empty()) {
    problem.tests.push_back(
        domain(test, at::randperm(10000, generator).slice(0, 0, options.test), options.held_out));
  } else {
    for (const std::string& name : {options.held_out, options.also_left_out}) {
      problem.tests.push_back(domain(train, take(options.validation), name));
    }
  }
  return problem;
}

}  // namespace generalization
