// SPDX-License-Identifier: MIT
// Eighteen defects found in published implementations: each shown on the loop that everyone copies,
// then absent here.
#include <functional>
#include <sstream>

#include "support/accelerator.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;
using Weights = std::vector<at::Tensor>;

/// SAM as it is written by hand: two steps around the user's passes.
struct NaiveSam {
  enum class Restore { swap, subtract };
  Weights weights;
  double rho = 0.05;
  Restore how = Restore::swap;
  std::vector<at::Tensor> old = std::vector<at::Tensor>(weights.size());
  std::vector<at::Tensor> offset = std::vector<at::Tensor>(weights.size());

  void first_step() {
    const torch::NoGradGuard no_grad;
    std::vector<at::Tensor> norms;
    for (auto& w : weights) {
      if (w.grad().defined()) norms.push_back(w.grad().norm(2));
    }
    const auto scale = rho / (torch::stack(norms).norm(2) + 1e-12);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!weights[i].grad().defined()) continue;
      old[i] = weights[i].clone();
      offset[i] = weights[i].grad() * scale;
      weights[i].add_(offset[i]);
    }
  }
  void second_step(torch::optim::Optimizer& base) {
    {
      const torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        if (how == Restore::subtract) {
          if (offset[i].defined()) weights[i].sub_(offset[i]);
        } else if (weights[i].grad().defined()) {
          weights[i].set_data(old[i]);
        }
      }
    }
    base.step();
  }
  at::Tensor step(torch::optim::Optimizer& base, const std::function<at::Tensor()>& closure) {
    clear();
    closure();
    first_step();
    clear();
    closure();
    second_step(base);
    return {};
  }
  void clear() {
    for (auto& w : weights) w.mutable_grad() = at::Tensor();
  }
};

auto robust(const Weights& weights, double rate, double rho = 0.05) {
  return roga::wrap<Sgd>(recipes::sam({.rho = rho}), weights, torch::optim::SGDOptions(rate));
}
Sgd plain(const Weights& weights, double rate) {
  return Sgd(weights, torch::optim::SGDOptions(rate));
}
roga::LossClosure square_loss(const at::Tensor& w) {
  return [w] {
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
}

}  // namespace

TEST_CASE("defect 1: weights move to other storage and views go stale", "[defects]") {
  auto w = leaf({1, 2});
  const auto view = w.detach().view({2});
  auto base = plain({w}, 0.1);
  NaiveSam{{w}}.step(base, square_loss(w));
  CHECK_FALSE(problems::same_bits(view, w));

  auto v = leaf({1, 2});
  const auto seen = v.detach().view({2});
  auto optimizer = robust({v}, 0.1);
  optimizer.step(square_loss(v));
  CHECK(problems::same_bits(seen, v));
}

TEST_CASE("defect 2: a weight without gradient in the second pass stays perturbed", "[defects]") {
  auto run = [](const std::function<void(Weights, std::function<at::Tensor()>)>& step) {
    auto a = leaf({0.5});
    auto b = leaf({1.0});
    int calls = 0;
    step({a, b}, [&] {
      auto loss = b.square().sum();
      if (calls++ == 0) loss = loss + a.square().sum();
      loss.backward();
      return loss;
    });
    return a.item<double>();
  };
  CHECK(run([](Weights w, auto closure) {
          auto base = plain(w, 0);
          NaiveSam{w, .1}.step(base, closure);
        }) != 0.5);
  CHECK(run([](Weights w, auto closure) { robust(w, 0, .1).step(closure); }) == 0.5);
}

TEST_CASE("defect 3: an old perturbation is subtracted again, a new gradient has none",
          "[defects]") {
  // a has gradients in step 0 only, c only in the second pass.
  auto run =
      [](const std::function<std::function<void(std::function<at::Tensor()>)>(Weights)>& make) {
        auto a = leaf({0.5});
        auto b = leaf({1.0});
        auto c = leaf({0.25});
        const auto step = make({a, b, c});
        for (int i = 0; i < 3; ++i) {
          int calls = 0;
          step([&] {
            auto loss = b.square().sum();
            if (i == 0) loss = loss + a.square().sum();
            if (calls++ == 1) loss = loss + c.square().sum();
            loss.backward();
            return loss;
          });
        }
        return std::vector<double>{a.item<double>(), c.item<double>()};
      };
  CHECK(run([](Weights w) {
          auto base = std::make_shared<Sgd>(plain(w, 0));
          auto sam = std::make_shared<NaiveSam>(NaiveSam{w, .1, NaiveSam::Restore::subtract});
          return [=](auto closure) { sam->step(*base, closure); };
        })[0] != 0.5);
  const auto kept = run([](Weights w) {
    using Optimizer = decltype(robust(w, 0.0));
    std::shared_ptr<Optimizer> optimizer(new Optimizer(robust(w, 0.0, .1)));
    return [=](auto closure) { optimizer->step(closure); };
  });
  CHECK(kept == std::vector<double>{0.5, 0.25});
}

