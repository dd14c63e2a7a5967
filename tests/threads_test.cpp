// SPDX-License-Identifier: MIT
// By itself, because scripts/maintain/nightly.sh compiles it once more under ThreadSanitizer.
#include <thread>

#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;

TEST_CASE("threads: two optimizers over two models do not disturb each other", "[threads]") {
  auto train = [](std::uint64_t seed, auto recipe, problems::Parameters& result) {
    auto generator = at::detail::createCPUGenerator(seed);
    auto w = torch::randn({6, 3}, generator, at::kDouble).requires_grad_();
    const auto x = torch::randn({16, 6}, generator, at::kDouble);
    auto optimizer = roga::wrap<torch::optim::Adam>(recipe, std::vector<at::Tensor>{w},
                                                    torch::optim::AdamOptions(0.01));
    for (int step = 0; step < 200; ++step) {
      optimizer.step([&] {
        auto loss = x.matmul(w).sin().square().mean();
        loss.backward();
        return loss;
      });
    }
    result = problems::copy({w});
  };
  problems::Parameters alone[2];
  problems::Parameters together[2];
  train(1, recipes::roga({.rho = .2}), alone[0]);
  train(2, recipes::fsam({.rho = .2}), alone[1]);
  std::thread first([&] { train(1, recipes::roga({.rho = .2}), together[0]); });
  std::thread second([&] { train(2, recipes::fsam({.rho = .2}), together[1]); });
  first.join();
  second.join();
  CHECK(problems::same_bits(alone[0], together[0]));
  CHECK(problems::same_bits(alone[1], together[1]));
}
