// SPDX-License-Identifier: MIT
#include "training/pretrained.hpp"

#include <torch/script.h>

#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <roga/checkpoint.hpp>
#include <stdexcept>

#include "networks/dlib_resnet34.hpp"
#include "training/run_checkpoint.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, at::Tensor>;

template <class Items>
void add(Tensors& tensors, const Items& items) {
  for (const auto& item : items) tensors[item.name] = item.value;
}

/// A reader that does not know the format throws; the next one is asked.
template <class Read>
std::optional<Tensors> attempt(Read&& read) {
  try {
    return read();
  } catch (const std::exception&) {
    return {};
  }
}

Tensors of_script(const fs::path& file) {
  const torch::jit::Module script = torch::jit::load(file.string(), at::kCPU);
  Tensors tensors;
  add(tensors, script.named_parameters());
  add(tensors, script.named_buffers());
  return tensors;
}

Tensors of_checkpoint(const fs::path& file) {
  const nlohmann::ordered_json state = read_run_state(file);
  TrainOptions options;
  set_from_json(options, state.at("options"), file.string());
  const auto detector = make_detector(options.model);
  load_run_checkpoint(file, *detector);
  Tensors tensors;
  for (const auto& item : detector->named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : detector->named_buffers()) tensors[item.key()] = item.value();
  return tensors;
}

/// The tensors of a dict. Trainings wrap it: {"state_dict": {...}, "epoch": 3}.
Tensors of_dict(const c10::IValue& value) {
  if (!value.isGenericDict()) return {};
  Tensors tensors;
  std::map<std::string, c10::IValue> inner;
  for (const auto& entry : value.toGenericDict()) {
    if (!entry.key().isString()) continue;
    const std::string& name = entry.key().toStringRef();
    if (entry.value().isTensor()) {
      tensors[name] = entry.value().toTensor();
    } else if (entry.value().isGenericDict()) {
      inner[name] = entry.value();
    }
  }
  for (const char* name : {"state_dict", "model_state_dict", "model_state", "model", "net",
                           "network", "weights", "params"}) {
    const auto found = inner.find(name);
    if (found == inner.end()) continue;
    const Tensors wrapped = of_dict(found->second);
    if (!wrapped.empty()) return wrapped;
  }
  return tensors;
}

Tensors of_pickle(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)),
                                std::istreambuf_iterator<char>());
  return of_dict(torch::pickle_load(bytes));
}

Tensors read(const fs::path& file) {
  if (!fs::exists(file)) throw std::runtime_error(file.string() + ": no such weights file");
  if (is_dlib_network(file)) return read_dlib_resnet34(file);
  for (const auto& reader : {of_checkpoint, of_script, of_pickle}) {
    auto tensors = attempt([&] { return reader(file); });
    if (tensors && !tensors->empty()) return std::move(*tensors);
  }
  throw std::runtime_error(
      file.string() +
      ": neither TorchScript, nor a checkpoint of roga-deepfake, nor dlib's ResNet-34, nor a plain "
      "dict of tensors, by itself or under \"state_dict\", \"model\" or \"net\"; convert it with "
      "Python: "
      "torch.save(dict(state_dict), file)");
}

std::string without_wrapper(std::string name) {
  for (const char* prefix : {"model.", "net.", "module.", "backbone."}) {
    if (name.starts_with(prefix)) name.erase(0, std::string(prefix).size());
  }
  return name;
}

}  // namespace

LoadedWeights load_weights(Detector& detector, const fs::path& file) {
  Tensors source;
  for (auto& [name, tensor] : read(file)) source[without_wrapper(name)] = tensor;
  const c10::NoGradGuard no_grad;
  LoadedWeights result;
  const auto copy = [&](const std::string& name, at::Tensor target) {
    const auto found = source.find(name);
    if (found == source.end()) {
      if (!name.ends_with("num_batches_tracked")) result.missing.push_back(name);
    } else if (found->second.sizes() != target.sizes()) {
      result.unfitting.push_back(name);
    } else {
      target.copy_(found->second);
      ++result.copied;
    }
  };
  for (const auto& item : detector.named_parameters()) copy(item.key(), item.value());
  for (const auto& item : detector.named_buffers()) copy(item.key(), item.value());
  if (result.copied == 0) {
    throw std::runtime_error(file.string() +
                             ": no tensor has the name and shape of one of the "
                             "model's; its first is '" +
                             source.begin()->first + "', the model's '" +
                             detector.named_parameters().keys().front() + "'");
  }
  return result;
}

std::string to_text(const LoadedWeights& weights) {
  std::string text = std::to_string(weights.copied) + " tensors loaded by name";
  const auto list = [&](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    constexpr std::size_t shown = 4;
    text += "; " + std::to_string(names.size()) + ' ' + what + ":";
    for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) text += ' ' + names[i];
    if (names.size() > shown) text += " ...";
  };
  list("of another shape, left at random", weights.unfitting);
  list("not in the file, left at random", weights.missing);
  return text;
}

}  // namespace deepfake
