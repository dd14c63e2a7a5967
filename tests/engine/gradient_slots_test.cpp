// SPDX-License-Identifier: MIT
// Against the plain optimizer, and against numbers that follow from arithmetic.
#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "support/bases.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using problems::leaf;
using problems::Parameters;
using torch::optim::SGD;
using torch::optim::SGDOptions;

namespace {

/// How a loop takes gradients away before a backward pass.
using Reset = std::function<void(at::Tensor&)>;
void to_zero(at::Tensor& parameter) {
  if (parameter.grad().defined()) parameter.mutable_grad().zero_();
}
void to_nothing(at::Tensor& parameter) { parameter.mutable_grad() = at::Tensor(); }

/// Six steps in which each of three parameters is reached now and then.
template <class Optimizer>
std::vector<double> train(Optimizer&& optimizer, Parameters parameters, const Reset& reset,
                          bool before_the_step) {
  const std::vector<std::vector<int>> reached{{0, 1, 2}, {0, 1}, {2}, {0}, {0, 2}, {1}};
  std::vector<double> path;
  for (const auto& now : reached) {
    auto reset_all = [&] {
      for (auto& parameter : parameters) reset(parameter);
    };
    if (before_the_step) reset_all();
    optimizer.step([&] {
      if (!before_the_step) reset_all();
      auto loss = torch::zeros({}, at::kDouble);
      for (const int i : now) {
        loss = loss + (parameters[static_cast<std::size_t>(i)] * (i + 1)).square().sum();
      }
      loss.backward();
      return loss;
    });
    for (const auto& parameter : parameters) path.push_back(parameter[0].item<double>());
  }
  return path;
}
Parameters three() { return {leaf({1, 2}), leaf({-1, .5}), leaf({.3, 4})}; }

/// A flat bucket, and parameters whose gradients are views of it.
struct Bucket {
  Parameters parameters{leaf({1, 2}), leaf({3})};
  at::Tensor flat = torch::zeros({3}, at::kDouble);
  explicit Bucket(bool of_foreign_memory = false) {
    if (of_foreign_memory) flat = torch::from_blob(memory.data(), {3}, at::kDouble);
    parameters[0].mutable_grad() = flat.narrow(0, 0, 2);
    parameters[1].mutable_grad() = flat.narrow(0, 2, 1);
  }
  at::Tensor loss(double slope) const {
    return slope * (parameters[0].square().sum() + parameters[1].pow(3).sum());
  }
  bool in_place() const {
    const auto* begin = flat.data_ptr<double>();
    return parameters[0].grad().data_ptr<double>() == begin &&
           parameters[1].grad().data_ptr<double>() == begin + 2;
  }

 private:
  std::array<double, 3> memory{};
};

}  // namespace

TEST_CASE("gradients: the base sees what the user's own resetting leaves", "[gradients]") {
  auto check = [](auto recipe) {
    for (const auto& [name, reset] :
         std::vector<std::pair<std::string, Reset>>{{"zeros", to_zero}, {"nothing", to_nothing}}) {
      for (const bool before : {false, true}) {
        INFO(name << (before ? " before the step" : " in the closure"));
        const auto options = SGDOptions(.1).momentum(.9).weight_decay(.01);
        const auto plain = three();
        const auto robust = three();
        CHECK(train(roga::wrap<SGD>(recipe, robust, options), robust, reset, before) ==
              train(SGD(plain, options), plain, reset, before));
      }
    }
  };
  check(recipes::erm());
  check(recipes::sam({.rho = 0}));
  check(recipes::roga({.rho = 0, .alpha = 0}));
}

TEST_CASE("gradients: each parameter may be reset in its own way", "[gradients]") {
  auto mixed = [](at::Tensor& parameter) {
    parameter.sizes()[0] == 2 && parameter[0].item<double>() > 0 ? to_zero(parameter)
                                                                 : to_nothing(parameter);
  };
  for (const double momentum : {0., .5, .9}) {
    const auto options = SGDOptions(.05).momentum(momentum).weight_decay(.1);
    const auto plain = three();
    const auto robust = three();
    CHECK(train(roga::wrap<SGD>(recipes::sam({.rho = 0}), robust, options), robust, mixed, false) ==
          train(SGD(plain, options), plain, mixed, false));
  }
}

