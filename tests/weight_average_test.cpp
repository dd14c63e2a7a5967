// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <roga/checkpoint.hpp>
#include <roga/weight_average.hpp>

#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
using problems::Parameters;
using roga::DenseAverage;
using roga::ExponentialAverage;
using roga::UniformAverage;
using roga::WeightAverage;
using Window = std::pair<std::int64_t, std::int64_t>;

namespace {

void set(at::Tensor& parameter, double value) {
  const torch::NoGradGuard no_grad;
  parameter.fill_(value);
}
double averaged(WeightAverage& average, const at::Tensor& parameter) {
  const auto in_use = average.use();
  return parameter.flatten()[0].item<double>();
}

/// SWAD by the letter of algorithm 1: the losses E_1, ..., E_T to the window of losses.
std::optional<Window> swad(const std::vector<double>& losses, std::int64_t Ns, std::int64_t Ne,
                           double r) {
  std::optional<double> l;
  std::int64_t ts = 0;
  const auto T = static_cast<std::int64_t>(losses.size());
  auto E = [&](std::int64_t i) { return losses[static_cast<std::size_t>(i - 1)]; };
  for (std::int64_t i = 1; i <= T; ++i) {
    if (!l) {
      if (i < Ns) continue;
      bool least = true;
      double sum = 0;
      for (std::int64_t j = 0; j < Ns; ++j) {
        least = least && E(i - Ns + 1) <= E(i - j);
        sum += E(i - j);
      }
      if (least) {
        ts = i - Ns + 1;
        l = r / static_cast<double>(Ns) * sum;
      }
    } else if (i >= Ne) {
      double least = INFINITY;
      for (std::int64_t j = 0; j < Ne; ++j) least = std::min(least, E(i - j));
      if (*l < least) return Window(ts, i - Ne);
    }
  }
  if (!l) return std::nullopt;
  return Window(ts, T);
}

torch::nn::Sequential small_net() {
  torch::manual_seed(1);
  return torch::nn::Sequential(torch::nn::Linear(3, 4), torch::nn::BatchNorm1d(4),
                               torch::nn::Linear(4, 1));
}
void train_a_little(torch::nn::Sequential& net, torch::optim::Optimizer& optimizer) {
  optimizer.zero_grad();
  net->forward(torch::randn({5, 3})).square().sum().backward();
  optimizer.step();
}
/// Some steps with an average beside them, stopped and resumed after `stop` of them.
template <class Rule>
std::pair<Parameters, std::optional<Window>> train(const Rule& rule, int stop) {
  auto net = small_net();
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(.05));
  torch::manual_seed(2);
  std::optional<WeightAverage> average(std::in_place, net, rule);
  for (int step = 1; step <= 14; ++step) {
    train_a_little(net, optimizer);
    average->update();
    const double losses[] = {3, 2, 2.5, 4, 1, 9, 9};
    if (std::is_same_v<Rule, DenseAverage> && step % 2 == 0) average->observe(losses[step / 2 - 1]);
    if (step == stop) {
      std::stringstream file;
      torch::save(*average, file);
      average.emplace(net, rule);
      torch::load(*average, file);
    }
  }
  const auto in_use = average->use();
  auto state = problems::copy(net->parameters());
  for (const auto& buffer : net->buffers()) state.push_back(buffer.clone());
  return {state, average->window()};
}

}  // namespace

TEST_CASE("weight_average: exponential, with the factors of the first updates", "[average]") {
  for (const double decay : {.5, .9, .999}) {
    for (const bool warm_up : {true, false}) {
      auto w = leaf({4});
      WeightAverage average({w}, ExponentialAverage{.decay = decay, .warm_up = warm_up});
      CHECK(averaged(average, w) == 4);
      double expected = 4;
      for (int n = 0; n < 30; ++n) {
        const double value = std::sin(n);
        set(w, value);
        average.update();
        const double d = warm_up ? std::min(decay, (1. + n) / (10. + n)) : decay;
        expected = d * expected + (1 - d) * value;
        CHECK(averaged(average, w) == Approx(expected).epsilon(1e-13));
        CHECK(w.item<double>() == value);
      }
      CHECK_FALSE(average.window());
    }
  }
}

