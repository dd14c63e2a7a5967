// SPDX-License-Identifier: MIT
// A whole training: two domains of unequal sizes, two parameter groups, warm-up and cosine,
// clipping, an average of the weights, a checkpoint that resumes exactly, evaluation; and its
// control, random groups in place of domains.
#include <torch/torch.h>

#include <filesystem>
#include <iostream>
#include <roga/checkpoint.hpp>
#include <roga/roga.hpp>
#include <vector>

namespace {

constexpr std::int64_t steps = 200;
const std::vector<double> base_rates{1e-2, 3e-2};  // of the features, and of the head

/// Two classes in eight features: two tell them apart, and one does only in its domain.
roga::Samples synthetic(std::int64_t count, double shortcut, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  const auto y = torch::randint(2, {count}, generator, torch::kLong);
  auto x = torch::randn({count, 8}, generator);
  const auto sign = (2 * y - 1).to(torch::kFloat);
  x.narrow(1, 0, 2).add_(1.5 * sign.unsqueeze(1));
  x.select(1, 7).add_(shortcut * sign);
  return {x, y};
}

struct NetworkImpl : torch::nn::Module {
  torch::nn::Sequential features{torch::nn::Linear(8, 32), torch::nn::BatchNorm1d(32),
                                 torch::nn::ReLU(), torch::nn::Dropout(0.2)};
  torch::nn::Linear head{32, 2};

  NetworkImpl() {
    register_module("features", features);
    register_module("head", head);
  }
  torch::Tensor forward(const torch::Tensor& x) { return head->forward(features->forward(x)); }
};
TORCH_MODULE(Network);

/// All that a run remembers besides its optimizer.
struct Training {
  Network model;
  roga::DomainLoader<roga::Samples> loader{{synthetic(220, 2, 1), synthetic(90, -1, 2)},
                                           {.batch_size = 32, .seed = 7}};
  roga::WeightAverage average{model, roga::ExponentialAverage{.decay = 0.99}};

  /// Wraps AdamW over a group for each part.
  auto optimizer() {
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(model->features->parameters());
    groups.emplace_back(model->head->parameters());
    auto wrapped = roga::wrap<torch::optim::AdamW>(
        roga::recipes::roga({.rho = 0.05, .alpha = 1e-3}), groups, torch::optim::AdamWOptions(1));
    wrapped.protect(*model);
    wrapped.clip_norm(1.0);
    return wrapped;
  }
};

at::Generator dropout() { return at::globalContext().defaultGenerator(at::kCPU); }

template <class Optimizer>
void train(Training& run, Optimizer& optimizer, std::int64_t until, bool random_groups = false) {
  const auto factor = roga::learning_rates::warm_up_cosine({.warm_up = 20, .steps = steps});
  run.model->train();
  while (run.loader.step() < until) {
    const auto step = run.loader.step();
    roga::set_learning_rates(optimizer, base_rates, factor(step));
    auto batches = run.loader.next();
    if (random_groups) batches = roga::regroup(batches, {.seed = 7, .step = step});
    std::vector<roga::LossClosure> closures;
    for (const auto& batch : batches) {
      closures.emplace_back([&run, batch] {
        auto loss = torch::cross_entropy_loss(run.model->forward(batch.data), batch.target);
        loss.backward();
        return loss;
      });
    }
    optimizer.step(closures);
    if (!optimizer.last_step().skipped()) run.average.update();
  }
}

/// Share of samples that are classified rightly.
double accuracy(Training& run, const roga::Samples& set) {
  const torch::NoGradGuard no_grad;
  run.model->eval();
  return run.model->forward(set.data)
      .argmax(1)
      .eq(set.target)
      .to(at::kDouble)
      .mean()
      .item<double>();
}

template <class Optimizer>
void save(Training& run, const Optimizer& optimizer, const std::filesystem::path& file) {
  torch::serialize::OutputArchive archive;
  auto write = [&](const char* name, const auto& part) {
    torch::serialize::OutputArchive of_part(archive.compilation_unit());
    part.save(of_part);
    archive.write(name, of_part);
  };
  write("model", *run.model);
  write("optimizer", optimizer);
  write("loader", run.loader);  // the step, too
  write("average", run.average);
  archive.write("generator", dropout().get_state());
  roga::save_checkpoint(archive, file);
}

template <class Optimizer>
void load(Training& run, Optimizer& optimizer, const std::filesystem::path& file) {
  auto archive = roga::open_checkpoint(file);
  auto read = [&](const char* name, auto& part) {
    torch::serialize::InputArchive of_part;
    archive.read(name, of_part);
    part.load(of_part);
  };
  read("model", *run.model);
  read("optimizer", optimizer);
  read("loader", run.loader);
  read("average", run.average);
  torch::Tensor state;
  archive.read("generator", state);
  dropout().set_state(state);
}

}  // namespace

int main() {
  at::set_num_threads(1);
  const auto file = std::filesystem::temp_directory_path() / "roga_example_12.pt";
  const auto unseen = synthetic(1000, /*shortcut=*/-2, 3);

  torch::manual_seed(1);
  Training straight;
  auto optimizer = straight.optimizer();
  train(straight, optimizer, steps / 2);
  save(straight, optimizer, file);
  train(straight, optimizer, steps);

  torch::manual_seed(2);
  Training resumed;  // with other weights, and other dropout masks
  auto another = resumed.optimizer();
  load(resumed, another, file);
  std::filesystem::remove(file);
  std::cout << "resumed at step " << resumed.loader.step() << "\n";
  train(resumed, another, steps);

  bool same = true;
  for (std::size_t i = 0; i < straight.model->parameters().size(); ++i) {
    same &= torch::equal(straight.model->parameters()[i], resumed.model->parameters()[i]);
  }
  std::cout << "resumed as if never stopped: " << std::boolalpha << same << "\n";

  torch::manual_seed(1);
  Training control;
  auto of_control = control.optimizer();
  train(control, of_control, steps, /*random_groups=*/true);
  std::cout << "accuracy on an unseen domain (synthetic): " << accuracy(resumed, unseen)
            << ", with random groups " << accuracy(control, unseen) << "\n";
}
