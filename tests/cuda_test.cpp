// SPDX-License-Identifier: MIT
// What only a CUDA machine can show: no step waits for the device, the copy of theta may stay on
// the host, a step can be captured in a graph. Without LibTorch's CUDA headers the file is empty;
// without a device its tests do nothing.
#include "support/test.hpp"

#if __has_include(<c10/cuda/CUDAFunctions.h>) && __has_include(<cuda_runtime_api.h>)

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <set>

#include "support/problems.hpp"
#include "support/recipes.hpp"

namespace {

namespace recipes = roga::recipes;
using problems::Network;
using torch::optim::SGD;
using torch::optim::SGDOptions;

/// Fails every call that waits for the device while in scope.
struct NoWaiting {
  NoWaiting() { set(c10::cuda::SyncDebugMode::L_ERROR); }
  ~NoWaiting() { set(c10::cuda::SyncDebugMode::L_DISABLED); }
  NoWaiting(const NoWaiting&) = delete;
  NoWaiting& operator=(const NoWaiting&) = delete;
  static void set(c10::cuda::SyncDebugMode mode) {
    c10::cuda::warning_state().set_sync_debug_mode(mode);
  }
};

/// Normalised, with dropout, on the device.
Network on_device(at::ScalarType type = at::kFloat) {
  torch::manual_seed(7);
  Network net(
      3, type, 7,
      torch::nn::Sequential(torch::nn::Linear(5, 8), torch::nn::BatchNorm1d(8), torch::nn::ReLU(),
                            torch::nn::Dropout(0.2), torch::nn::Linear(8, 2)));
  net.to(at::kCUDA);
  return net;
}

template <class Recipe>
bool waits(const Recipe& recipe, roga::NonFinite rule, bool backup_on_host = false) {
  auto net = on_device();
  auto optimizer =
      roga::wrap(std::unique_ptr<torch::optim::Optimizer>(
                     new SGD(net.parameters(), SGDOptions(0.05).momentum(0.9).weight_decay(1e-3))),
                 recipe);
  optimizer.protect(*net.net);
  optimizer.clip_norm(1.0);
  optimizer.non_finite(rule);
  optimizer.backup_on_host(backup_on_host);
  for (int step = 0; step < 2; ++step) optimizer.step(net.closures());
  try {
    const NoWaiting guard;
    for (int step = 0; step < 4; ++step) optimizer.step(net.closures());
  } catch (const c10::Error& error) {
    INFO(error.what());
    CHECK(std::string(error.what()).find("synchroniz") != std::string::npos);
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE("cuda: no step waits for the device unless it is asked to check its numbers", "[cuda]") {
  if (!torch::cuda::is_available()) return;
  // Small problems solved on the host, for which one matrix or the losses are fetched.
  const std::set<std::string> solve_on_host{"pcgrad",      "mgda",    "cagrad", "grad_vac",
                                            "group_dro",   "upgrad",  "config", "imtl_g",
                                            "aligned_mtl", "nash_mtl"};
  every::recipe([&](const std::string& name, auto recipe, bool) {
    INFO(name);
    CHECK(waits(recipe, roga::NonFinite::ignore) == solve_on_host.contains(name));
  });
  CHECK(waits(recipes::sam(), roga::NonFinite::skip));
  CHECK_FALSE(waits(recipes::roga(), roga::NonFinite::ignore, /*backup_on_host=*/true));
  CHECK_FALSE(waits(recipes::asam(), roga::NonFinite::ignore, /*backup_on_host=*/true));
}

TEST_CASE("cuda: averages and pooled closures do not wait, and give the host's numbers", "[cuda]") {
  if (!torch::cuda::is_available()) return;
  auto train = [](at::Device device) {
    Network net(3, at::kDouble);
    net.to(device);
    auto optimizer = roga::wrap<SGD>(recipes::sam(), net.parameters(), SGDOptions(0.05));
    optimizer.non_finite(roga::NonFinite::ignore);
    optimizer.perturbation().radius = {.loss_budget = 0.01};
    roga::WeightAverage average(net.net, roga::UniformAverage{});
    const roga::Domains domains{
        net.closures(), [&net] {
          net.net->zero_grad();
          auto losses = torch::stack({net.loss(0), net.loss(1), net.loss(2)});
          losses.mean().backward();
          return losses;
        }};
    auto steps = [&](int count) {
      for (int step = 0; step < count; ++step) {
        optimizer.step(domains);
        average.update();
      }
    };
    steps(2);
    {
      const NoWaiting guard;
      steps(3);
    }
    const auto in_use = average.use();
    std::vector<at::Tensor> on_host;
    for (const auto& parameter : net.parameters()) on_host.push_back(parameter.detach().cpu());
    return on_host;
  };
  CHECK(problems::deviation(train(at::kCUDA), train(at::kCPU)) < 1e-10);
}

TEST_CASE("cuda: a copy of theta on the host changes no bit and saves memory", "[cuda]") {
  if (!torch::cuda::is_available()) return;
  auto run = [](auto recipe, bool on_host) {
    auto net = on_device();
    const auto big = torch::randn({1 << 20}, at::kCUDA).requires_grad_();
    auto parameters = net.parameters();
    parameters.push_back(big);
    const auto* storage = big.data_ptr();
    auto optimizer = roga::wrap<SGD>(recipe, parameters, SGDOptions(0.01));
    optimizer.backup_on_host(on_host);
    std::vector<roga::LossClosure> closures;
    for (std::size_t k = 0; k < 3; ++k) {
      closures.emplace_back([&net, &big, k] {
        net.net->zero_grad();
        auto loss = net.loss(k) + big.square().mean();
        loss.backward();
        return loss;
      });
    }
    optimizer.protect(*net.net);
    optimizer.step(closures);
    std::vector<at::Tensor> after_steps;
    std::int64_t peak = 0;
    for (int step = 0; step < 3; ++step) {
      optimizer.step(closures);
      after_steps.push_back(big.detach().cpu());
    }
    c10::cuda::CUDACachingAllocator::resetPeakStats(0);
    optimizer.step(closures);
    peak = c10::cuda::CUDACachingAllocator::getDeviceStats(0).allocated_bytes[0].peak;
    CHECK(big.data_ptr() == storage);
    auto all = problems::copy(net.parameters());
    after_steps.push_back(big.detach().cpu());
    all.insert(all.end(), after_steps.begin(), after_steps.end());
    return std::pair(all, peak);
  };
  auto compare = [&](const auto& recipe) {
    const auto [device_bits, device_peak] = run(recipe, false);
    const auto [host_bits, host_peak] = run(recipe, true);
    for (std::size_t i = 0; i < device_bits.size(); ++i) CHECK(device_bits[i].equal(host_bits[i]));
    CHECK(device_peak - host_peak >= (1 << 22));
  };
  compare(recipes::sam());
  compare(recipes::roga());
  compare(recipes::asam());
}

TEST_CASE("cuda: weights are back bit for bit, in their storage", "[cuda]") {
  if (!torch::cuda::is_available()) return;
  for (const bool on_host : {false, true}) {
    auto net = on_device();
    auto optimizer = roga::wrap<SGD>(recipes::roga({.rho = 3}), net.parameters(), SGDOptions(0));
    optimizer.backup_on_host(on_host);
    const auto before = problems::copy(net.parameters());
    bool moved = false;
    std::vector<roga::LossClosure> closures = net.closures();
    closures[0] = [&, inner = closures[0]] {
      moved = moved || !net.parameters()[0].equal(before[0]);
      return inner();
    };
    for (int step = 0; step < 3; ++step) optimizer.step(closures);
    CHECK(moved);
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(net.parameters()[i].equal(before[i]));
  }
}

TEST_CASE("cuda: a captured step replays what steps do", "[cuda]") {
  if (!torch::cuda::is_available()) return;
  auto run = [](auto recipe, bool captured) {
    Network net(3, at::kDouble);
    net.to(at::kCUDA);
    const c10::cuda::CUDAStreamGuard stream(c10::cuda::getStreamFromPool());
    auto optimizer = roga::wrap<SGD>(recipe, net.parameters(), SGDOptions(0.05));
    optimizer.non_finite(roga::NonFinite::ignore);
    for (int step = 0; step < 3; ++step) optimizer.step(net.closures());
    at::cuda::CUDAGraph graph;
    if (captured) {
      torch::cuda::synchronize();
      graph.capture_begin();
      optimizer.step(net.closures());
      graph.capture_end();
    }
    for (int step = 0; step < 4; ++step) {
      if (captured) {
        graph.replay();
      } else {
        optimizer.step(net.closures());
      }
    }
    torch::cuda::synchronize();
    return problems::copy(net.parameters());
  };
  CHECK(problems::deviation(run(recipes::sam(), true), run(recipes::sam(), false)) < 1e-13);
  CHECK(problems::deviation(run(recipes::sagm(), true), run(recipes::sagm(), false)) < 1e-13);
  CHECK(problems::deviation(run(recipes::roga(), true), run(recipes::roga(), false)) < 1e-13);
}

TEST_CASE("cuda: parameters of half precision, tiny and zero gradients", "[cuda]") {
  if (!torch::cuda::is_available()) return;
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    for (const double slope : {1e-5, 1.0, 0.0}) {
      auto w = torch::full({4}, 0.25, torch::dtype(type).device(at::kCUDA)).requires_grad_();
      auto optimizer =
          roga::wrap<SGD>(recipes::sam({.rho = 1}), std::vector<at::Tensor>{w}, SGDOptions(0));
      std::vector<double> seen;
      optimizer.step([&] {
        seen.push_back(w[0].item<double>());
        auto loss = (w * slope).sum();
        loss.backward();
        return loss;
      });
      CHECK_FALSE(optimizer.last_step().skipped());
      CHECK(seen[1] == Approx(slope == 0 ? 0.25 : 0.75).epsilon(0.01));
    }
  }
}

TEST_CASE("cuda: a checkpoint goes on with the same bits", "[cuda]") {
  if (!torch::cuda::is_available()) return;
  auto run = [](bool interrupted) {
    auto net = on_device(at::kDouble);
    net.net->eval();
    auto make = [&] {
      return roga::wrap<SGD>(recipes::looksam({.k = 3}), net.parameters(),
                             SGDOptions(0.05).momentum(0.9));
    };
    auto first = make();
    for (int step = 0; step < 4; ++step) first.step(net.closures());
    auto second = make();
    if (interrupted) {
      std::stringstream stream;
      torch::save(first, stream);
      torch::load(second, stream);
    }
    auto& optimizer = interrupted ? second : first;
    for (int step = 0; step < 4; ++step) optimizer.step(net.closures());
    return problems::copy(net.parameters());
  };
  const auto whole = run(false);
  const auto resumed = run(true);
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(whole[i].equal(resumed[i]));
}

#endif