TEST_CASE("weight_average: uniform, from an update on", "[average]") {
  for (const std::int64_t from : {1, 3, 7}) {
    for (const std::int64_t every : {1, 2, 5}) {
      auto w = leaf({100});
      WeightAverage average({w}, UniformAverage{.from = from, .every = every});
      double sum = 0;
      int count = 0;
      for (std::int64_t i = 1; i <= 20; ++i) {
        const double value = std::cos(static_cast<double>(i));
        set(w, value);
        average.update();
        if (i >= from && (i - from) % every == 0) {
          sum += value;
          ++count;
        }
        CHECK(average.ready() == (count > 0));
        CHECK(averaged(average, w) == Approx(count > 0 ? sum / count : value));
      }
      CHECK(average.window()->first == from);
      CHECK(average.updates() == 20);
    }
  }
}

TEST_CASE("weight_average: a window worked out by hand", "[average]") {
  // Losses after every second update; N_s 3, N_e 2, r 1.2. The third, 5, is least among itself and
  // the two after it: the window starts with update 5, which leads to it. l = 1.2 (5 + 6 + 7) / 3 =
  // 7.2. The sixth, 7.3, is above it, the seventh not; the eighth and ninth both are: the window
  // ends with update 14, which leads to the seventh.
  const std::vector<double> losses{9, 8, 5, 6, 7, 7.3, 7.1, 7.21, 8, 1, 1};
  auto w = leaf({0});
  WeightAverage average({w},
                        DenseAverage{.start_patience = 3, .end_patience = 2, .tolerance = 1.2});
  for (std::size_t i = 0; i < losses.size(); ++i) {
    for (const double part : {0., 1.}) {
      set(w, 2 * static_cast<double>(i) + 1 + part);  // the number of the update
      average.update();
    }
    average.observe(losses[i]);
    CHECK(average.ready() == (i >= 4));
    CHECK(average.closed() == (i >= 8));
    if (i == 5) CHECK(average.window() == Window(5, 12));  // it would last until now
  }
  CHECK(average.window() == Window(5, 14));
  CHECK(averaged(average, w) == Approx((5. + 14.) / 2));
}

TEST_CASE("weight_average: windows are those of the published algorithm", "[average]") {
  std::mt19937_64 draw(3);
  int starts = 0;
  int ends = 0;
  for (int trial = 0; trial < 400; ++trial) {
    const auto Ns = static_cast<std::int64_t>(1 + draw() % 5);
    const auto Ne = static_cast<std::int64_t>(1 + draw() % 5);
    const double r = 1 + static_cast<double>(draw() % 4) / 10;
    std::vector<double> losses;
    for (int i = 0; i < 14; ++i) losses.push_back(1 + static_cast<double>(draw() % 12) / 8);
    auto w = leaf({0});
    WeightAverage average({w}, DenseAverage{Ns, Ne, r});
    for (std::size_t i = 0; i < losses.size(); ++i) {
      set(w, std::pow(static_cast<double>(i + 1), 2));
      average.update();
      average.observe(losses[i]);
    }
    const auto window = swad(losses, Ns, Ne, r);
    INFO("trial " << trial << ": " << Ns << " " << Ne << " " << r);
    CHECK(average.window() == window);
    if (!window) continue;
    ++starts;
    ends += average.closed() ? 1 : 0;
    double sum = 0;
    for (auto i = window->first; i <= window->second; ++i) sum += static_cast<double>(i * i);
    CHECK(averaged(average, w) ==
          Approx(sum / static_cast<double>(window->second - window->first + 1)));
  }
  CHECK(starts > 200);
  CHECK(ends > 100);
}

