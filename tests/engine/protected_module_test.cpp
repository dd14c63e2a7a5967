// SPDX-License-Identifier: MIT
// What protect() takes, and for how long.
#include <torch/script.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using Sgd = torch::optim::SGD;
using support::message_of;

namespace {

/// With a child and a buffer.
struct Whole : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(3));
  at::Tensor calls = register_buffer("calls", torch::zeros({1}));
};
struct OnlyBuffer : torch::nn::Module {
  at::Tensor calls = register_buffer("calls", torch::zeros({1}));
};
struct OnlyChild : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(3));
};

/// SAM on a weight of its own, so that the module may go.
struct Trainer {
  at::Tensor w = torch::ones({1}).requires_grad_();
  roga::RoGAOptimizer<Sgd, roga::NormalizedAscent, roga::Pooled, roga::CapturedGradient> optimizer{
      roga::recipe(roga::NormalizedAscent{.rho = .1}, roga::Pooled{}, roga::CapturedGradient{}),
      std::vector<at::Tensor>{w}, torch::optim::SGDOptions(.1)};
  int passes = 0;

  template <class Forward>
  void step(Forward&& forward) {
    optimizer.step([&] {
      ++passes;
      forward();
      auto loss = w.sum();
      loss.backward();
      return loss;
    });
  }
  void step() {
    step([] {});
  }
};

/// Whether a step counts one pass in a buffer, of the two that it makes.
template <class Buffer>
bool counts_once(Trainer& trainer, Buffer&& buffer) {
  const double before = buffer().template item<double>();
  trainer.step([&] { buffer().add_(1); });
  return buffer().template item<double>() == before + 1;
}

}  // namespace

TEST_CASE("protect: what a temporary TorchScript handle refers to is kept", "[protect][handles]") {
  auto with_buffer = [] {
    torch::jit::Module module("part");
    module.register_buffer("calls", torch::zeros({1}));
    return module;
  };
  auto calls_of = [](const torch::jit::Module& module) {
    return [module] { return module.attr("calls").toTensor(); };
  };
  SECTION("children, and children's children") {
    for (const int depth : {1, 2, 3}) {
      torch::jit::Module inner = with_buffer();
      const auto calls = calls_of(inner);
      for (int d = 0; d < depth; ++d) {
        torch::jit::Module outer("outer");
        outer.register_module("inner", inner);
        inner = outer;
      }
      Trainer trainer;
      for (const auto& child : inner.children()) trainer.optimizer.protect(child);
      CHECK(counts_once(trainer, calls));
      CHECK(counts_once(trainer, calls));
    }
  }
  SECTION("a function's result, a list that goes, a copy") {
    Trainer trainer;
    auto kept = with_buffer();
    trainer.optimizer.protect(torch::jit::Module(kept));
    {
      const std::vector<torch::jit::Module> list{with_buffer(), with_buffer()};
      for (const auto& module : list) trainer.optimizer.protect(module);
      trainer.optimizer.protect(with_buffer());
    }
    CHECK(counts_once(trainer, calls_of(kept)));
    kept = torch::jit::Module("another");  // the handle; the module goes on
    trainer.step();
    CHECK(trainer.passes == 4);
  }
  SECTION("one that refers to nothing is refused") {
    Trainer trainer;
    const torch::jit::Module nothing{torch::jit::ModulePtr()};
    CHECK_THAT(message_of([&] { trainer.optimizer.protect(nothing); }),
               ContainsSubstring("protect() got an empty module"));
  }
}