TEST_CASE("defect 4: a second pass that throws leaves the weights perturbed", "[defects]") {
  auto failing = [](const at::Tensor& w) {
    return [w, calls = 0]() mutable {
      if (calls++ == 1) throw std::runtime_error("out of memory");
      return square_loss(w)();
    };
  };
  auto w = leaf({1, 2});
  auto base = plain({w}, 0.1);
  CHECK_THROWS_AS(NaiveSam{{w}}.step(base, failing(w)), std::runtime_error);
  CHECK_FALSE(problems::same_bits(w, leaf({1, 2})));

  auto v = leaf({1, 2});
  CHECK_THROWS_AS(robust({v}, 0.1).step(failing(v)), std::runtime_error);
  CHECK(problems::same_bits(v, leaf({1, 2})));
}

TEST_CASE("defect 5: a resumed run has lost the base optimizer's state", "[defects]") {
  const auto options = torch::optim::SGDOptions(0.05).momentum(0.9);
  auto naive = [&](bool interrupted) {
    auto w = leaf({1, 2});
    NaiveSam sam{{w}};
    auto base = std::make_unique<Sgd>(Weights{w}, options);
    for (int step = 0; step < 6; ++step) {
      if (interrupted && step == 3) base = std::make_unique<Sgd>(Weights{w}, options);
      sam.step(*base, square_loss(w));
    }
    return problems::copy({w});
  };
  CHECK_FALSE(problems::same_bits(naive(true), naive(false)));

  auto here = [&](bool interrupted) {
    auto w = leaf({1, 2});
    auto make = [&] {
      using Optimizer = decltype(robust({w}, 0.0));
      return std::unique_ptr<Optimizer>(
          new Optimizer(roga::wrap<Sgd>(recipes::sam(), Weights{w}, options)));
    };
    auto optimizer = make();
    for (int step = 0; step < 6; ++step) {
      if (interrupted && step == 3) {
        std::stringstream file;
        torch::save(*optimizer, file);
        optimizer = make();
        torch::load(*optimizer, file);
      }
      optimizer->step(square_loss(w));
    }
    return problems::copy({w});
  };
  CHECK(problems::same_bits(here(true), here(false)));
}

TEST_CASE("defect 6: one NaN or infinite gradient poisons the weights", "[defects]") {
  for (const double poison : {double(NAN), double(INFINITY)}) {
    auto poisoned = [poison](const at::Tensor& w) {
      return [w, poison, calls = 0]() mutable {
        auto loss = square_loss(w)();
        if (calls++ == 0) w.mutable_grad()[0] = poison;
        return loss;
      };
    };
    auto w = leaf({1, 2});
    auto base = plain({w}, 0.1);
    NaiveSam sam{{w}};
    sam.step(base, poisoned(w));
    CHECK_FALSE(w.isfinite().all().item<bool>());

    auto v = leaf({1, 2});
    auto optimizer = robust({v}, 0.1);
    optimizer.step(poisoned(v));
    CHECK(optimizer.last_step().skipped());
    CHECK(problems::same_bits(v, leaf({1, 2})));
  }
}

TEST_CASE("defect 7: in half precision a zero gradient becomes NaN", "[defects]") {
  // The guard 1e-12 is 0 in half precision; it is 0 / 0 then.
  const auto zero = torch::zeros({1}, at::kHalf);
  const auto guarded =
      torch::zeros({1}, at::kFloat).to(at::kHalf) + torch::full({1}, 1e-12).to(at::kHalf);
  CHECK((zero.to(at::kFloat) / guarded.to(at::kFloat)).isnan().all().item<bool>());

  for (const auto type : {at::kHalf, at::kBFloat16, at::kFloat}) {
    auto v = leaf({1, 2}, type);
    auto optimizer = robust({v}, 0.1);
    optimizer.step([&] {
      v.mutable_grad() = torch::zeros({2}, type);
      return torch::zeros({}, at::kFloat);
    });
    CHECK_FALSE(optimizer.last_step().skipped());
    CHECK(problems::same_bits(v, leaf({1, 2}, type)));
  }
}