TEST_CASE("weight_average: losses that are not numbers start and hold no window", "[average]") {
  auto w = leaf({0});
  WeightAverage average({w}, DenseAverage{.start_patience = 2, .end_patience = 2});
  for (const double loss : {double{NAN}, double{INFINITY}, 3., double{NAN}, double{NAN}}) {
    set(w, 1);
    average.update();
    average.observe(loss);
  }
  CHECK(average.window() ==
        Window(3, 3));  // the first NaN after 3 is in the look-out for the start
}

TEST_CASE("weight_average: resumed training goes on bit for bit", "[average][serialize]") {
  auto check = [](const auto& rule) {
    const auto [state, window] = train(rule, 0);
    for (int stop = 1; stop <= 14; ++stop) {
      INFO("stopped after " << stop);
      const auto [resumed, same_window] = train(rule, stop);
      CHECK(problems::same_bits(resumed, state));
      CHECK(same_window == window);
    }
  };
  check(ExponentialAverage{.decay = .8});
  check(UniformAverage{.from = 3, .every = 2});
  check(DenseAverage{.start_patience = 2, .end_patience = 2, .tolerance = 1.5});
}

TEST_CASE("weight_average: of modules, handles and lists", "[average]") {
  auto follows = [](const auto& model, at::Tensor parameter) {
    WeightAverage average(model, UniformAverage{});
    set(parameter, 2);
    average.update();
    set(parameter, 4);
    average.update();
    CHECK(averaged(average, parameter) == 3);
    CHECK(parameter.flatten()[0].template item<double>() == 4);
  };
  auto net = small_net();
  const auto weight = net->parameters()[0];
  follows(net, weight);
  follows(*net, weight);
  follows(net.ptr(), weight);
  follows(std::shared_ptr<torch::nn::Module>(net.ptr()), weight);
  follows(net->parameters(), weight);
  torch::nn::LinearImpl on_the_stack(2, 2);
  follows(on_the_stack, on_the_stack.weight);

  auto script = [] {
    torch::jit::Module module("net");
    module.register_parameter("w", torch::zeros({2}).set_requires_grad(true), false);
    module.register_buffer("seen", torch::zeros({1}));
    return module;
  };
  auto module = script();
  follows(module, module.attr("w").toTensor());
  std::optional<torch::jit::Module> handle(script());
  WeightAverage of_temporary(torch::jit::Module(*handle), UniformAverage{});
  auto w = handle->attr("w").toTensor();
  handle.reset();
  set(w, 7);
  of_temporary.update();
  set(w, 1);
  CHECK(averaged(of_temporary, w) == 7);

  auto kept = std::make_unique<WeightAverage>(small_net(), UniformAverage{});
  kept->update();  // it has the holder
  auto owned = std::make_shared<torch::nn::LinearImpl>(2, 2);
  WeightAverage watches(*owned, UniformAverage{});
  owned.reset();
  CHECK_THROWS_WITH(watches.update(), ContainsSubstring("no longer exists"));
  CHECK_THROWS_WITH(WeightAverage(torch::nn::Sequential(nullptr), UniformAverage{}),
                    ContainsSubstring("empty model"));
}

