// SPDX-License-Identifier: MIT
// What does not move is neither copied nor written; what is one in memory moves once.
#include <sys/mman.h>

#include <roga/diagnostics/landscape.hpp>

#include "support/bytes.hpp"
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using problems::leaf;
using problems::Parameters;
using torch::optim::SGD;
using torch::optim::SGDOptions;

namespace {

/// Memory that ends the program if it is written to.
at::Tensor read_only(std::int64_t size) {
  const auto bytes = static_cast<std::size_t>(size) * sizeof(double);
  void* pages = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return torch::from_blob(
      pages, {size}, [bytes](void* memory) { munmap(memory, bytes); }, at::kDouble);
}
at::Tensor inference_tensor() {
  const c10::InferenceMode mode;
  return torch::ones({2}, at::kDouble);
}

}  // namespace

TEST_CASE("weights: what does not train is left alone", "[restore]") {
  const std::vector<at::Tensor> frozen{torch::ones({1}, at::kDouble).expand({2}), read_only(2),
                                       inference_tensor(), torch::ones({2}, at::kDouble)};
  auto check = [&](auto recipe) {
    for (const auto& still : frozen) {
      auto w = leaf({1, 1});
      auto optimizer = roga::wrap<SGD>(recipe, Parameters{still, w}, SGDOptions(.1));
      const auto version = still.is_inference() ? 0 : still._version();
      auto closure = [&] {
        auto loss = (w.square() * (still.is_inference() ? still.clone() : still)).sum() + w.sum();
        loss.backward();
        return loss;
      };
      for (int step = 0; step < 2; ++step) optimizer.step({closure, closure});
      CHECK(w[0].item<double>() < 1);
      if (!still.is_inference()) CHECK(still._version() == version);
      CHECK_THROWS_AS(optimizer.step([&]() -> at::Tensor {
        closure();
        throw std::runtime_error("on purpose");
      }),
                      std::runtime_error);
      optimizer.step([&] { return closure() * NAN; });
      CHECK(optimizer.last_step().skipped());
    }
  };
  check(recipes::sam());
  check(recipes::asam());
  check(recipes::roga());
  check(recipes::looksam());
}

TEST_CASE("weights: those that do not ascend are not written to", "[restore]") {
  for (const auto others : {roga::Bystanders::in_graph, roga::Bystanders::out_of_graph}) {
    auto norm = leaf({1, 2});
    auto rest = leaf({3, 4});
    auto optimizer =
        roga::wrap<SGD>(recipes::sam({.rho = 1}), Parameters{rest, norm}, SGDOptions(0.));
    optimizer.ascend_only({norm}, others);
    const auto version = rest._version();
    std::vector<std::int64_t> seen;
    optimizer.step([&] {
      seen.push_back(static_cast<std::int64_t>(rest._version()));
      auto loss = (norm * rest).square().sum();
      loss.backward();
      return loss;
    });
    CHECK(seen == std::vector<std::int64_t>(2, static_cast<std::int64_t>(version)));
  }
}

TEST_CASE("cost: a small adapter on a frozen base costs what the adapter costs", "[cost]") {
  constexpr std::int64_t width = 256;
  auto peak = [](auto recipe, bool listed, bool excluded) {
    torch::manual_seed(1);
    const auto base = torch::randn({width, width}).set_requires_grad(excluded);
    const auto down = torch::randn({width, 2}).set_requires_grad(true);
    const auto up = torch::randn({2, width}).set_requires_grad(true);
    const auto input = torch::randn({1, width});
    const support::Bytes bytes;
    auto list = listed ? Parameters{base, down, up} : Parameters{down, up};
    auto optimizer = roga::wrap<SGD>(recipe, list, SGDOptions(1e-3));
    if (excluded) optimizer.ascend_only({down, up}, roga::Bystanders::out_of_graph);
    for (int step = 0; step < 3; ++step) {
      optimizer.step([&] {
        auto loss = (input.matmul(base) + input.matmul(down).matmul(up)).square().mean();
        loss.backward();
        return loss;
      });
    }
    return static_cast<double>(bytes.peak());
  };
  const double of_base = width * width * sizeof(float);
  auto check = [&](auto recipe) {
    CHECK(peak(recipe, true, false) == Approx(peak(recipe, false, false)).margin(1));
  };
  check(recipes::sam());
  check(recipes::asam());
  check(recipes::gam());
  // The gradient of what trains and does not ascend is there, its copy is not.
  CHECK(peak(recipes::sam(), true, true) < 1.3 * of_base);
  CHECK(peak(recipes::asam(), true, true) < 1.3 * of_base);
}

