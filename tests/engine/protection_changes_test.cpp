// SPDX-License-Identifier: MIT
// Buffers that change in other ways than by their values while a step runs.
#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "support/own_error.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using Sgd = torch::optim::SGD;
using support::End;
using support::OwnError;

namespace {

/// A network with a buffer of its own, two that share a storage, and batch norm's.
struct Net : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(4));
  torch::nn::Linear last = register_module("last", torch::nn::Linear(4, 1));
  at::Tensor table = register_buffer("table", torch::arange(6.).view({2, 3}).clone());
  at::Tensor pool = torch::arange(6.);
  at::Tensor left = register_buffer("left", pool.narrow(0, 0, 3));
  at::Tensor right = register_buffer("right", pool.narrow(0, 3, 3));
  at::Tensor x = torch::randn({8, 4});
  int passes = 0;

  at::Tensor loss() {
    ++passes;
    {
      const torch::NoGradGuard no_grad;
      left.add_(1);
    }
    return last->forward(norm->forward(x)).square().mean();
  }
  bool has(const std::string& name) const { return named_buffers().contains(name); }
};

using Change = std::function<void(Net&)>;
const std::map<std::string, Change>& changes() {
  static const std::map<std::string, Change> list{
      {"grows",
       [](Net& net) {
         net.table.resize_({500, 3}).fill_(9);
       }},
      {"shrinks",
       [](Net& net) {
         net.table.resize_({1, 2}).fill_(9);
       }},
      {"gets other data", [](Net& net) { net.table.set_data(torch::full({8}, 9.)); }},
      {"gets data of its size",
       [](Net& net) {
         net.table.set_data(torch::full({2, 3}, 9.));
       }},
      {"is expanded",
       [](Net& net) {
         net.table.set_data(torch::full({1, 3}, 9.).expand({2, 3}));
       }},
      {"is transposed", [](Net& net) { net.table.fill_(9).t_(); }},
      {"gets another type",
       [](Net& net) {
         net.table.set_data(torch::full({2, 3}, 9, torch::kLong));
       }},
      {"is emptied", [](Net& net) { net.table.set_data(torch::empty({0})); }},
      {"is an inference tensor",
       [](Net& net) {
         const c10::InferenceMode mode;
         net.table.fill_(9);
         net.table.set_data(torch::full({2, 3}, 9.));
       }},
      {"has its storage freed",
       [](Net& net) { net.table.storage().unsafeGetStorageImpl()->set_nbytes(0); }},
      {"has no storage", [](Net& net) { net.table.unsafeGetTensorImpl()->release_resources(); }},
      {"is written in grad mode",
       [](Net& net) {
         const torch::AutoGradMode grad(true);
         net.table.mul_(net.last->bias.sum());
       }},
  };
  return list;
}

enum class Drive { closure, phases };

/// One step of SAM, in whose pass `when` the change is made, and whose pass `last` ends as told.
void step_with(Net& net, const Change& change, int when, End end, int last, Drive drive) {
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(.1));
  optimizer.protect(net);
  net.passes = 0;
  auto pass = [&] {
    auto loss = net.loss();
    if (net.passes == when) {
      const torch::NoGradGuard no_grad;
      change(net);
    }
    if (net.passes == last && end == End::own_error) throw OwnError("the user's");
    if (net.passes == last && end == End::skip) loss = loss * NAN;
    loss.backward();
    return loss.detach();
  };
  if (drive == Drive::closure) {
    optimizer.step(pass);
  } else {
    auto step = optimizer.phases();
    while (step.ascend(pass())) {
    }
    step.descend();
  }
  CHECK(optimizer.last_step().skipped() == (end == End::skip));
}

}  // namespace

