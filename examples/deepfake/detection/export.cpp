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
#include "networks/script_of.hpp"

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

/// A script as it is, behind its normalisation, with one logit: a trace of it would hold the number
/// of images for good.
torch::jit::Module wrapped(const torch::jit::Module& script, const Detector& detector) {
  torch::jit::Module wrapper("__torch__.Detector");
  wrapper.register_module("net", script);
  std::string input = "images";
  if (detector.input_scale().defined()) {
    wrapper.register_buffer("input_scale", detector.input_scale());
    wrapper.register_buffer("input_shift", detector.input_shift());
    input = "images * self.input_scale + self.input_shift";
  }
  const bool has_parts = script.find_method("features") && script.find_method("head");
  wrapper.define("def forward(self, images: Tensor) -> Tensor:\n  y = " +
                 (has_parts ? "self.net.head(self.net.features(" + input + "))"
                            : "self.net.forward(" + input + ")") +
                 "\n  if y.dim() == 2:\n"
                 "    if y.size(1) == 1:\n"
                 "      y = y.squeeze(1)\n"
                 "    else:\n"
                 "      y = y.select(1, 1) - y.select(1, 0)\n"
                 "  return y\n");
  return wrapper;
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
  const auto of_file = script_of(detector);
  const torch::jit::Module script =
      of_file ? wrapped(*of_file, detector) : traced(detector, draw(2));
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
