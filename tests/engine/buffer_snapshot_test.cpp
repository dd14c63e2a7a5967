// SPDX-License-Identifier: MIT
// Buffers of unusual kinds, and those of TorchScript modules, which a pass may register anew.
#include <torch/script.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "support/own_error.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using Sgd = torch::optim::SGD;
using support::End;
using support::OwnError;

TEST_CASE("protect: expanded, empty, shared, undefined and inference buffers pass through a step",
          "[protect]") {
  struct Odd : torch::nn::Module {
    at::Tensor w = register_parameter("w", torch::ones({2}));
    at::Tensor expanded = register_buffer("expanded", torch::full({1, 3}, 2.).expand({4, 3}));
    at::Tensor scalar = register_buffer("scalar", torch::zeros({}).expand({5}));
    at::Tensor empty = register_buffer("empty", torch::empty({0, 3}));
    at::Tensor strided = register_buffer("strided", torch::arange(6.).view({2, 3}).t());
    at::Tensor sparse = register_buffer("sparse", torch::eye(2).to_sparse());
    at::Tensor whole = register_buffer("whole", torch::zeros({4}));
    at::Tensor part = register_buffer("part", whole.slice(0, 0, 4, 2));
    at::Tensor frozen;
    torch::nn::BatchNorm1d norm = register_module(
        "norm",
        torch::nn::BatchNorm1d(torch::nn::BatchNorm1dOptions(2).track_running_stats(false)));
    Odd() {
      const c10::InferenceMode mode;
      frozen = register_buffer("frozen", torch::full({2}, 4.));
    }
  };
  for (const End end : {End::skip, End::own_error, End::none}) {
    Odd net;
    auto optimizer =
        roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(.1));
    optimizer.protect(net);
    int passes = 0;
    auto closure = [&] {
      ++passes;
      {
        const torch::NoGradGuard no_grad;
        net.expanded.narrow(0, 0, 1).add_(1);
        net.scalar.narrow(0, 0, 1).add_(1);
        net.strided.mul_(2);
        net.sparse.mul_(2);
        net.part.add_(1);
      }
      {
        const c10::InferenceMode mode;
        net.frozen.mul_(2);
      }
      auto loss = net.norm->forward(torch::randn({4, 2})).mul(net.w).square().mean();
      if (passes == 2 && end == End::own_error) throw OwnError("the user's");
      if (passes == 2 && end == End::skip) loss = loss * NAN;
      loss.backward();
      return loss;
    };
    if (end == End::own_error) {
      CHECK_THROWS_AS(optimizer.step(closure), OwnError);
    } else {
      optimizer.step(closure);
    }
    CHECK(passes == 2);
    const double once = end == End::none ? 1 : 0;
    CHECK(net.expanded.equal(torch::full({4, 3}, 2 + once)));
    CHECK(net.scalar.equal(torch::full({5}, once)));
    CHECK(net.strided.equal(torch::arange(6.).view({2, 3}).t() * (1 + once)));
    CHECK(net.sparse.to_dense().equal(torch::eye(2) * (1 + once)));
    CHECK(net.whole.equal(torch::tensor({once, 0., once, 0.}, torch::kFloat)));
    CHECK(net.frozen.equal(torch::full({2}, 4 * (1 + once))));
  }
}

TEST_CASE("protect: a TorchScript module has its own tensors back", "[protect][invariant]") {
  const std::map<std::string, std::string> sources{
      {"rebinds", "self.seen = self.seen + x.sum()"},
      {"rebinds and writes before", "self.seen.add_(1)\n        self.seen = self.seen + 1"},
      {"rebinds to another shape", "self.seen = torch.cat([self.seen, x])"},
      {"rebinds to another type", "self.seen = self.seen.long() + 1"},
      {"swaps", "self.seen, self.other = self.other, self.seen"},
      {"resizes", "self.seen.resize_(7)"},
      {"writes", "self.seen.add_(2)"},
  };
  for (const auto& entry : sources) {
    const auto& name = entry.first;
    const auto& source = entry.second;
    for (const bool nested : {false, true}) {
      for (const End end : {End::skip, End::own_error, End::none}) {
        CAPTURE(name, nested, static_cast<int>(end));
        torch::jit::Module counting("counting");
        counting.register_buffer("seen", torch::full({3}, 4.));
        counting.register_buffer("other", torch::full({3}, 5.));
        counting.define("def forward(self, x):\n        " + source + "\n        return x.sum()\n");
        torch::jit::Module module = counting;
        if (nested) {
          torch::jit::Module middle("middle");
          middle.register_module("counting", counting);
          module = torch::jit::Module("outer");
          module.register_buffer("seen", torch::zeros({1}));
          module.register_module("middle", middle);
        }
        const auto w = torch::ones({3}).requires_grad_();
        auto optimizer = roga::wrap<Sgd>(recipes::sam(), std::vector<at::Tensor>{w},
                                         torch::optim::SGDOptions(.1));
        optimizer.protect(module);
        const auto seen = counting.attr("seen").toTensor();
        const auto other = counting.attr("other").toTensor();
        at::Tensor after_first;
        at::Tensor value_after_first;
        int passes = 0;
        auto closure = [&] {
          ++passes;
          counting.forward({torch::ones({3})});
          if (passes == 1) {
            after_first = counting.attr("seen").toTensor();
            value_after_first = after_first.clone();
          }
          if (passes == 2 && end == End::own_error) throw OwnError("the user's");
          auto loss = w.square().sum();
          if (passes == 2 && end == End::skip) loss = loss * NAN;
          loss.backward();
          return loss;
        };
        if (end == End::own_error) {
          CHECK_THROWS_AS(optimizer.step(closure), OwnError);
        } else {
          optimizer.step(closure);
        }
        CHECK(passes == 2);
        const auto now = counting.attr("seen").toTensor();
        if (end == End::none) {
          CHECK(now.is_same(after_first));
          CHECK((name == "resizes" || now.equal(value_after_first)));
          CHECK(now.sizes() == value_after_first.sizes());
        } else {
          CHECK(now.is_same(seen));
          CHECK(now.equal(torch::full({3}, 4.)));
          CHECK(counting.attr("other").toTensor().is_same(other));
          CHECK(other.equal(torch::full({3}, 5.)));
        }
      }
    }
  }
}