TEST_CASE("protect: takes a model as it is held", "[protect][handles]") {
  SECTION("by a holder") {
    Trainer trainer;
    torch::nn::BatchNorm1d norm(3);
    trainer.optimizer.protect(norm);
    CHECK(counts_once(trainer, [&] { return norm->running_mean[0]; }));
  }
  SECTION("by shared_ptr") {
    Trainer trainer;
    const auto net = std::make_shared<OnlyBuffer>();
    trainer.optimizer.protect(net);
    CHECK(counts_once(trainer, [&] { return net->calls; }));
  }
  SECTION("by unique_ptr") {
    Trainer trainer;
    const auto net = std::make_unique<OnlyBuffer>();
    trainer.optimizer.protect(net);
    CHECK(counts_once(trainer, [&] { return net->calls; }));
  }
  SECTION("on the stack, assigned to since") {
    Trainer trainer;
    OnlyBuffer net;
    trainer.optimizer.protect(net);
    net = OnlyBuffer();
    CHECK(counts_once(trainer, [&] { return net.calls; }));
  }
  SECTION("inside of another object, and by its base class") {
    struct Outer {
      Whole net;
    };
    const auto outer = std::make_shared<Outer>();
    Trainer trainer;
    trainer.optimizer.protect(static_cast<const torch::nn::Module&>(outer->net));
    CHECK(counts_once(trainer, [&] { return outer->net.calls; }));
    CHECK(counts_once(trainer, [&] { return outer->net.norm->running_mean[0]; }));
  }
  SECTION("by something that has buffers") {
    struct Pair {
      at::Tensor a = torch::zeros({1});
      at::Tensor b = torch::zeros({1});
      std::vector<at::Tensor> buffers() const { return {a, b}; }
    } pair;
    Trainer trainer;
    trainer.optimizer.protect(pair);
    CHECK(counts_once(trainer, [&] { return pair.b; }));
  }
  SECTION("empty holders are refused") {
    Trainer trainer;
    const torch::nn::BatchNorm1d holder = nullptr;
    const std::shared_ptr<Whole> shared;
    const std::unique_ptr<Whole> unique;
    const auto refusal = ContainsSubstring("protect() got an empty module");
    CHECK_THAT(message_of([&] { trainer.optimizer.protect(holder); }), refusal);
    CHECK_THAT(message_of([&] { trainer.optimizer.protect(shared); }), refusal);
    CHECK_THAT(message_of([&] { trainer.optimizer.protect(unique); }), refusal);
    trainer.step();
  }
  SECTION("nothing else") {
    using roga::detail::HasModule;
    STATIC_REQUIRE(HasModule<torch::nn::Linear>);
    STATIC_REQUIRE(HasModule<torch::nn::Sequential>);
    STATIC_REQUIRE(HasModule<const Whole*>);
    STATIC_REQUIRE_FALSE(HasModule<int>);
    STATIC_REQUIRE_FALSE(HasModule<at::Tensor>);
    STATIC_REQUIRE_FALSE(HasModule<std::string>);
    STATIC_REQUIRE_FALSE(HasModule<std::shared_ptr<at::Tensor>>);
    STATIC_REQUIRE_FALSE(HasModule<void*>);
  }
}

TEMPLATE_TEST_CASE("protect: a step after the end of a module is an error with its name",
                   "[protect][handles][invariant]", Whole, OnlyBuffer, OnlyChild) {
  const std::string name = TestType().name();
  auto is_refused = [&](Trainer& trainer) {
    const int passes = trainer.passes;
    const auto before = trainer.w.detach().clone();
    trainer.w.mutable_grad() = torch::full({1}, 3.);
    const auto refusal =
        ContainsSubstring("the module " + name + " given to protect() no longer exists; keep it");
    for (int again = 0; again < 2; ++again) {
      CHECK_THAT(message_of([&] { trainer.step(); }), refusal);
      CHECK_THAT(message_of([&] { trainer.optimizer.phases(); }), refusal);
    }
    CHECK(trainer.passes == passes);
    CHECK(problems::same_bits(trainer.w, before));
    CHECK(trainer.w.grad().item<double>() == 3);
  };
  for (const int steps : {0, 1, 3}) {
    CAPTURE(steps);
    auto make_steps = [&](Trainer& trainer) {
      for (int step = 0; step < steps; ++step) trainer.step();
    };
    {
      Trainer trainer;
      auto shared = std::make_shared<TestType>();
      trainer.optimizer.protect(*shared);
      make_steps(trainer);
      shared.reset();
      is_refused(trainer);
    }
    {
      Trainer trainer;
      auto unique = std::make_unique<TestType>();
      trainer.optimizer.protect(*unique);
      make_steps(trainer);
      unique.reset();
      is_refused(trainer);
    }
    {
      Trainer trainer;
      {
        TestType on_stack;
        trainer.optimizer.protect(on_stack);
        make_steps(trainer);
      }
      is_refused(trainer);
    }
    {
      Trainer trainer;
      std::vector<TestType> list(1);
      trainer.optimizer.protect(list.front());
      make_steps(trainer);
      list.clear();
      is_refused(trainer);
    }
    {
      struct Outer : torch::nn::Module {
        TestType part;
      };
      Trainer trainer;
      auto outer = std::make_shared<Outer>();
      trainer.optimizer.protect(outer->part);
      make_steps(trainer);
      outer.reset();
      is_refused(trainer);
    }
  }
}

