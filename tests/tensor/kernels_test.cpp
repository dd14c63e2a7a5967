// SPDX-License-Identifier: MIT
#include <roga/tensor/kernels.hpp>
#include <vector>

#include <ATen/autocast_mode.h>

#include "support/accelerator.hpp"
#include "support/calls.hpp"
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;

TEST_CASE("gram: all products at once are those of each pair", "[kernels]") {
  torch::manual_seed(3);
  const auto as_on_accelerator = GENERATE(false, true);
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16, at::kComplexDouble}) {
    std::vector<roga::GradientList> rows(4);
    for (auto& row : rows) {
      row.push_back(torch::randn({3, 5}).to(type));
      row.push_back(torch::randn({300, 500}).to(type).t());  // several pieces, not contiguous
      row.push_back(torch::zeros({0}).to(type));
    }
    rows[1][0] = at::Tensor();
    rows[2].resize(1);
    std::vector<const roga::GradientList*> lists;
    for (const auto& row : rows) lists.push_back(&row);
    at::Tensor products;
    double of_two = 0;
    {
      const support::AsOnAccelerator arithmetic(as_on_accelerator);
      products = roga::detail::inner_products(lists);
      of_two = roga::detail::inner_product(rows[0], rows[3]).value();
    }
    CHECK(of_two == Approx(products[0][3].item<double>()).epsilon(1e-3).margin(0.5));
    REQUIRE(products.scalar_type() == at::kDouble);
    for (std::size_t a = 0; a < rows.size(); ++a) {
      for (std::size_t b = 0; b < rows.size(); ++b) {
        const double expected = roga::detail::inner_product(rows[a], rows[b]).value();
        const double found =
            products[static_cast<std::int64_t>(a)][static_cast<std::int64_t>(b)].item<double>();
        CHECK(found == Approx(expected).epsilon(1e-4).margin(type == at::kDouble ? 1e-9 : 0.5));
      }
    }
  }
}

TEST_CASE("gram: autocast around the step does not reach the products", "[kernels]") {
  auto autocast = [](bool on) {
#if TORCH_VERSION_MAJOR >= 2
    at::autocast::set_autocast_enabled(at::kCPU, on);
#else
    at::autocast::set_cpu_enabled(on);
#endif
  };
  autocast(true);
  const roga::GradientList row{torch::full({8, 8}, 1.001F)};  // 1 in bfloat16
  const auto type = row[0].matmul(row[0]).scalar_type();
  std::vector<double> products;
  for (const bool as_on_accelerator : {false, true}) {
    const support::AsOnAccelerator arithmetic(as_on_accelerator);
    products.push_back(roga::detail::inner_products({&row, &row})[0][1].item<double>());
  }
  autocast(false);
  CHECK(type == at::kBFloat16);
  for (const double product : products) {
    CHECK(product == Approx(64 * 1.001 * 1.001).epsilon(1e-6));
  }
}

TEST_CASE("kernels: SAM makes at most 20 calls where one serves all tensors", "[kernels][device]") {
  if (!roga::detail::has_multi_tensor_calls) return;
  std::vector<at::Tensor> parameters;
  for (int i = 0; i < 50; ++i) parameters.push_back(torch::randn({3}).requires_grad_());
  const auto loss = torch::zeros({});
  auto closure = [&] {
    for (auto& parameter : parameters) parameter.mutable_grad() = parameter.detach().clone();
    return loss;
  };
  torch::optim::SGD base(parameters, torch::optim::SGDOptions(0.1));
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipes::sam(), parameters, torch::optim::SGDOptions(0.1));
  const auto calls = support::dispatcher_calls([&] {
    const support::AsOnAccelerator arithmetic;
    optimizer.step(closure);
  });
  const auto of_passes = support::dispatcher_calls([&] {
    for (int pass = 0; pass < 2; ++pass) closure();
    base.step();
  });
  CHECK(calls - of_passes <= 20);
  CHECK(calls - of_passes > 5);
}

TEST_CASE("kernels: gradients may be conjugated lazily", "[kernels]") {
  const auto c = torch::complex(torch::tensor({1., 2.}), torch::tensor({.5, -1.}));
  auto check = [&](auto how) {
    auto w = torch::ones({2}, at::kComplexFloat).requires_grad_();
    auto optimizer =
        roga::wrap<torch::optim::SGD>(how, problems::Parameters{w}, torch::optim::SGDOptions(0.1));
    for (int step = 0; step < 2; ++step) {
      optimizer.step({[&] {
                        auto loss = torch::real(w.conj() * c).sum();
                        loss.backward();
                        return loss;
                      },
                      [&] {
                        auto loss = torch::abs(w).sum();
                        loss.backward();
                        return loss;
                      }});
      CHECK_FALSE(optimizer.last_step().skipped());
    }
  };
  check(recipes::asam());
  check(recipes::gsam());
  check(recipes::pcgrad());
  check(recipes::cagrad());
  check(recipes::looksam({.k = 2}));
}

TEST_CASE("kernels: sparse gradients give the bits of dense ones",
          "[kernels][defects][defect-15]") {
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
      auto optimizer = naive::robust(table->parameters(), 0.1, .5);
      for (int step = 0; step < 3; ++step) optimizer.step(closure);
    }
    return table->weight.detach().clone();
  };
  CHECK_THROWS(run(true, true));
  CHECK(problems::same_bits(run(true, false), run(false, false)));
}