TEST_CASE("half precision: the factor of a tiny gradient may be larger than its type's numbers",
          "[numbers]") {
  for (const bool as_on_accelerator : {false, true}) {
    for (const double rho : {.5, 0.0}) {
      const support::AsOnAccelerator arithmetic(as_on_accelerator);
      auto v = leaf({1, 2}, at::kHalf);
      auto optimizer = robust({v}, 0.0, rho);
      std::vector<double> seen;
      for (int step = 0; step < 2; ++step) {
        optimizer.step([&] {
          seen.push_back(v[0].item<double>());
          v.mutable_grad() = torch::full({2}, 1e-6, at::kHalf);
          return torch::zeros({}, at::kFloat);
        });
      }
      CHECK(seen[1] == Approx(1 + rho / std::sqrt(2.0)).epsilon(2e-3));
      CHECK(seen[2] == 1);
    }
  }
}

TEST_CASE("defect 8: LookSAM that saves no passes and projects each tensor by itself",
          "[defects]") {
  auto w = leaf({1, 2});
  int calls = 0;
  auto counted = [&] {
    ++calls;
    return square_loss(w)();
  };
  auto base = plain({w}, 0.0);
  NaiveSam sam{{w}};
  for (int step = 0; step < 4; ++step) sam.step(base, counted);
  CHECK(calls == 8);

  calls = 0;
  auto optimizer =
      roga::wrap<Sgd>(recipes::looksam({.k = 4}), Weights{w}, torch::optim::SGDOptions(0.0));
  std::vector<int> per_step;
  for (int step = 0; step < 4; ++step) {
    const int before = calls;
    optimizer.step(counted);
    per_step.push_back(calls - before);
  }
  CHECK(per_step == std::vector<int>{2, 1, 1, 1});

  // The projection over two tensors together is the one over a single tensor of all entries.
  auto steps = [](const Weights& split) {
    auto look = roga::wrap<Sgd>(recipes::looksam({.rho = .3, .k = 2}), split,
                                torch::optim::SGDOptions(0.1));
    const auto curvature = torch::tensor({1., 5., .2}, at::kDouble);
    for (int step = 0; step < 4; ++step) {
      look.step([&] {
        auto loss = (torch::cat(split).square() * curvature).sum();
        loss.backward();
        return loss;
      });
    }
    return torch::cat(split).detach();
  };
  const auto whole = steps({leaf({1, 2, 3})});
  const auto split = steps({leaf({1}), leaf({2, 3})});
  CHECK((whole - split).abs().max().item<double>() < 1e-14);
}

TEST_CASE("defect 9: a perturbation that is never taken back moves weights at rate 0",
          "[defects]") {
  auto w = leaf({1, 2});
  auto base = plain({w}, 0.0);
  NaiveSam never{{w}};
  square_loss(w)();
  never.first_step();
  base.step();
  CHECK_FALSE(problems::same_bits(w, leaf({1, 2})));

  auto v = leaf({1, 2});
  auto optimizer = robust({v}, 0.0);
  for (int step = 0; step < 5; ++step) optimizer.step(square_loss(v));
  CHECK(problems::same_bits(v, leaf({1, 2})));
}

TEST_CASE("defect 10: a loss of exactly 0 is taken for a failure", "[defects]") {
  const auto decaying = torch::optim::SGDOptions(0.1).weight_decay(0.5);
  auto zero = [](const at::Tensor& w) {
    return [w] {
      auto loss = (w * 0).sum();
      loss.backward();
      return loss;
    };
  };
  auto w = leaf({1, 2});
  Sgd base({w}, decaying);
  if (zero(w)().item<double>() != 0) base.step();  // what the naive guard does
  CHECK(problems::same_bits(w, leaf({1, 2})));

  auto v = leaf({1, 2});
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), Weights{v}, decaying);
  optimizer.step(zero(v));
  CHECK(v[0].item<double>() == Approx(0.95));
}

