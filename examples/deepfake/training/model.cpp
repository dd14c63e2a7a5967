// SPDX-License-Identifier: MIT
#include "training/model.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string_view>

#include "networks/dlib_resnet34.hpp"
#include "networks/networks.hpp"
#include "networks/shared_batch.hpp"
#include "text/lower_case.hpp"
#include "text/unknown_name.hpp"

namespace deepfake {
namespace {

/// Whether @p name is @p part or lies below it.
bool belongs_to(std::string_view name, std::string_view part) {
  return name.starts_with(part) && (name.size() == part.size() || name[part.size()] == '.');
}

bool fits(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    return fits(text, pattern.substr(1)) || (!text.empty() && fits(text.substr(1), pattern));
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         fits(text.substr(1), pattern.substr(1));
}

/// Whether @p pattern fits @p name or a beginning of it up to a dot.
bool is_named(const std::string& name, const std::string& pattern) {
  for (std::size_t end = name.find('.');; end = name.find('.', end + 1)) {
    if (fits(std::string_view(name).substr(0, end), pattern)) return true;
    if (end == std::string::npos) return false;
  }
}

/// First parts of the names, for messages.
std::vector<std::string> parts_of(const Detector& detector) {
  std::set<std::string> parts;
  for (const auto& parameter : detector.named_parameters()) {
    parts.insert(parameter.key().substr(0, parameter.key().find('.')));
  }
  return {parts.begin(), parts.end()};
}

/// Names of the weights of normalisation layers, of whatever kind.
std::set<std::string> normalisation_weights(const Detector& detector) {
  std::set<std::string> names;
  for (const auto& module : detector.named_modules(/*name_prefix=*/{}, /*include_self=*/false)) {
    const bool has_statistics =
        module.value()->named_buffers(/*recurse=*/false).contains("running_mean");
    const std::string kind = lower_case(module.value()->name());
    const bool is_called_so =
        kind.find("norm") != std::string::npos || kind.find("affine") != std::string::npos;
    if (!has_statistics && !is_called_so) continue;
    for (const auto& parameter : module.value()->named_parameters(/*recurse=*/false)) {
      names.insert(module.key() + '.' + parameter.key());
    }
  }
  return names;
}

std::shared_ptr<Detector> built(const ModelOptions& options) {
  const std::string& model = options.model;
  if (model == "residual-small") return residual_small(options.width, options.norm);
  if (model == "conv-small") return conv_small(options.width);
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
  const std::vector<std::string> known{"residual-small", "conv-small",      "resnet-18",
                                       "xception",       "efficientnet-b4", "dlib-resnet-34"};
  throw std::runtime_error(unknown_name("model", model, known));
}

}  // namespace

Normalisation normalisation_of(const ModelOptions& options) {
  const bool is_of_dlib = options.model == "dlib-resnet-34";
  const auto named = normalisation_named(options.normalisation != "auto" ? options.normalisation
                                         : is_of_dlib                    ? "dlib"
                                                                         : "deepfakebench");
  if (!named) {
    throw std::runtime_error(
        unknown_name("normalisation", options.normalisation, normalisation_names()));
  }
  Normalisation result = *named;
  const auto replace = [](std::array<double, 3>& numbers, const std::vector<double>& given) {
    for (std::size_t c = 0; c < 3 && !given.empty(); ++c) {
      numbers.at(c) = given.size() == 1 ? given.front() : given.at(c);
    }
  };
  replace(result.mean, options.mean);
  replace(result.deviation, options.deviation);
  if (options.input_range > 0) result.range = options.input_range;
  return result;
}

bool is_model_file(const std::string& model) {
  const std::filesystem::path path(model);
  const bool looks_like_one =
      path.has_parent_path() || path.extension() == ".pt" || path.extension() == ".pth";
  return looks_like_one || std::filesystem::is_regular_file(path);
}

std::shared_ptr<Detector> make_detector(const ModelOptions& options) {
  auto detector = built(options);
  detector->normalise(normalisation_of(options));
  return detector;
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
    throw std::runtime_error(unknown_name("part to freeze", name, parts_of(detector)));
  }
  if (std::ranges::none_of(parameters,
                           [](const auto& item) { return item.value().requires_grad(); })) {
    throw std::runtime_error("every parameter is frozen: nothing is left to train");
  }
}

void choose_trained(Detector& detector, const std::vector<std::string>& only,
                    const std::vector<std::string>& frozen) {
  const auto parameters = detector.named_parameters();
  std::set<std::string> trained;
  for (const std::string& pattern : only) {
    bool found = false;
    if (pattern == "normalisation") {
      const std::set<std::string> weights = normalisation_weights(detector);
      trained.insert(weights.begin(), weights.end());
      found = !weights.empty();
    }
    for (const auto& parameter : parameters) {
      if (!is_named(parameter.key(), pattern)) continue;
      trained.insert(parameter.key());
      found = true;
    }
    if (!found && pattern == "normalisation") {
      throw std::runtime_error(
          "option train-only: the network has no normalisation layer that is known as one; name "
          "the layers, as '*ln_*'");
    }
    if (!found) {
      throw std::runtime_error(unknown_name("part to train", pattern, parts_of(detector)));
    }
  }
  for (const auto& parameter : parameters) {
    if (only.empty()) break;
    at::Tensor(parameter.value()).set_requires_grad(trained.contains(parameter.key()));
  }
  freeze(detector, frozen);
}

void set_training_mode(Detector& detector, const std::vector<std::string>& frozen) {
  detector.train();
  if (count_trained(detector) == count_parameters(detector)) return;
  for (const auto& module : detector.named_modules(/*name_prefix=*/{}, /*include_self=*/false)) {
    const bool is_frozen = std::ranges::any_of(
        frozen, [&](const std::string& part) { return belongs_to(module.key(), part); });
    const bool is_at_rest =
        count_trained(*module.value()) == 0 && count_parameters(*module.value()) > 0;
    if (is_frozen || is_at_rest) module.value()->eval();
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
  set_training_mode(detector, frozen);
  for (const auto& module : detector.named_modules()) {
    const bool has_statistics =
        module.value()->named_buffers(/*recurse=*/false).contains("running_mean");
    if (has_statistics && module.value()->is_training() && !shared.contains(module.key())) {
      throw std::runtime_error("batch norm " + module.key() +
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

std::int64_t count_trained(const torch::nn::Module& detector) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : detector.parameters()) {
    if (parameter.requires_grad()) count += parameter.numel();
  }
  return count;
}

}  // namespace deepfake