TEST_CASE("ties: parameters over one memory move once, by what moves them together", "[ties]") {
  // Against a loss of one parameter: the gradients of the parts add up.
  auto check = [](auto recipe, auto tie) {
    auto a = leaf({1, 2});
    auto b = leaf({0, 0});
    auto lone = leaf({.5});
    tie(a, b);
    auto one = leaf({1, 2});
    auto other = leaf({.5});
    std::vector<double> points;
    std::vector<double> expected;
    auto tied = roga::wrap<SGD>(recipe, Parameters{a, lone, b}, SGDOptions(.01));
    auto single = roga::wrap<SGD>(recipe, Parameters{one, other}, SGDOptions(.01));
    for (int step = 0; step < 2; ++step) {
      const auto before = a.detach().clone();
      auto domain = [&](double slope) -> roga::LossClosure {
        return [&, slope] {
          points.push_back(a[0].item<double>());
          auto loss = (slope * a * b.square() * lone).sum();
          loss.backward();
          return loss;
        };
      };
      auto same = [&](double slope) -> roga::LossClosure {
        return [&, slope] {
          expected.push_back(one[0].item<double>());
          auto loss = (slope * one.pow(3) * other).sum();
          loss.backward();
          return loss;
        };
      };
      tied.step({domain(1), domain(2)});
      single.step({same(1), same(2)});
      CHECK(torch::allclose(a, one, 1e-12));
      CHECK(torch::equal(a, b));
      CHECK_FALSE(torch::equal(a, before));
    }
    REQUIRE(points.size() == expected.size());
    for (std::size_t i = 0; i < points.size(); ++i) CHECK(points[i] == Approx(expected[i]));
  };
  auto set_data = [](at::Tensor& a, at::Tensor& b) { b.set_data(a.detach()); };
  auto view = [](at::Tensor& a, at::Tensor& b) {
    b = a.detach().view({2}).set_requires_grad(true);
  };
  auto flat = [](at::Tensor& a, at::Tensor& b) {
    const auto memory = torch::tensor({9., 1., 2., 9.}, at::kDouble);
    a = memory.narrow(0, 1, 2).detach().set_requires_grad(true);
    b = memory.narrow(0, 1, 2).detach().set_requires_grad(true);
  };
  check(recipes::sam({.rho = .5}), set_data);
  check(recipes::sam({.rho = .5}), view);
  check(recipes::sam({.rho = .5}), flat);
  check(recipes::roga({.rho = .5, .alpha = .3}), set_data);
  check(recipes::sagm({.rho = .5}), view);
  check(recipes::asam({.rho = .5}), flat);
  check(recipes::pcgrad(), set_data);
}

TEST_CASE("ties: with radius 0 the base gets each tensor's own part", "[ties]") {
  for (const double momentum : {0., .5, .9}) {
    auto run = [&](auto make) {
      auto a = leaf({1, 2});
      auto b = leaf({0, 0});
      b.set_data(a.detach());
      auto optimizer = make(Parameters{a, b}, SGDOptions(.01).momentum(momentum).weight_decay(.1));
      for (int step = 0; step < 4; ++step) {
        optimizer.step([&] {
          for (auto& x : Parameters{a, b}) x.mutable_grad() = at::Tensor();
          auto loss = (a * b.square()).sum();
          loss.backward();
          return loss;
        });
      }
      return a.detach().clone();
    };
    CHECK(torch::equal(
        run([](const auto& parameters, const auto& options) { return SGD(parameters, options); }),
        run([](const auto& parameters, const auto& options) {
          return roga::wrap<SGD>(recipes::sam({.rho = 0}), parameters, options);
        })));
  }
}

TEST_CASE("ties: parts of one memory are fine apart, and refused where they overlap",
          "[ties][message]") {
  const auto memory = torch::arange(12, at::kDouble);
  auto part = [&](std::int64_t from, at::IntArrayRef sizes, at::IntArrayRef strides) {
    return memory.as_strided(sizes, strides, from).detach().set_requires_grad(true);
  };
  auto step = [](const Parameters& parameters) {
    return support::message_of([&] {
      auto optimizer = roga::wrap<SGD>(recipes::sam(), parameters, SGDOptions(.1));
      optimizer.step([&] {
        auto loss = torch::zeros({}, at::kDouble);
        for (const auto& parameter : parameters) loss = loss + parameter.square().sum();
        loss.backward();
        return loss;
      });
    });
  };
  CHECK(step({part(0, {4}, {1}), part(4, {4}, {1}), part(8, {4}, {1})}) == "nothing");
  CHECK(step({part(0, {3, 2}, {4, 1}), part(2, {3, 2}, {4, 1})}) == "nothing");  // columns
  CHECK(step({part(1, {5}, {2}), part(0, {6}, {2})}) == "nothing");              // combs
  for (const auto& [a, b] : std::vector<std::pair<at::Tensor, at::Tensor>>{
           {part(0, {4}, {1}), part(3, {4}, {1})},
           {part(0, {12}, {1}), part(2, {3, 2}, {4, 1})},
           {part(0, {4}, {3}), part(0, {6}, {2})},
           {part(0, {2, 2}, {2, 1}), part(0, {4}, {1})}}) {
    const auto text = step({part(11, {0}, {1}), a, leaf({1}), b});
    CHECK(text.find("parameters 1 and 3 ") != std::string::npos);
    CHECK(text.find("share a part of their memory") != std::string::npos);
  }
}
