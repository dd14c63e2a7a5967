// SPDX-License-Identifier: MIT
#include "task.hpp"

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tanh.h>

#include "measure.hpp"
#include "networks/networks.hpp"

namespace bench {
namespace {

/// Stages of a ResNet: convolutions without bias, two tensors of batch norm after each.
class ResNetShapes {
 public:
  void conv(std::int64_t in, std::int64_t out, std::int64_t kernel) {
    shapes_.push_back({out, in, kernel, kernel});
    shapes_.push_back({out});
    shapes_.push_back({out});
  }
  Shapes finish(std::int64_t features) {
    shapes_.push_back({1000, features});
    shapes_.push_back({1000});
    return std::move(shapes_);
  }

 private:
  Shapes shapes_;
};

/// A narrow network of many layers, each a launch or two.
class NarrowNetwork : public deepfake::Detector {
 public:
  NarrowNetwork() {
    std::int64_t in = 3 * 4 * 4;
    for (int i = 0; i < 100; ++i) {
      const std::int64_t out = i + 1 < 100 ? 16 : 1;
      weights_.push_back(
          register_parameter("w" + std::to_string(i), at::randn({out, in}).mul_(.2)));
      biases_.push_back(register_parameter("b" + std::to_string(i), at::randn({out}).mul_(.1)));
      in = out;
    }
  }
  at::Tensor features(const at::Tensor& images) override {
    auto x = images.flatten(1);
    for (std::size_t i = 0; i + 1 < weights_.size(); ++i) {
      x = at::tanh(at::linear(x, weights_[i], biases_[i]));
    }
    return x;
  }
  at::Tensor head(const at::Tensor& features) override {
    return at::linear(features, weights_.back(), biases_.back()).flatten();
  }

 private:
  std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> biases_;
};

Task of_network(std::function<std::shared_ptr<deepfake::Detector>()> make, std::int64_t images,
                std::int64_t size, std::size_t domains) {
  Task task;
  task.make = [make = std::move(make)] {
    torch::manual_seed(1);
    auto network = make();
    network->to(device);
    return network;
  };
  const auto network = task.make();
  task.parameters = network->parameters();
  task.module = network;
  const at::Tensor x = task.images = at::rand({images, 3, size, size}, device);
  const at::Tensor y = task.labels = (at::rand({images}, device) < 0.5).to(at::kFloat);
  auto closure_over = [network](at::Tensor of, at::Tensor labels) {
    return [network, x = std::move(of), y = std::move(labels)] {
      auto loss = at::binary_cross_entropy_with_logits(network->forward(x), y);
      loss.backward();
      return loss;
    };
  };
  const auto share = images / static_cast<std::int64_t>(domains);
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(domains); ++k) {
    task.closures.emplace_back(
        closure_over(x.narrow(0, k * share, share).clone(), y.narrow(0, k * share, share).clone()));
  }
  task.pooled = closure_over(x, y);
  return task;
}

}  // namespace

Shapes resnet18() {
  ResNetShapes shapes;
  shapes.conv(3, 64, 7);
  std::int64_t in = 64;
  for (const std::int64_t width : {64, 128, 256, 512}) {
    for (int block = 0; block < 2; ++block) {
      shapes.conv(in, width, 3);
      shapes.conv(width, width, 3);
      if (in != width) shapes.conv(in, width, 1);
      in = width;
    }
  }
  return shapes.finish(in);
}

Shapes resnet50() {
  ResNetShapes shapes;
  shapes.conv(3, 64, 7);
  std::int64_t in = 64;
  const std::vector<std::pair<std::int64_t, int>> stages{{64, 3}, {128, 4}, {256, 6}, {512, 3}};
  for (const auto& [width, blocks] : stages) {
    for (int block = 0; block < blocks; ++block) {
      shapes.conv(in, width, 1);
      shapes.conv(width, width, 3);
      shapes.conv(width, 4 * width, 1);
      if (block == 0) shapes.conv(in, 4 * width, 1);
      in = 4 * width;
    }
  }
  return shapes.finish(in);
}

Shapes transformer() {
  constexpr std::int64_t width = 128;
  Shapes shapes;
  for (int layer = 0; layer < 24; ++layer) {
    for (int projection = 0; projection < 4; ++projection) {
      shapes.push_back({width, width});
      shapes.push_back({width});
    }
    shapes.push_back({4 * width, width});
    shapes.push_back({4 * width});
    shapes.push_back({width, 4 * width});
    shapes.push_back({width});
    for (int norm = 0; norm < 4; ++norm) shapes.push_back({width});
  }
  shapes.push_back({256, width});
  shapes.push_back({256});
  shapes.push_back({width});
  shapes.push_back({width});
  return shapes;
}

Shapes uniform(std::int64_t parameters, std::int64_t tensors) {
  return Shapes(static_cast<std::size_t>(tensors), {parameters / tensors});
}

Task without_network(const Shapes& shapes, std::size_t domains) {
  Task task;
  std::vector<at::Tensor> gradients;
  for (const auto& shape : shapes) {
    task.parameters.push_back(at::randn(shape, device).mul_(0.05).set_requires_grad(true));
    gradients.push_back(at::randn(shape, device).mul_(0.01));
  }
  const at::Tensor loss = at::full({}, 0.5, device);
  // Takes a new gradient over where there is none, and adds it where there is one, as
  // AccumulateGrad does.
  const roga::LossClosure write = [parameters = task.parameters, gradients, loss]() mutable {
    const c10::NoGradGuard no_grad;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      at::Tensor fresh = gradients[i].clone();
      auto& gradient = parameters[i].mutable_grad();
      if (gradient.defined()) {
        gradient.add_(fresh);
      } else {
        gradient = std::move(fresh);
      }
    }
    return loss;
  };
  task.closures.assign(domains, write);
  task.pooled = write;
  return task;
}

Task small_network(std::size_t domains) {
  return of_network([] { return deepfake::residual_small(16, "batch"); }, 64, 64, domains);
}

Task many_tensors(std::size_t domains) {
  return of_network([] { return std::make_shared<NarrowNetwork>(); }, 64, 4, domains);
}

Task resnet18_network(std::size_t domains) {
  const bool small = device.is_cpu();
  return of_network(deepfake::resnet18, small ? 32 : 256, small ? 64 : 224, domains);
}

}  // namespace bench
