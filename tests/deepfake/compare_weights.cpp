// SPDX-License-Identifier: MIT
// compare_weights A.pt B.pt       prints |a - b| / |b| over all weights and running statistics
// compare_weights --round SEED A.pt B.pt  writes A's with every number moved by one rounding, up or
//                                         down
#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "random/random.hpp"
#include "training/model.hpp"
#include "training/run_checkpoint.hpp"

namespace {

using deepfake::Detector;

struct Loaded {
  std::shared_ptr<Detector> detector;
  nlohmann::ordered_json state;
};
Loaded load(const std::string& file) {
  Loaded loaded;
  loaded.state = deepfake::read_run_state(file);
  deepfake::TrainOptions options;
  deepfake::set_from_json(options, loaded.state.at("options"), file);
  loaded.detector = deepfake::make_detector(options.model);
  deepfake::load_run_checkpoint(file, *loaded.detector);
  return loaded;
}

std::vector<at::Tensor> tensors_of(const Detector& detector) {
  std::vector<at::Tensor> all = detector.parameters();
  for (const at::Tensor& buffer : detector.buffers()) {
    if (buffer.is_floating_point()) all.push_back(buffer);
  }
  return all;
}

double distance(const Detector& a, const Detector& b) {
  const auto of_a = tensors_of(a), of_b = tensors_of(b);
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    const at::Tensor line = of_b[i].detach().to(at::kDouble);
    apart += (of_a[i].detach().to(at::kDouble) - line).square().sum().item<double>();
    size += line.square().sum().item<double>();
  }
  return std::sqrt(apart / size);
}

void round_all(const Detector& detector, std::uint64_t seed) {
  const c10::NoGradGuard no_grad;
  deepfake::Random random(seed);
  for (const at::Tensor& tensor : tensors_of(detector)) {
    auto* numbers = tensor.data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      numbers[i] = std::nextafter(numbers[i], random.chance(0.5F) ? INFINITY : -INFINITY);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "--round") {
    const Loaded loaded = load(words[2]);
    round_all(*loaded.detector, std::stoull(words[1]));
    deepfake::save_run_checkpoint(words[3], *loaded.detector, nullptr, nullptr, loaded.state);
    return 0;
  }
  if (words.size() != 2) {
    std::cerr << "usage: compare_weights [--round SEED] A.pt B.pt\n";
    return 2;
  }
  std::cout << distance(*load(words[0]).detector, *load(words[1]).detector) << '\n';
}