TEST_CASE("gradients: a resumed training knows which parameters had one", "[gradients]") {
  enum class Failure { none, skipped, thrown };
  auto check = [](bool through_a_file, Failure failure) {
    auto w = leaf({1});
    auto rests = leaf({1});
    const auto options = SGDOptions(.1).momentum(.9);
    auto make = [&] { return roga::wrap<SGD>(recipes::erm(), Parameters{w, rests}, options); };
    auto optimizer = make();
    optimizer.step([&] {
      auto loss = (w * rests).sum();
      loss.backward();
      return loss;
    });
    const double before = rests.item<double>();
    auto fail = [&]() -> at::Tensor {
      auto loss = (w * rests).sum() * NAN;
      loss.backward();
      if (failure == Failure::thrown) throw std::runtime_error("on purpose");
      return loss;
    };
    if (failure == Failure::skipped) optimizer.step(fail);
    if (failure == Failure::thrown) CHECK_THROWS_AS(optimizer.step(fail), std::runtime_error);
    auto resumed = make();
    if (through_a_file) {
      std::stringstream file;
      torch::save(optimizer, file);
      rests.mutable_grad() = at::Tensor();
      torch::load(resumed, file);
    }
    auto& goes_on = through_a_file ? resumed : optimizer;
    goes_on.step([&] {
      to_zero(w);
      to_zero(rests);  // zeros, so that the momentum carries on
      auto loss = w.sum();
      loss.backward();
      return loss;
    });
    CHECK(rests.item<double>() == Approx(before - .1 * .9));
  };
  for (const bool through_a_file : {false, true}) {
    for (const auto failure : {Failure::none, Failure::skipped, Failure::thrown}) {
      check(through_a_file, failure);
    }
  }
}

TEST_CASE("gradients: views of a flat bucket keep their place, and its reduction counts",
          "[gradients]") {
  auto check = [](auto recipe, bool zeroes, bool foreign) {
    INFO((zeroes ? "zeroed by the closure" : "left") << (foreign ? ", foreign memory" : ""));
    Bucket bucket(foreign);
    Bucket plain;
    for (auto& parameter : plain.parameters) parameter.mutable_grad() = at::Tensor();
    auto optimizer = roga::wrap<SGD>(recipe, bucket.parameters, SGDOptions(.01).momentum(.5));
    auto reference = roga::wrap<SGD>(recipe, plain.parameters, SGDOptions(.01).momentum(.5));
    for (int step = 0; step < 3; ++step) {
      std::vector<roga::LossClosure> reduced;
      std::vector<roga::LossClosure> doubled;
      for (const double slope : {1., -.3, .5}) {
        reduced.emplace_back([&bucket, slope, zeroes] {
          if (zeroes) bucket.flat.zero_();
          auto loss = bucket.loss(slope);
          loss.backward();
          bucket.flat.mul_(2);  // as the sum over two equal processes
          return loss;
        });
        doubled.emplace_back([&plain, slope] {
          for (auto& parameter : plain.parameters) to_nothing(parameter);
          auto loss = plain.loss(2 * slope);
          loss.backward();
          return loss / 2;
        });
      }
      optimizer.step(reduced);
      reference.step(doubled);
      CHECK(bucket.in_place());
      for (std::size_t i = 0; i < 2; ++i) {
        CHECK(torch::equal(bucket.parameters[i], plain.parameters[i]));
        CHECK(torch::equal(bucket.parameters[i].grad(), plain.parameters[i].grad()));
      }
    }
  };
  for (const bool zeroes : {false, true}) {
    for (const bool foreign : {false, true}) {
      check(recipes::erm(), zeroes, foreign);
      check(recipes::sam({.rho = .1}), zeroes, foreign);
      check(recipes::roga({.rho = .1}), zeroes, foreign);
      check(recipes::pcgrad(), zeroes, foreign);
    }
  }
}