TEST_CASE("weight_average: buffers with numbers are averaged, counts are the last ones",
          "[average]") {
  auto net = small_net();
  WeightAverage average(net, UniformAverage{});
  std::vector<at::Tensor> means;
  for (int i = 0; i < 4; ++i) {
    net->forward(torch::randn({6, 3}) + i);
    average.update();
    means.push_back(net->named_buffers()["1.running_mean"].clone());
  }
  const auto own = problems::copy(net->buffers());
  {
    const auto in_use = average.use();
    CHECK(torch::allclose(net->named_buffers()["1.running_mean"], torch::stack(means).mean(0)));
    CHECK(net->named_buffers()["1.num_batches_tracked"].item<std::int64_t>() == 4);
  }
  CHECK(problems::same_bits(net->buffers(), own));

  // A buffer that grows begins anew; so does one that comes later.
  struct Grows : torch::nn::Module {
    at::Tensor b = register_buffer("b", torch::ones({2}));
    at::Tensor w = register_parameter("w", torch::ones({1}));
  } grows;
  WeightAverage of_grown(grows, UniformAverage{});
  of_grown.update();
  grows.b.resize_({3}).fill_(5);
  const auto late = grows.register_buffer("late", torch::full({1}, 3.));
  of_grown.update();
  grows.b.fill_(0);
  late.fill_(0);
  const auto in_use = of_grown.use();
  CHECK(grows.b.sum().item<double>() == 15);
  CHECK(late.item<double>() == 3);
}

TEST_CASE("weight_average: what does not train is left alone", "[average]") {
  auto frozen = torch::zeros({3}, at::kDouble).expand({1000, 3});  // not to be written to
  auto adapter = leaf({1});
  auto later = leaf({1}).set_requires_grad(false);
  WeightAverage average({frozen, adapter, later}, UniformAverage{});
  average.update();
  later.set_requires_grad(true);
  set(later, 5);
  average.update();
  later.set_requires_grad(false);  // it stays in the mean
  set(later, 8);
  average.update();
  CHECK(averaged(average, later) == Approx(5 + (8. - 5) / 3));  // as if it had always been 5
  std::stringstream file;
  torch::save(average, file);
  CHECK(file.str().size() < 10000);  // 24 kB are frozen

  auto half = leaf({1}, at::kBFloat16);
  WeightAverage of_half({half}, ExponentialAverage{.decay = .999, .warm_up = false});
  set(half, 2);
  for (int i = 0; i < 1000; ++i) of_half.update();  // in bfloat16 it would never move
  CHECK(averaged(of_half, half) == Approx(2 - std::pow(.999, 1000)).epsilon(.01));
  CHECK(half.scalar_type() == at::kBFloat16);
}

TEST_CASE("weight_average: weights come back, whatever happens", "[average]") {
  Network net(1);
  auto optimizer = roga::wrap<torch::optim::SGD>(roga::recipes::sam(), net.parameters(),
                                                 torch::optim::SGDOptions(.1));
  WeightAverage average(net.net, ExponentialAverage{.decay = .5});
  for (int i = 0; i < 3; ++i) {
    optimizer.step(net.closures());
    average.update();
  }
  const auto own = problems::copy(net.parameters());
  std::vector<const void*> storage;
  for (const auto& parameter : net.parameters()) storage.push_back(parameter.data_ptr());
  auto is_own = [&] {
    bool same = problems::same_bits(net.parameters(), own);
    for (std::size_t i = 0; i < storage.size(); ++i) {
      same = same && net.parameters()[i].data_ptr() == storage[i];
    }
    return same;
  };
  try {
    const auto in_use = average.use();
    CHECK_FALSE(is_own());
    throw std::runtime_error("in an evaluation");
  } catch (const std::runtime_error&) {
  }
  CHECK(is_own());
  {
    auto in_use = average.use();
    const auto moved = std::move(in_use);
    CHECK_FALSE(is_own());
    CHECK_THROWS_WITH(average.update(), ContainsSubstring("has the average's weights"));
    CHECK_THROWS_WITH(average.use(), ContainsSubstring("has the average's weights"));
  }
  CHECK(is_own());

  // One parameter that cannot be written to: those before it come back.
  auto good = leaf({1});
  auto bad = leaf({1, 1, 1});
  WeightAverage two({good, bad}, UniformAverage{});
  set(good, 3);
  two.update();
  set(good, 4);
  bad.set_data(torch::ones({1}, at::kDouble).expand({3}));
  CHECK_THROWS(two.use());
  CHECK(good.item<double>() == 4);
  CHECK_NOTHROW(two.update());
}