TEST_CASE("protect: a buffer that changes in a pass is put back whole", "[protect][invariant]") {
  for (const auto& entry : changes()) {
    const auto& name = entry.first;
    const auto& change = entry.second;
    for (const End end : {End::skip, End::own_error}) {
      for (const int when : {1, 2}) {
        for (const Drive drive : {Drive::closure, Drive::phases}) {
          CAPTURE(name, static_cast<int>(end), when, static_cast<int>(drive));
          torch::manual_seed(4);
          Net net;
          const auto view = net.table.view({-1});
          const void* memory = net.table.data_ptr();
          auto make_step = [&] { step_with(net, change, when, end, /*last=*/2, drive); };
          if (end == End::own_error) {
            CHECK_THROWS_AS(make_step(), OwnError);
          } else {
            make_step();
          }
          CHECK(net.passes == 2);
          REQUIRE(net.table.sizes() == at::IntArrayRef({2, 3}));
          REQUIRE(net.table.scalar_type() == torch::kFloat);
          CHECK(net.table.strides() == at::IntArrayRef({3, 1}));
          CHECK_FALSE(net.table.is_inference());
          CHECK_FALSE(net.table.requires_grad());
          CHECK(net.table.equal(torch::arange(6.).view({2, 3})));
          if (name != "has its storage freed") {  // which leaves nothing to view
            CHECK((net.table.data_ptr() == memory || name == "grows"));
            CHECK(net.table.data_ptr() == view.data_ptr());
            CHECK(view.equal(torch::arange(6.)));
          }
          CHECK(net.pool.equal(torch::arange(6.)));
          CHECK(net.norm->running_mean.eq(0).all().item<bool>());
          CHECK(net.norm->running_var.eq(1).all().item<bool>());
          CHECK(net.norm->num_batches_tracked.item<int>() == 0);
          net.table.add_(1);  // as any tensor
        }
      }
    }
  }
}

TEST_CASE("protect: what an ascent pass does to a buffer leaves no trace", "[protect][invariant]") {
  for (const auto& entry : changes()) {
    const auto& name = entry.first;
    const auto& change = entry.second;
    for (const Drive drive : {Drive::closure, Drive::phases}) {
      CAPTURE(name, static_cast<int>(drive));
      torch::manual_seed(4);
      Net net;
      const auto view = net.table.view({-1});
      step_with(net, change, /*when=*/2, End::none, 0, drive);
      CHECK(net.passes == 2);
      REQUIRE(net.table.sizes() == at::IntArrayRef({2, 3}));
      CHECK_FALSE(net.table.requires_grad());
      CHECK(net.table.equal(torch::arange(6.).view({2, 3})));
      CHECK((name == "has its storage freed" || view.equal(torch::arange(6.))));
      CHECK(net.left.equal(torch::arange(3.) + 1));  // the first pass's
      CHECK(net.norm->num_batches_tracked.item<int>() == 1);
    }
  }
}

TEST_CASE("protect: what the first pass does to a buffer stays, and later passes go back to it",
          "[protect][invariant]") {
  for (const auto* name : {"grows", "gets other data", "is expanded", "gets another type"}) {
    for (const Drive drive : {Drive::closure, Drive::phases}) {
      CAPTURE(name, static_cast<int>(drive));
      torch::manual_seed(4);
      Net expected;
      {
        const torch::NoGradGuard no_grad;
        changes().at(name)(expected);
      }
      Net net;
      step_with(net, changes().at(name), /*when=*/1, End::none, 0, drive);
      CHECK(net.passes == 2);
      CHECK(net.table.strides() == expected.table.strides());
      CHECK(net.table.equal(expected.table));
      CHECK(net.norm->num_batches_tracked.item<int>() == 1);
    }
  }
}

TEST_CASE("protect: a buffer that appears in a pass keeps its value", "[protect]") {
  // Before and behind those that are there, and in a module that is new itself.
  struct Late : torch::nn::Module {
    Late() { register_buffer("born", torch::full({2}, 7.)); }
  };
  const std::map<std::string, Change> births{
      {"born", [](Net& net) { net.register_buffer("born", torch::full({2}, 7.)); }},
      {"norm.born", [](Net& net) { net.norm->register_buffer("born", torch::full({2}, 7.)); }},
      {"late.born", [](Net& net) { net.register_module("late", std::make_shared<Late>()); }},
  };
  for (const auto& entry : births) {
    const auto& name = entry.first;
    const auto& birth = entry.second;
    for (const End end : {End::skip, End::own_error, End::none}) {
      for (const int when : {1, 2}) {
        for (const Drive drive : {Drive::closure, Drive::phases}) {
          CAPTURE(name, static_cast<int>(end), when, static_cast<int>(drive));
          torch::manual_seed(4);
          Net net;
          auto make_step = [&] { step_with(net, birth, when, end, when, drive); };
          if (end == End::own_error) {
            CHECK_THROWS_AS(make_step(), OwnError);
          } else {
            make_step();
          }
          const bool undone = end != End::none;
          CHECK(net.norm->running_mean.eq(0).all().item<bool>() == undone);
          CHECK(net.norm->num_batches_tracked.item<int>() == (undone ? 0 : 1));
          CHECK(net.table.equal(torch::arange(6.).view({2, 3})));
          CHECK(net.left.equal(torch::arange(3.) + (undone ? 0 : 1)));
          CHECK(net.right.equal(torch::arange(3., 6.)));
          REQUIRE(net.has(name));
          CHECK(net.named_buffers()[name].equal(torch::full({2}, 7.)));
        }
      }
    }
  }
}