TEST_CASE("gradients: a bucket that threads reduce in their closures trains all alike",
          "[gradients]") {
  // Two replicas, each with half of the data, against one with all of it.
  struct Exchange {
    std::mutex mutex;
    std::condition_variable arrived;
    std::array<at::Tensor, 2> parts;
    std::size_t count = 0;
    at::Tensor mean(std::size_t rank, const at::Tensor& part) {
      std::unique_lock lock(mutex);
      parts.at(rank) = part.clone();
      const std::size_t round = count / 2;
      ++count;
      arrived.notify_all();
      arrived.wait(lock, [&] { return count >= 2 * (round + 1); });
      auto result = (parts[0] + parts[1]) / 2;
      ++left;
      arrived.notify_all();
      arrived.wait(lock, [&] { return left >= 2 * (round + 1); });
      return result;
    }
    std::size_t left = 0;
  };
  auto check = [](auto recipe) {
    const std::array<double, 2> data{.7, 1.9};
    Exchange exchange;
    std::array<Bucket, 2> replicas;
    auto train_replica = [&](std::size_t rank) {
      Bucket& own = replicas.at(rank);
      auto optimizer = roga::wrap<SGD>(recipe, own.parameters, SGDOptions(.01));
      for (int step = 0; step < 3; ++step) {
        optimizer.step([&] {
          own.flat.zero_();
          auto loss = own.loss(data.at(rank));
          loss.backward();
          own.flat.copy_(exchange.mean(rank, own.flat));
          return loss;
        });
      }
    };
    std::thread other([&] { train_replica(1); });
    train_replica(0);
    other.join();
    Bucket one;
    auto optimizer = roga::wrap<SGD>(recipe, one.parameters, SGDOptions(.01));
    for (int step = 0; step < 3; ++step) {
      optimizer.step([&] {
        auto loss = one.loss((data[0] + data[1]) / 2);
        loss.backward();
        return loss;
      });
    }
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(torch::equal(replicas[0].parameters[i], replicas[1].parameters[i]));
      CHECK(torch::allclose(replicas[0].parameters[i], one.parameters[i], 1e-12));
      CHECK_FALSE(torch::equal(one.parameters[i], Bucket().parameters[i]));
    }
  };
  check(recipes::erm());
  check(recipes::sam({.rho = .1}));
  check(recipes::msam({.rho = .1}));
}

TEST_CASE("gradients: a closure may put a tensor of its own into .grad", "[gradients]") {
  for (const bool keeps : {false, true}) {  // a handle of its own
    auto w = leaf({1});
    auto buffer = torch::zeros({1}, at::kDouble);
    auto domain = [&](double slope) -> roga::LossClosure {
      return [&, slope, keeps] {
        buffer.fill_(slope);
        w.mutable_grad() = keeps ? buffer : buffer.clone();
        return torch::zeros({});
      };
    };
    auto optimizer = roga::wrap<SGD>(recipes::erm(), Parameters{w}, SGDOptions(.1));
    optimizer.step({domain(1), domain(-.25), domain(-.5)});
    CHECK(w.item<double>() == Approx(1 - .1 * .25 / 3));
  }
}

TEST_CASE("gradients: what a closure wrote before backward() counts, as in a plain loop",
          "[gradients]") {
  auto run = [](auto&& optimizer, at::Tensor w) {
    for (int step = 0; step < 4; ++step) {
      optimizer.step([&] {
        if (w.grad().defined()) w.mutable_grad().copy_(.3 * w.detach());  // decay by hand
        auto loss = w.square().sum();
        loss.backward();
        return loss;
      });
    }
    return w.detach().clone();
  };
  for (const double start : {1., -2., 7.}) {
    auto plain = leaf({start});
    auto robust = leaf({start});
    CHECK(torch::equal(
        run(roga::wrap<SGD>(recipes::erm(), Parameters{robust}, SGDOptions(.1)), robust),
        run(SGD(Parameters{plain}, SGDOptions(.1)), plain)));
  }
}

TEST_CASE("gradients: those that autograd puts into one memory are apart in rows", "[gradients]") {
  // The gradients of a and b are views of one tensor; a scale divides each of them once.
  for (const double scale : {1., 4., 1024.}) {
    auto a = leaf({1, 2});
    auto b = leaf({3, 4});
    roga::LossScaler scaler({.scale = scale});
    auto optimizer = roga::wrap<SGD>(recipes::erm(), Parameters{a, b}, SGDOptions(1));
    optimizer.attach(scaler);
    optimizer.step([&] {
      auto loss = (a.view({1, 2}) + b.view({1, 2})).sum() * 3;
      scaler.scale(loss).backward();
      return loss;
    });
    CHECK(torch::equal(a, torch::tensor({-2., -1.}, at::kDouble)));
    CHECK(torch::equal(b, torch::tensor({0., 1.}, at::kDouble)));
  }
}

TEST_CASE("gradients: a step that fails leaves none, but a bucket in its place", "[gradients]") {
  Bucket bucket;
  auto lone = leaf({1});
  auto all = bucket.parameters;
  all.push_back(lone);
  auto optimizer = roga::wrap<SGD>(recipes::sam(), all, SGDOptions(.1));
  for (const int fatal : {0, 1}) {
    int pass = 0;
    CHECK_THROWS_AS(optimizer.step([&]() -> at::Tensor {
      auto loss = bucket.loss(1) + lone.sum();
      loss.backward();
      if (pass++ == fatal) throw std::runtime_error("on purpose");
      return loss;
    }),
                    std::runtime_error);
    CHECK(bucket.in_place());
    CHECK_FALSE(lone.grad().defined());
  }
}
