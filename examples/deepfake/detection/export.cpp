// SPDX-License-Identifier: MIT
#include "detection/export.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "files/replace_file.hpp"

namespace deepfake {
namespace {

constexpr char card_name[] = "roga-deepfake.json";

/// The module's tensors, the same and not copies, under the same names in a script.
torch::jit::Module mirrored(const torch::nn::Module& module,
                            const std::shared_ptr<torch::jit::CompilationUnit>& unit,
                            const std::string& name) {
  torch::jit::Module script(c10::QualifiedName(name), unit);
  for (const auto& item : module.named_parameters(/*recurse=*/false)) {
    script.register_parameter(item.key(), item.value(), /*is_buffer=*/false);
  }
  for (const auto& item : module.named_buffers(/*recurse=*/false)) {
    script.register_buffer(item.key(), item.value());
  }
  for (const auto& child : module.named_children()) {
    // Names of types are no numbers, as those of a sequence's members are.
    script.register_module(child.key(),
                           mirrored(*child.value(), unit, name + ".of_" + child.key()));
  }
  return script;
}

torch::jit::Module traced(Detector& detector, const at::Tensor& images) {
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  torch::jit::Module script = mirrored(detector, unit, "__torch__.Detector");
  const auto forward = [&](const torch::jit::Stack& inputs) {
    return torch::jit::Stack{detector.forward(inputs.front().toTensor())};
  };
  const auto no_name = [](const at::Tensor&) { return std::string(); };
  const auto trace = torch::jit::tracer::trace({images}, forward, no_name, /*strict=*/true,
                                               /*force_outplace=*/false, &script);
  auto* method = unit->create_function(c10::QualifiedName(*script.type()->name(), "forward"),
                                       trace.first->graph);
  script.type()->addMethod(method);
  return script;
}

std::string card(const TrainedDetector& trained) {
  nlohmann::ordered_json json;
  json["size"] = trained.options.model.size;
  json["input"] = "[N, 3, size, size], RGB, (value / 255 - 0.5) / 0.5";
  json["output"] = "[N] logits; the sigmoid is the probability of a fake";
  json["method"] = trained.config.method;
  json["seed"] = trained.config.seed;
  json["train_datasets"] = trained.config.train_datasets;
  json["train_domains"] = trained.config.train_domains;
  json["synthetic"] = trained.config.synthetic;
  json["data_fingerprint"] = trained.config.all.value("data_fingerprint", "");
  return json.dump(1);
}

}  // namespace

Exported export_detector(const TrainedDetector& trained, const std::filesystem::path& file) {
  const c10::NoGradGuard no_grad;
  Detector& detector = *trained.detector;
  detector.eval();
  auto generator = at::detail::createCPUGenerator(1);
  const std::int64_t size = trained.options.model.size;
  const auto draw = [&](std::int64_t count) {
    return at::randn({count, 3, size, size}, generator).clamp_(-1, 1);
  };
  const torch::jit::Module script = traced(detector, draw(2));
  std::ostringstream stream;
  script.save(stream, {{card_name, card(trained)}});
  replace_file(file, stream.str());

  torch::jit::Module loaded = torch::jit::load(file.string());
  Exported result;
  for (const std::int64_t count : {2, 5}) {
    const at::Tensor images = draw(count);
    const at::Tensor expected = detector.forward(images);
    const at::Tensor found = loaded.forward({images}).toTensor();
    result.difference = std::max(result.difference, (found - expected).abs().max().item<double>());
  }
  for (const at::Tensor& parameter : loaded.parameters()) result.parameters += parameter.numel();
  constexpr double tolerance = 1e-4;  // kernels may be fused
  if (!(result.difference <= tolerance)) {
    throw std::runtime_error(file.string() + ": the exported detector's logits differ by " +
                             std::to_string(result.difference) + " from the detector's");
  }
  return result;
}

}  // namespace deepfake
