// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "report/html.hpp"
#include "report/sections.hpp"
#include "report/thumbnail.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

/// The pictures of RUN/pseudo by kind: self-blend_0.png, self-blend_1.png, ...
std::map<std::string, std::vector<fs::path>> pseudo_pictures(const Run& run) {
  std::map<std::string, std::vector<fs::path>> pictures;
  const fs::path folder = run.folder / "pseudo";
  if (!fs::is_directory(folder)) return pictures;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".png") continue;
    pictures[name.substr(0, name.rfind('_'))].push_back(entry.path());
  }
  for (auto& [kind, files] : pictures) std::ranges::sort(files);
  return pictures;
}

std::string pseudo_figure(const std::string& kind, const fs::path& file) {
  try {
    return "<figure><img src=\"" + thumbnail(file) + "\" alt=\"" + escape(kind) +
           ": real, forged, mask\"></figure>\n";
  } catch (const std::runtime_error& error) {
    return paragraph(std::string("Left out: ") + error.what(), "muted");
  }
}

}  // namespace

std::string pseudo_section(const Comparison& comparison) {
  std::string body;
  const bool single = comparison.groups().size() == 1;
  for (const RunGroup& group : comparison.groups()) {
    std::string pictures;
    for (const auto& [kind, files] : pseudo_pictures(*group.runs.front())) {
      pictures += "<h3>" + escape(kind) + "</h3><div class=\"gradcam\">";
      for (const fs::path& file : files) pictures += pseudo_figure(kind, file);
      pictures += "</div>\n";
    }
    if (pictures.empty()) continue;
    body += single ? pictures : folded(group.title, pictures, body.empty());
  }
  if (body.empty()) return "";
  return section("pseudo", "Forgeries made while training",
                 paragraph("Each picture is a real training frame, the forgery that was made from "
                           "it, and where the two differ. A test set of the same kind does not "
                           "count as unseen.",
                           "muted") +
                     body);
}

}  // namespace deepfake