TEST_CASE("protect: a buffer born in the first pass is what later passes go back to", "[protect]") {
  for (const double start : {0., 1., 7.}) {
    Net net;
    auto optimizer =
        roga::wrap<Sgd>(recipes::roga(), net.parameters(), torch::optim::SGDOptions(.1));
    optimizer.protect(net);
    auto closure = [&] {
      auto loss = net.loss();
      if (!net.has("count")) net.register_buffer("count", torch::full({1}, start));
      net.named_buffers()["count"].data().add_(1);
      loss.backward();
      return loss;
    };
    for (int step = 1; step <= 3; ++step) {
      optimizer.step(closure);
      CHECK(net.named_buffers()["count"].item<double>() == start + step);
    }
    CHECK(net.passes > 3);
  }
}

TEST_CASE("protect: a module replaced in a pass gets the values of the one before", "[protect]") {
  for (const End end : {End::skip, End::own_error, End::none}) {
    for (const Drive drive : {Drive::closure, Drive::phases}) {
      CAPTURE(static_cast<int>(end), static_cast<int>(drive));
      Net net;
      const auto before = net.norm;
      before->running_mean.fill_(3);
      auto replace = [&](Net& changing) {
        changing.norm = changing.replace_module("norm", torch::nn::BatchNorm1d(4));
      };
      auto make_step = [&] { step_with(net, replace, 2, end, 2, drive); };
      if (end == End::own_error) {
        CHECK_THROWS_AS(make_step(), OwnError);
      } else {
        make_step();
      }
      const int batches = end == End::none ? 1 : 0;
      CHECK_FALSE(net.norm.ptr() == before.ptr());
      CHECK(net.norm->num_batches_tracked.item<int>() == batches);
      CHECK(before->num_batches_tracked.item<int>() == batches);
      CHECK(problems::same_bits(net.norm->buffers(), before->buffers()));
      CHECK(before->running_mean.eq(3).all().item<bool>() == (end != End::none));
    }
  }
}

TEST_CASE("protect: the user's exception comes through whatever happens to the module",
          "[protect][invariant]") {
  // Lists its buffers until it is told to fail.
  struct Failing {
    at::Tensor buffer = torch::zeros({2});
    bool fails = false;
    std::vector<at::Tensor> buffers() const {
      if (fails) throw std::logic_error("no buffers");
      return {buffer};
    }
  };
  auto run = [](auto wrap, Drive drive, bool throws) {
    Failing failing;
    Net net;
    torch::manual_seed(6);
    const auto generator = at::globalContext().defaultGenerator(at::kCPU).get_state();
    {
      auto optimizer = wrap(net.parameters());
      optimizer.protect(failing);
      optimizer.protect(net);
      int passes = 0;
      auto pass = [&] {
        failing.buffer.add_(1);
        torch::rand({3});
        auto loss = net.loss();
        if (++passes == 2) {
          failing.fails = true;
          if (throws) throw OwnError("the user's");
          loss = loss * NAN;
        }
        loss.backward();
        return loss;
      };
      auto make_step = [&] {
        if (drive == Drive::closure) {
          optimizer.step(pass);
        } else {
          auto step = optimizer.phases();
          while (step.ascend(pass().detach())) {
          }
          step.descend();
        }
      };
      if (throws) {
        CHECK_THROWS_AS(make_step(), OwnError);
      } else {
        CHECK_THROWS_WITH(make_step(), "no buffers");  // nothing else tells
      }
    }
    // The others are back all the same.
    CHECK(failing.buffer.equal(torch::zeros({2})));
    CHECK(net.norm->running_mean.eq(0).all().item<bool>());
    CHECK(at::globalContext().defaultGenerator(at::kCPU).get_state().equal(generator));
  };
  auto sgd = [](const std::vector<at::Tensor>& parameters) {
    return roga::wrap<Sgd>(recipes::sam(), parameters, torch::optim::SGDOptions(.1));
  };
  auto lbfgs = [](const std::vector<at::Tensor>& parameters) {
    return roga::wrap<torch::optim::LBFGS>(recipes::sam(), parameters,
                                           torch::optim::LBFGSOptions(.1));
  };
  for (const bool throws : {true, false}) {
    run(sgd, Drive::closure, throws);
    run(sgd, Drive::phases, throws);
    run(lbfgs, Drive::closure, throws);
  }
}