TEST_CASE("defect 11: step(closure) returns nothing, or the perturbed loss", "[defects]") {
  auto w = leaf({1, 2});
  auto base = plain({w}, 0.1);
  CHECK_FALSE(NaiveSam{{w}}.step(base, square_loss(w)).defined());

  auto v = leaf({1, 2});
  CHECK(robust({v}, 0.1).step(square_loss(v)).item<double>() == 5);
}

TEST_CASE("defect 12: batch-norm buffers change in the second pass", "[defects]") {
  auto run = [](int mode) {  // 0: one plain pass, 1: naive, 2: here
    torch::manual_seed(2);
    auto options = torch::nn::BatchNorm1dOptions(3).momentum(c10::nullopt);  // cumulative
    torch::nn::Sequential net(torch::nn::Linear(3, 3), torch::nn::BatchNorm1d(options));
    net->to(at::kDouble);
    const auto x = torch::randn({8, 3}, at::kDouble);
    auto closure = [&] {
      auto loss = net->forward(x).pow(3).mean();
      loss.backward();
      return loss;
    };
    if (mode == 0) closure();
    if (mode == 1) {
      auto base = plain(net->parameters(), 0.0);
      NaiveSam{net->parameters(), 1}.step(base, closure);
    }
    if (mode == 2) {
      auto optimizer = robust(net->parameters(), 0.0, 1);
      optimizer.protect(*net);
      optimizer.step(closure);
    }
    return problems::copy(net->buffers());
  };
  CHECK_FALSE(problems::same_bits(run(1), run(0)));
  CHECK(problems::same_bits(run(2), run(0)));
}

TEST_CASE("defect 13: rho = 0 is not the base optimizer once there is dropout", "[defects]") {
  auto run = [](int mode) {
    torch::manual_seed(2);
    torch::nn::Sequential net(torch::nn::Linear(4, 8), torch::nn::Dropout(0.5),
                              torch::nn::Linear(8, 1));
    net->to(at::kDouble);
    const auto x = torch::randn({8, 4}, at::kDouble);
    auto closure = [&] {
      net->zero_grad();
      auto loss = net->forward(x).square().mean();
      loss.backward();
      return loss;
    };
    auto base = plain(net->parameters(), 0.1);
    NaiveSam naive{net->parameters(), 0};
    auto optimizer = robust(net->parameters(), 0.1, 0);
    optimizer.protect(*net);
    torch::manual_seed(3);
    for (int step = 0; step < 3; ++step) {
      if (mode == 0) {
        closure();
        base.step();
      }
      if (mode == 1) naive.step(base, closure);
      if (mode == 2) optimizer.step(closure);
    }
    return problems::copy(net->parameters());
  };
  CHECK_FALSE(problems::same_bits(run(1), run(0)));
  CHECK(problems::same_bits(run(2), run(0)));
}

TEST_CASE("defect 14: ASAM scales complex weights by w^2 instead of |w|^2", "[defects]") {
  const c10::complex<double> z(1, 2);
  // w^2 turns the gradient's phase; |w|^2 does not.
  CHECK(std::abs((z * z).imag()) > 1);

  const std::vector<double> re{1, -.5};
  const std::vector<double> im{2, .25};
  auto loss_of = [](const at::Tensor& x, const at::Tensor& y) {
    return (x - 2).square().sum() + 3 * (y + x).square().sum();
  };
  auto w = torch::complex(torch::tensor(re, at::kDouble), torch::tensor(im, at::kDouble))
               .requires_grad_();
  auto complex_one = roga::wrap<Sgd>(recipes::asam({.rho = .3, .eta = 0}), Weights{w},
                                     torch::optim::SGDOptions(0.05));
  complex_one.step([&] {
    const auto parts = torch::view_as_real(w);
    auto loss = loss_of(parts.select(1, 0), parts.select(1, 1));
    loss.backward();
    return loss;
  });
  // The real problem of twice the size, with T = |w| for both parts of an entry, by hand.
  auto x = leaf(re);
  auto y = leaf(im);
  loss_of(x, y).backward();
  const auto t2 = (x.square() + y.square()).detach();
  const auto length = (t2 * (x.grad().square() + y.grad().square())).sum().sqrt();
  auto px = (x + .3 * t2 * x.grad() / length).detach().requires_grad_();
  auto py = (y + .3 * t2 * y.grad() / length).detach().requires_grad_();
  loss_of(px, py).backward();
  const auto expected = torch::complex(x.detach() - .05 * px.grad(), y.detach() - .05 * py.grad());
  CHECK((w.detach() - expected).abs().max().item<double>() < 1e-12);
}

