// SPDX-License-Identifier: MIT
#include <roga/recalibrate.hpp>
#include <roga/weight_average.hpp>
#include <stdexcept>
#include <vector>

#include "support/problems.hpp"
#include "support/test.hpp"

namespace nn = torch::nn;

namespace {

/// Of one batch, over all but the channels.
std::pair<at::Tensor, at::Tensor> statistics(const at::Tensor& batch) {
  const auto rows = batch.transpose(0, 1).flatten(1).to(at::kDouble);
  return {rows.mean(1), rows.var(1, /*unbiased=*/true)};
}
/// The plain means of those of several.
std::pair<at::Tensor, at::Tensor> expected(const std::vector<at::Tensor>& batches) {
  at::Tensor mean;
  at::Tensor variance;
  for (const auto& batch : batches) {
    const auto [m, v] = statistics(batch);
    mean = mean.defined() ? mean + m : m;
    variance = variance.defined() ? variance + v : v;
  }
  const auto count = static_cast<double>(batches.size());
  return {mean / count, variance / count};
}
bool close(const at::Tensor& a, const at::Tensor& b, double tolerance = 1e-5) {
  return torch::allclose(a.to(at::kDouble), b, tolerance, tolerance);
}
std::vector<at::Tensor> batches_of(std::int64_t count, double scale = 1, double shift = 3) {
  torch::manual_seed(3);
  std::vector<at::Tensor> batches;
  for (std::int64_t i = 0; i < count; ++i) {
    batches.push_back(torch::randn({8, 3, 2, 2}) * scale + shift + static_cast<double>(i));
  }
  return batches;
}

}  // namespace

TEST_CASE("recalibrate: means over the batches, whatever the momentum", "[average]") {
  using Momentum = c10::optional<double>;
  for (const Momentum momentum : {Momentum(.1), Momentum(.01), Momentum(1), Momentum()}) {
    for (const double scale : {1., 1e-3, 1e4}) {
      for (const std::int64_t count : {1, 2, 7}) {
        nn::BatchNorm2d norm(nn::BatchNorm2dOptions(3).momentum(momentum));
        norm->forward(torch::randn({4, 3, 2, 2}));
        norm->eval();
        const auto batches = batches_of(count, scale, 3 * scale);
        roga::recalibrate(norm, batches);
        const auto [mean, variance] = expected(batches);
        CHECK(close(norm->running_mean / scale, mean / scale));
        CHECK(close(norm->running_var / scale / scale, variance / scale / scale));
        CHECK(norm->num_batches_tracked.item<std::int64_t>() == count);
        CHECK_FALSE(norm->is_training());
      }
    }
  }
}

TEST_CASE("recalibrate: a network's layers, with dropout between", "[average]") {
  nn::Sequential net(nn::BatchNorm2d(3), nn::Dropout(.5), nn::Conv2d(3, 4, 1), nn::BatchNorm2d(4));
  const auto batches = batches_of(4);
  net->eval();
  net[1]->train();  // modes are put back one by one
  torch::manual_seed(8);
  roga::recalibrate(*net, batches);
  CHECK_FALSE(net->is_training());
  CHECK(net[1]->is_training());
  CHECK_FALSE(net[3]->is_training());
  const auto drawn = torch::randn({3});

  // What the last layer saw, by hand: the same masks in the same order.
  torch::manual_seed(8);
  std::vector<at::Tensor> seen;
  nn::BatchNorm2d first(nn::BatchNorm2dOptions(3));
  auto* convolution = net[2]->as<nn::Conv2d>();
  const torch::NoGradGuard no_grad;
  for (const auto& batch : batches) {
    seen.push_back(convolution->forward(torch::dropout(first->forward(batch), .5, true)));
  }
  CHECK(torch::equal(torch::randn({3}), drawn));
  const auto [mean, variance] = expected(seen);
  auto* last = net[3]->as<nn::BatchNorm2d>();
  CHECK(close(last->running_mean, mean));
  CHECK(close(last->running_var, variance));
}

TEST_CASE("recalibrate: TorchScript modules, and layers that do not move", "[average]") {
  auto make = [](const char* forward) {
    torch::jit::Module module("norm");
    module.register_buffer("running_mean", torch::full({3}, .5));
    module.register_buffer("running_var", torch::full({3}, 2.));
    module.register_attribute("training", c10::BoolType::get(), false);
    module.define(forward);
    return module;
  };
  const auto batches = batches_of(3);
  auto moves = make(
      "def forward(self, x):\n  return torch.batch_norm(x, None, None, self.running_mean, "
      "self.running_var, self.training, 0.25, 1e-5, False)\n");
  roga::recalibrate(moves, batches);
  const auto [mean, variance] = expected(batches);
  CHECK(close(moves.attr("running_mean").toTensor(), mean));
  CHECK(close(moves.attr("running_var").toTensor(), variance));
  CHECK_FALSE(moves.is_training());

  auto frozen = make(
      "def forward(self, x):\n  return torch.batch_norm(x, None, None, self.running_mean, "
      "self.running_var, False, 0.25, 1e-5, False)\n");
  roga::recalibrate(frozen, batches);
  CHECK(torch::equal(frozen.attr("running_mean").toTensor(), torch::full({3}, .5)));
  CHECK(torch::equal(frozen.attr("running_var").toTensor(), torch::full({3}, 2.)));
}

TEST_CASE("recalibrate: batches of any kind; after a failure nothing has changed", "[average]") {
  struct Batch {
    at::Tensor data;
  };
  nn::BatchNorm2d norm(3);
  norm->forward(torch::randn({4, 3, 2, 2}));
  const auto own = problems::copy(norm->buffers());
  std::vector<Batch> batches;
  for (const auto& data : batches_of(3)) batches.push_back({data});
  int passes = 0;
  CHECK_THROWS_AS(roga::recalibrate(norm, batches,
                                    [&](const Batch& batch) {
                                      norm->forward(batch.data);
                                      if (++passes == 3) throw std::runtime_error("on purpose");
                                    }),
                  std::runtime_error);
  CHECK(problems::same_bits(norm->buffers(), own));
  CHECK(norm->is_training());
  CHECK_THROWS_WITH(roga::recalibrate(norm, std::vector<at::Tensor>()),
                    ContainsSubstring("got no batch"));
  CHECK(problems::same_bits(norm->buffers(), own));
  roga::recalibrate(norm, batches, [&](const Batch& batch) { norm->forward(batch.data); });
  CHECK_FALSE(problems::same_bits(norm->buffers(), own));

  nn::Linear plain(2, 2);
  roga::recalibrate(plain, std::vector<at::Tensor>{torch::ones({1, 2})});
}

TEST_CASE("recalibrate: the statistics of averaged weights", "[average]") {
  torch::manual_seed(4);
  nn::Sequential net(nn::Conv2d(3, 4, 1), nn::BatchNorm2d(4));
  roga::WeightAverage average(net, roga::UniformAverage{});
  const auto batches = batches_of(3);
  for (int i = 0; i < 3; ++i) {
    const torch::NoGradGuard no_grad;
    net[0]->as<nn::Conv2d>()->weight.normal_();
    average.update();
  }
  const auto own = problems::copy(net->buffers());
  {
    const auto in_use = average.use();
    roga::recalibrate(net, batches);
    const torch::NoGradGuard no_grad;
    std::vector<at::Tensor> seen;
    for (const auto& batch : batches) seen.push_back(net[0]->as<nn::Conv2d>()->forward(batch));
    CHECK(close(net->named_buffers()["1.running_mean"], expected(seen).first));
  }
  CHECK(problems::same_bits(net->buffers(), own));
}
