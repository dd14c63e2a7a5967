// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "data/index.hpp"
#include "text/lower_case.hpp"

namespace deepfake {

std::optional<int> class_of_label(const std::string& label) {
  // DeepfakeBench's names that do not tell their class.
  constexpr std::array<std::string_view, 6> fakes{"FF-DF", "FF-F2F", "FF-FS",
                                                  "FF-NT", "FF-FH",  "FF-SH"};
  if (label == "FF-real") return 0;
  if (std::ranges::find(fakes, label) != fakes.end()) return 1;
  const std::size_t underscore = label.rfind('_');
  const std::string whole = lower_case(label);
  if (underscore == std::string::npos) {
    return whole == "real" ? std::optional(0) : whole == "fake" ? std::optional(1) : std::nullopt;
  }
  const std::string ending = whole.substr(underscore + 1);
  if (ending == "real") return 0;
  if (ending.starts_with("fake")) return 1;
  return std::nullopt;
}

namespace {

bool is_fake_class(const nlohmann::ordered_json& value, const std::string& where) {
  const std::string name = value.is_string() ? lower_case(value.get<std::string>()) : "";
  if (name != "real" && name != "fake") {
    throw std::runtime_error(where + ": the class must be \"real\" or \"fake\", not " +
                             value.dump());
  }
  return name == "fake";
}

LabelMeaning meaning_of(const nlohmann::ordered_json& value, const std::string& where) {
  if (!value.is_object()) return {is_fake_class(value, where), ""};
  if (!value.contains("class")) throw std::runtime_error(where + " has no \"class\"");
  LabelMeaning meaning{is_fake_class(value["class"], where), ""};
  for (const auto& [name, entry] : value.items()) {
    if (name == "class") continue;
    if (name != "domain" || !entry.is_string() || entry.get<std::string>().empty()) {
      throw std::runtime_error(where + " may hold \"class\" and \"domain\", both texts, not \"" +
                               name + "\": " + entry.dump());
    }
    meaning.domain = entry.get<std::string>();
  }
  if (!meaning.is_fake && !meaning.domain.empty()) {
    throw std::runtime_error(where + ": a real label has no domain, fakes have");
  }
  return meaning;
}

}  // namespace

Labels labels_from(const std::string& text, const std::string& where) {
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object() || json.empty()) {
    throw std::runtime_error(where +
                             ": must be a JSON object of labels, {\"LABEL\": \"fake\", \"OTHER\": "
                             "{\"class\": \"fake\", \"domain\": \"NAME\"}}");
  }
  Labels labels;
  for (const auto& [label, value] : json.items()) {
    labels[label] = meaning_of(value, where + ": label \"" + label + "\"");
  }
  return labels;
}

Labels read_labels(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error(file.string() + ": no such file of labels");
  return labels_from({std::istreambuf_iterator<char>(stream), {}}, file.string());
}

std::string to_json_text(const Labels& labels) {
  auto json = nlohmann::ordered_json::object();
  for (const auto& [label, meaning] : labels) {
    json[label] = {{"class", meaning.is_fake ? "fake" : "real"}};
    if (!meaning.domain.empty()) json[label]["domain"] = meaning.domain;
  }
  return json.dump();
}

}  // namespace deepfake