TEST_CASE("defect 15: sparse gradients break the norm", "[defects]") {
  auto run = [](bool sparse, bool naive) {
    torch::manual_seed(2);
    torch::nn::Embedding table(torch::nn::EmbeddingOptions(5, 3).sparse(sparse));
    const auto indices = torch::tensor({0, 2, 2});
    auto closure = [&] {
      auto loss = table->forward(indices).square().sum();
      loss.backward();
      return loss;
    };
    if (naive) {
      closure();
      table->weight.grad().reshape({-1}).dot(table->weight.grad().reshape({-1}));
    } else {
      auto optimizer = robust(table->parameters(), 0.1, .5);
      for (int step = 0; step < 3; ++step) optimizer.step(closure);
    }
    return table->weight.detach().clone();
  };
  CHECK_THROWS(run(true, true));
  CHECK(problems::same_bits(run(true, false), run(false, false)));
}

TEST_CASE("defect 16: no gradient, two ascents, a checkpoint in between", "[defects]") {
  auto w = leaf({1, 2});
  NaiveSam sam{{w}, .5};
  CHECK_THROWS(sam.first_step());  // a norm of nothing
  square_loss(w)();
  sam.first_step();
  sam.first_step();
  auto base = plain({w}, 0.0);
  sam.second_step(base);
  CHECK_FALSE(problems::same_bits(w, leaf({1, 2})));  // a permanent offset

  auto v = leaf({1, 2});
  auto optimizer = robust({v}, 0.0, .5);
  optimizer.step([] { return torch::zeros({}, at::kDouble); });
  CHECK(problems::same_bits(v, leaf({1, 2})));
  std::stringstream file;
  {
    auto step = optimizer.phases();
    step.ascend(square_loss(v)());
    CHECK_THROWS_AS(optimizer.phases(), c10::Error);
    CHECK_THROWS_AS(torch::save(optimizer, file), c10::Error);
  }
  CHECK(problems::same_bits(v, leaf({1, 2})));
}

TEST_CASE("defect 17: F-SAM averages what it has subtracted from", "[defects]") {
  // m <- lambda m + (1 - lambda) g with the raw g; the port feeds g - sigma m back instead.
  auto by_hand = [](bool raw) {
    auto w = leaf({1, 2});
    at::Tensor m;
    for (int step = 0; step < 20; ++step) {
      const auto curvature = torch::tensor({1., 4.}, at::kDouble);
      const auto g = curvature * w.detach() + .1 * step;
      const auto v = m.defined() ? g - m : g;
      m = m.defined() ? .9 * m + .1 * (raw ? g : v) : g;
      const auto q = curvature * (w.detach() + .1 * v / v.norm()) + .1 * step;
      const torch::NoGradGuard no_grad;
      w.sub_(.05 * q);
    }
    return w.detach();
  };
  CHECK((by_hand(true) - by_hand(false)).abs().max().item<double>() > 1e-3);

  auto w = leaf({1, 2});
  auto optimizer = roga::wrap<Sgd>(recipes::fsam({.rho = .1, .lambda = .9}), Weights{w},
                                   torch::optim::SGDOptions(0.05));
  for (int step = 0; step < 20; ++step) {
    optimizer.step([&] {
      w.mutable_grad() = torch::tensor({1., 4.}, at::kDouble) * w.detach() + .1 * step;
      return torch::zeros({}, at::kDouble);
    });
  }
  CHECK((w.detach() - by_hand(true)).abs().max().item<double>() < 1e-12);
}

TEST_CASE("defect 18: with the ascent switched off a step uses the previous gradient",
          "[defects]") {
  auto run = [](int mode) {
    auto w = leaf({1, 2});
    auto base = plain({w}, 0.1);
    auto optimizer = robust({w}, 0.1);
    optimizer.warm_up(5);
    at::Tensor cached = torch::zeros({2}, at::kDouble);
    for (int step = 0; step < 5; ++step) {
      if (mode == 2) {
        optimizer.step(square_loss(w));
        continue;
      }
      w.mutable_grad() = at::Tensor();
      square_loss(w)();
      if (mode == 1) std::swap(cached, w.mutable_grad());
      base.step();
    }
    return w.detach().clone();
  };
  CHECK_FALSE(problems::same_bits(run(1), run(0)));
  CHECK(problems::same_bits(run(2), run(0)));
}
