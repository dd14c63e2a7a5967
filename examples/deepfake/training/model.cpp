// SPDX-License-Identifier: MIT
#include "training/model.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string_view>

#include "networks/dlib_resnet34.hpp"
#include "networks/networks.hpp"
#include "networks/shared_batch.hpp"
#include "text/unknown_name.hpp"

namespace deepfake {
namespace {

/// Whether @p name is @p part or lies below it.
bool belongs_to(std::string_view name, std::string_view part) {
  return name.starts_with(part) && (name.size() == part.size() || name[part.size()] == '.');
}

}  // namespace

bool is_model_file(const std::string& model) {
  const std::filesystem::path path(model);
  const bool looks_like_one =
      path.has_parent_path() || path.extension() == ".pt" || path.extension() == ".pth";
  return looks_like_one || std::filesystem::is_regular_file(path);
}

std::shared_ptr<Detector> make_detector(const ModelOptions& options) {
  const std::string& model = options.model;
  if (model == "residual-small") return residual_small(options.width, options.norm);
  if (model == "resnet-18") return resnet18();
  if (model == "xception") return xception();
  if (model == "efficientnet-b4") return efficientnet_b4();
  if (model == "dlib-resnet-34") return dlib_resnet34();
  if (is_model_file(model)) {
    if (!std::filesystem::exists(model)) {
      throw std::runtime_error(model + ": no such model file");
    }
    return scripted(model, options.size);
  }
  const std::vector<std::string> known{"residual-small", "resnet-18", "xception", "efficientnet-b4",
                                       "dlib-resnet-34"};
  throw std::runtime_error(unknown_name("model", model, known));
}

void freeze(Detector& detector, const std::vector<std::string>& names) {
  const auto parameters = detector.named_parameters();
  for (const std::string& name : names) {
    bool found = false;
    for (const auto& parameter : parameters) {
      if (!belongs_to(parameter.key(), name)) continue;
      at::Tensor(parameter.value()).set_requires_grad(false);
      found = true;
    }
    if (found) continue;
    std::set<std::string> parts;
    for (const auto& parameter : parameters) {
      parts.insert(parameter.key().substr(0, parameter.key().find('.')));
    }
    throw std::runtime_error(
        unknown_name("part to freeze", name, std::vector<std::string>(parts.begin(), parts.end())));
  }
  if (std::ranges::none_of(parameters,
                           [](const auto& item) { return item.value().requires_grad(); })) {
    throw std::runtime_error("every parameter is frozen: nothing is left to train");
  }
}

void set_training_mode(Detector& detector, const std::vector<std::string>& frozen) {
  detector.train();
  if (frozen.empty()) return;
  for (const auto& module : detector.named_modules(/*name_prefix=*/{}, /*include_self=*/false)) {
    const bool is_frozen = std::ranges::any_of(
        frozen, [&](const std::string& part) { return belongs_to(module.key(), part); });
    if (is_frozen) module.value()->eval();
  }
}

void share_batches(Detector& detector, const std::vector<std::string>& frozen,
                   const std::shared_ptr<const SharedBatch>& batch) {
  std::set<std::string> shared;
  for (const auto& module : detector.named_modules()) {
    auto* layer = dynamic_cast<AcrossRows*>(module.value().get());
    if (layer == nullptr) continue;
    layer->share(batch);
    shared.insert(module.key());
  }
  for (const auto& buffer : detector.named_buffers()) {
    const std::string& name = buffer.key();
    if (!name.ends_with("running_mean")) continue;
    const std::string layer = name.substr(0, name.find_last_of('.'));
    const bool is_frozen = std::ranges::any_of(
        frozen, [&](const std::string& part) { return belongs_to(layer, part); });
    if (!is_frozen && !shared.contains(layer)) {
      throw std::runtime_error("batch norm " + layer +
                               " of the TorchScript file sees the rows of one rank alone: train in "
                               "one process, take group norm, or --freeze its part");
    }
  }
}

std::int64_t count_parameters(const torch::nn::Module& detector) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : detector.parameters()) count += parameter.numel();
  return count;
}

}  // namespace deepfake
