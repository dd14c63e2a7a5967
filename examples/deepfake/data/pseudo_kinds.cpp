// SPDX-License-Identifier: MIT
#include "data/pseudo_kinds.hpp"

#include <algorithm>

namespace deepfake {

std::vector<std::string> pseudo_kind_names() {
  std::vector<std::string> names;
  for (const PseudoKind& kind : pseudo_kinds) names.emplace_back(kind.name);
  return names;
}

std::string pseudo_domain(std::string_view kind) { return "pseudo-" + std::string(kind); }

std::string trained_twin(std::span<const std::string> train_domains, std::string_view label) {
  for (const PseudoKind& kind : pseudo_kinds) {
    const bool is_trained =
        std::ranges::find(train_domains, pseudo_domain(kind.name)) != train_domains.end();
    if (is_trained && !kind.twin.empty() && label == "Synthetic-" + std::string(kind.twin)) {
      return std::string(kind.name);
    }
  }
  return "";
}

void add_pseudo_videos(Index& index, std::span<const std::string> kinds) {
  const std::size_t count = index.videos.size();
  for (const std::string& kind : kinds) {
    for (std::size_t v = 0; v < count; ++v) {
      if (index.videos[v].is_fake) continue;
      Video forged = index.videos[v];
      forged.label = forged.domain = pseudo_domain(kind);
      forged.is_fake = true;
      forged.masks.clear();
      forged.real_partner = v;
      forged.pseudo = kind;
      index.videos.push_back(std::move(forged));
    }
  }
}

// They come last, so the positions of partners stay as they are.
Index without_pseudo(Index index) {
  std::erase_if(index.videos, [](const Video& video) { return !video.pseudo.empty(); });
  return index;
}

Index only_real(Index index) {
  std::erase_if(index.videos, [](const Video& video) { return video.is_fake; });
  return index;
}

}  // namespace deepfake
