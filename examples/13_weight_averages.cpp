// SPDX-License-Identifier: MIT
// Averages of the weights beside the training: exponential, and over a window that validation
// losses choose. Evaluation with the averages in the model, statistics of batch norm made anew.
#include <torch/torch.h>

#include <iostream>
#include <roga/recalibrate.hpp>
#include <roga/roga.hpp>

namespace {

struct Data {
  at::Tensor x;
  at::Tensor y;
};

/// Two classes that overlap, from a source of its own (synthetic).
Data draw(double shift, std::int64_t count = 64) {
  const auto y = torch::randint(2, {count});
  const auto x = torch::randn({count, 8}) + y.unsqueeze(1) * .8 + shift;
  return {x, y.to(torch::kLong)};
}

double validate(torch::nn::Sequential& model, const Data& data) {
  const torch::NoGradGuard no_grad;
  model->eval();
  const double loss = torch::cross_entropy_loss(model->forward(data.x), data.y).item<double>();
  model->train();
  return loss;
}

}  // namespace

int main() {
  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(8, 32), torch::nn::BatchNorm1d(32),
                              torch::nn::ReLU(), torch::nn::Linear(32, 2));
  auto optimizer = roga::wrap<torch::optim::SGD>(roga::recipes::roga({.rho = .05}),
                                                 model->parameters(), torch::optim::SGDOptions(.1));
  optimizer.protect(model);
  const Data validation = draw(.5, 512);

  roga::WeightAverage average(model, roga::ExponentialAverage{.decay = .99});
  roga::WeightAverage window(model, roga::DenseAverage{});
  for (int step = 1; step <= 400; ++step) {
    std::vector<roga::LossClosure> closures;
    for (const double shift : {0., 1.}) {
      closures.emplace_back([&model, batch = draw(shift)] {
        auto loss = torch::cross_entropy_loss(model->forward(batch.x), batch.y);
        loss.backward();
        return loss;
      });
    }
    optimizer.step(closures);
    if (optimizer.last_step().skipped()) continue;  // the weights are those of the step before
    average.update();
    window.update();
    if (step % 20 == 0) window.observe(validate(model, validation));
  }

  const double own = validate(model, validation);
  double averaged = 0;
  {
    const auto in_use = average.use();  // the model has the average's weights
    averaged = validate(model, validation);
  }  // and its own again
  std::cout << "validation loss (synthetic): own weights " << own << ", averaged " << averaged
            << "\n"
            << "own weights are back: " << std::boolalpha << (validate(model, validation) == own)
            << "\n";

  if (const auto updates = window.window()) {
    std::cout << "window: updates " << updates->first << " to " << updates->second << "\n";
  }
  std::vector<at::Tensor> batches;
  for (int i = 0; i < 8; ++i) batches.push_back(torch::cat({draw(0).x, draw(1).x}));
  const auto in_use = window.use();
  roga::recalibrate(model, batches);
  std::cout << "averaged over the window: " << validate(model, validation) << "\n";
}
