// SPDX-License-Identifier: MIT
#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>
#include <torch/script.h>

#include <map>
#include <stdexcept>
#include <string>

#include "networks/networks.hpp"
#include "networks/script_of.hpp"

namespace deepfake {
namespace {

/// Gives @p module the script's parameters, buffers and modules by their names. They share their
/// tensors with the script: what an optimizer or a checkpoint does to the one, it does to the
/// other.
void reflect(torch::nn::Module& module, const torch::jit::Module& script);

/// A part of the script, called by the name of its type.
class Mirror : public torch::nn::Module {
 public:
  explicit Mirror(torch::jit::Module script)
      : torch::nn::Module(script.type()->name()->name()), script_(std::move(script)) {
    reflect(*this, script_);
  }
  void train(bool on = true) override {
    script_.train(on);
    torch::nn::Module::train(on);
  }

 private:
  torch::jit::Module script_;
};

void reflect(torch::nn::Module& module, const torch::jit::Module& script) {
  for (const auto& parameter : script.named_parameters(/*recurse=*/false)) {
    module.register_parameter(parameter.name, parameter.value, parameter.value.requires_grad());
  }
  for (const auto& buffer : script.named_buffers(/*recurse=*/false)) {
    module.register_buffer(buffer.name, buffer.value);
  }
  for (const auto& child : script.named_children()) {
    module.register_module(child.name, std::make_shared<Mirror>(child.value));
  }
}

class Scripted : public Detector {
 public:
  Scripted(torch::jit::Module script, std::string file)
      : script_(std::move(script)),
        file_(std::move(file)),
        has_parts_(script_.find_method("features") && script_.find_method("head")) {
    reflect(*this, script_);
  }

  std::size_t stages() const override { return has_parts_ ? 1 : 0; }
  at::Tensor stage(std::size_t, const at::Tensor& x) override {
    return script_.get_method("features")({x}).toTensor();
  }
  at::Tensor head(const at::Tensor& features) override {
    const c10::IValue result =
        has_parts_ ? script_.get_method("head")({features}) : script_.forward({features});
    if (!result.isTensor()) throw std::runtime_error(file_ + ": its output is no tensor");
    const at::Tensor output = result.toTensor();
    if (output.dim() == 1) return output;
    if (output.dim() == 2 && output.size(1) == 1) return output.squeeze(1);
    if (output.dim() == 2 && output.size(1) == 2) return output.select(1, 1) - output.select(1, 0);
    throw std::runtime_error(file_ + ": its output has shape " + c10::str(output.sizes()) +
                             "; a detector gives logits [N], [N, 1] or [N, 2]");
  }
  bool has_feature_maps() const override { return has_parts_; }
  const torch::jit::Module& script() const { return script_; }

  void train(bool on = true) override {
    script_.train(on);
    torch::nn::Module::train(on);
  }

 private:
  torch::jit::Module script_;
  std::string file_;
  bool has_parts_;
};

/// Runs the network once in training mode: batch norm that was traced in evaluation mode gives
/// itself away by statistics that do not move.
void try_out(Scripted& detector, const std::string& file, int size) {
  std::map<std::string, at::Tensor> before;
  for (const auto& buffer : detector.named_buffers()) before[buffer.key()] = buffer.value().clone();
  detector.train();
  bool has_statistics = false;
  bool moved = false;
  {
    const c10::NoGradGuard no_grad;
    auto images = at::zeros({4, 3, size, size});
    images.select(0, 0).fill_(1);
    images.select(0, 1).select(0, 1).fill_(-1);
    const at::Tensor logits = detector.forward(images);
    if (logits.size(0) != 4) {
      throw std::runtime_error(file + ": gives " + std::to_string(logits.size(0)) +
                               " logits for 4 images");
    }
    for (const auto& buffer : detector.named_buffers()) {
      const bool is_mean = buffer.key().ends_with("running_mean");
      has_statistics = has_statistics || is_mean;
      moved = moved || (is_mean && !buffer.value().equal(before[buffer.key()]));
      buffer.value().copy_(before[buffer.key()]);
    }
  }
  if (has_statistics && !moved) {
    throw std::runtime_error(
        file +
        ": its batch norm does not learn: it was traced in evaluation mode; trace it after "
        "model.train(), or use torch.jit.script");
  }
}

}  // namespace

std::optional<torch::jit::Module> script_of(const Detector& detector) {
  const auto* of_file = dynamic_cast<const Scripted*>(&detector);
  if (of_file == nullptr) return std::nullopt;
  return of_file->script();
}

std::shared_ptr<Detector> scripted(const std::filesystem::path& path, int size) {
  torch::jit::setTensorExprFuserEnabled(false);  // it can hang, as on Debian 13
  const std::string file = path.string();
  torch::jit::Module script;
  try {
    script = torch::jit::load(file, at::kCPU);
  } catch (const c10::Error&) {
    throw std::runtime_error(file + ": not a TorchScript file (torch.jit.save), or damaged");
  }
  auto detector = std::make_shared<Scripted>(std::move(script), file);
  if (detector->parameters().empty()) {
    throw std::runtime_error(file + ": holds no parameter to train; was it frozen?");
  }
  try {
    try_out(*detector, file, size);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    throw std::runtime_error(file + ": cannot judge images [N, 3, " + std::to_string(size) + ", " +
                             std::to_string(size) + "]: " + what.substr(0, what.find('\n')));
  }
  return detector;
}

}  // namespace deepfake
