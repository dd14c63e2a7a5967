// SPDX-License-Identifier: MIT
#include "options/fields.hpp"

#include <fstream>

namespace deepfake {

void set_option(int& value, const nlohmann::ordered_json& json) {
  if (!json.is_number_integer()) throw std::runtime_error("must be a whole number");
  value = json.get<int>();
}
void set_option(std::uint64_t& value, const nlohmann::ordered_json& json) {
  if (!json.is_number_unsigned()) throw std::runtime_error("must be a whole number, 0 or more");
  value = json.get<std::uint64_t>();
}

nlohmann::ordered_json read_options(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error(file + ": cannot be opened");
  try {
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(stream);
    if (json.is_object() && json.contains("options")) return json["options"];
    return json;
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(file + ": " + error.what());
  }
}

}  // namespace deepfake
