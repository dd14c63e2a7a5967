// SPDX-License-Identifier: MIT
#include "networks/normalisation.hpp"

#include <utility>

namespace deepfake {
namespace {

const std::vector<std::pair<std::string, Normalisation>>& conventions() {
  static const std::vector<std::pair<std::string, Normalisation>> all{
      {"deepfakebench", {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, 1}},
      // torchvision's, of the training images of ILSVRC 2012.
      {"imagenet", {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}, 1}},
      // Of CLIP's published models.
      {"clip", {{0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}, 1}},
      // dlib's input_rgb_image.
      {"dlib", {{122.782, 117.001, 104.298}, {256, 256, 256}, 255}},
      {"unit", {{0, 0, 0}, {1, 1, 1}, 1}}};
  return all;
}

}  // namespace

std::optional<Normalisation> normalisation_named(const std::string& name) {
  for (const auto& [known, normalisation] : conventions()) {
    if (known == name) return normalisation;
  }
  return std::nullopt;
}

std::vector<std::string> normalisation_names() {
  std::vector<std::string> names;
  for (const auto& [name, normalisation] : conventions()) names.push_back(name);
  return names;
}

}  // namespace deepfake