TEST_CASE("protect: a module that lives on is not taken for a dead one", "[protect][handles]") {
  SECTION("whose only child is replaced between steps") {
    Trainer trainer;
    OnlyChild net;
    trainer.optimizer.protect(net);
    for (int step = 0; step < 3; ++step) {
      net.norm = net.replace_module("norm", torch::nn::BatchNorm1d(3));
      CHECK(counts_once(trainer, [&] { return net.norm->running_mean[0]; }));
    }
  }
  SECTION("without any part") {
    torch::nn::Module empty;
    Trainer first;
    Trainer second;
    first.optimizer.protect(empty);
    second.optimizer.protect(empty);
    for (auto* trainer : {&first, &second, &first}) trainer->step();
    CHECK(first.passes == 4);
  }
  SECTION("that several optimizers protect") {
    Whole net;
    Trainer first;
    Trainer second;
    Trainer third;
    for (auto* trainer : {&first, &second, &third}) trainer->optimizer.protect(net);
    for (auto* trainer : {&first, &second, &third, &first}) {
      CHECK(counts_once(*trainer, [&] { return net.calls; }));
      CHECK(counts_once(*trainer, [&] { return net.norm->running_mean[0]; }));
    }
  }
  SECTION("that a shared_ptr owns later") {
    Trainer trainer;
    auto unique = std::make_unique<Whole>();
    trainer.optimizer.protect(*unique);
    const std::shared_ptr<Whole> shared = std::move(unique);
    CHECK(counts_once(trainer, [&] { return shared->calls; }));
    CHECK(counts_once(trainer, [&] { return shared->norm->running_mean[0]; }));
    CHECK(shared->shared_from_this() == shared);
  }
  SECTION("that protects itself when it is made") {
    struct Own : Whole {
      explicit Own(Trainer& trainer) { trainer.optimizer.protect(*this); }
    };
    Trainer trainer;
    auto own = std::make_shared<Own>(trainer);
    CHECK(counts_once(trainer, [&] { return own->calls; }));
    own.reset();
    CHECK_THROWS_AS(trainer.step(), c10::Error);
  }
  SECTION("and is still no shared one") {
    Whole net;
    Trainer trainer;
    trainer.optimizer.protect(net);
    CHECK(net.weak_from_this().expired());
    CHECK_THROWS_AS(net.shared_from_this(), std::bad_weak_ptr);
  }
}

TEST_CASE("protect: of a module that is gone the parts that live on are protected",
          "[protect][handles]") {
  Trainer trainer;
  torch::nn::BatchNorm1d norm = nullptr;
  at::Tensor calls;
  {
    Whole net;
    norm = net.norm;
    calls = net.calls;
    trainer.optimizer.protect(net);
  }
  CHECK(counts_once(trainer, [&] { return calls; }));
  CHECK(counts_once(trainer, [&] { return norm->running_mean[0]; }));
  calls = at::Tensor();
  CHECK_THROWS_AS(trainer.step(), c10::Error);
}

TEST_CASE("protect: a module that goes in the midst of a step ends it", "[protect][handles]") {
  for (const bool shared : {true, false}) {
    for (const int when : {1, 2}) {
      for (const bool throws : {true, false}) {
        CAPTURE(shared, when, throws);
        Trainer trainer;
        auto first = std::make_shared<Whole>();
        auto second = std::make_unique<Whole>();
        OnlyBuffer other;
        if (shared) {
          trainer.optimizer.protect(*first);
        } else {
          trainer.optimizer.protect(*second);
        }
        trainer.optimizer.protect(other);
        const auto start = trainer.w.detach().clone();
        auto forward = [&] {
          other.calls.add_(1);
          if (trainer.passes != when) return;
          first.reset();
          second.reset();
          if (throws) throw std::out_of_range("the user's");
        };
        if (throws) {
          CHECK_THROWS_AS(trainer.step(forward), std::out_of_range);
        } else if (when == 1) {
          CHECK_THAT(message_of([&] { trainer.step(forward); }),
                     ContainsSubstring("given to protect() no longer exists"));
        } else {
          trainer.step(forward);
        }
        const bool stepped = !throws && when == 2;
        CHECK(problems::same_bits(trainer.w, start) != stepped);
        CHECK(other.calls.item<double>() == (stepped ? 1 : 0));
      }
    }
  }
}

TEST_CASE("protect: a module given in the midst of a step", "[protect][handles]") {
  SECTION("in phases is refused") {
    Trainer trainer;
    Whole net;
    {
      auto step = trainer.optimizer.phases();
      CHECK_THAT(message_of([&] { trainer.optimizer.protect(net); }),
                 ContainsSubstring("protect() while a phased step is open: call its descend()"));
    }
    trainer.optimizer.protect(net);
    CHECK(counts_once(trainer, [&] { return net.calls; }));
  }
  SECTION("inside of a closure is refused") {
    for (const int when : {1, 2}) {
      Trainer trainer;
      Whole first;
      Whole late;
      trainer.optimizer.protect(first);
      auto forward = [&] {
        first.calls.add_(1);
        if (trainer.passes == when) trainer.optimizer.protect(late);
      };
      CHECK_THAT(message_of([&] { trainer.step(forward); }),
                 ContainsSubstring("protect() while step() is running"));
      trainer.optimizer.protect(late);
      CHECK(counts_once(trainer, [&] { return late.calls; }));
    }
  }
}