TEST_CASE("weight_average: tied parameters come back", "[average]") {
  const auto memory = torch::tensor({1., 2., 3.}, at::kDouble);
  auto a = memory.narrow(0, 0, 2).detach().requires_grad_();
  auto b = memory.narrow(0, 1, 2).detach().requires_grad_();
  WeightAverage average({a, b, a}, UniformAverage{});
  average.update();
  memory.fill_(5);
  average.update();
  memory.copy_(torch::tensor({7., 8., 9.}, at::kDouble));
  {
    const auto in_use = average.use();
    CHECK(torch::equal(memory, torch::tensor({3., 3.5, 4.}, at::kDouble)));
  }
  CHECK(torch::equal(memory, torch::tensor({7., 8., 9.}, at::kDouble)));
}

TEST_CASE("weight_average: files of another kind change nothing", "[average][serialize]") {
  auto net = small_net();
  WeightAverage average(net, UniformAverage{});
  average.update();
  set(net->parameters()[0], 9);
  auto saved = [](const auto& value) {
    std::stringstream file;
    torch::save(value, file);
    return file.str();
  };
  auto load = [&](const std::string& bytes) {
    std::stringstream file(bytes);
    torch::load(average, file);
  };
  auto other = torch::nn::Sequential(torch::nn::Linear(3, 5));
  WeightAverage of_other(other, UniformAverage{});
  of_other.update();
  WeightAverage exponential(net, ExponentialAverage{});
  auto less = torch::nn::Sequential(torch::nn::Linear(3, 4));
  WeightAverage of_less(less, UniformAverage{});
  of_less.update();
  CHECK_THROWS_WITH(load(saved(of_other)), ContainsSubstring("shape"));
  CHECK_THROWS_WITH(load(saved(exponential)), ContainsSubstring("another rule"));
  CHECK_THROWS_WITH(load(saved(of_less)), ContainsSubstring("lacks the parameter 1.weight"));
  CHECK_THROWS_WITH(load(saved(net)), ContainsSubstring("not saved by a WeightAverage"));
  CHECK(average.updates() == 1);
  CHECK(averaged(average, net->parameters()[0]) != 9);

  const auto file = std::filesystem::temp_directory_path() / "roga_weight_average_test.pt";
  roga::save_checkpoint(average, file);
  WeightAverage again(net, UniformAverage{});
  roga::load_checkpoint(again, file);
  CHECK(again.updates() == 1);
  std::filesystem::remove(file);
}

TEST_CASE("weight_average: rules out of range are refused", "[average][message]") {
  auto make = [](WeightAverage::Rule rule) { WeightAverage({leaf({1})}, rule); };
  CHECK_THROWS_WITH(make(ExponentialAverage{.decay = 1}), ContainsSubstring("decay"));
  CHECK_THROWS_WITH(make(ExponentialAverage{.decay = NAN}), ContainsSubstring("decay"));
  CHECK_THROWS_WITH(make(UniformAverage{.from = 0}), ContainsSubstring("from"));
  CHECK_THROWS_WITH(make(UniformAverage{.every = 0}), ContainsSubstring("every"));
  CHECK_THROWS_WITH(make(DenseAverage{.start_patience = 0}), ContainsSubstring("start_patience"));
  CHECK_THROWS_WITH(make(DenseAverage{.end_patience = 0}), ContainsSubstring("end_patience"));
  CHECK_THROWS_WITH(make(DenseAverage{.tolerance = .9}), ContainsSubstring("tolerance"));
  WeightAverage average({leaf({1})}, UniformAverage{});
  CHECK_THROWS_WITH(average.observe(1), ContainsSubstring("DenseAverage"));
  WeightAverage dense({leaf({1})}, DenseAverage{});
  CHECK_THROWS_WITH(dense.observe(1), ContainsSubstring("without an update()"));
}
