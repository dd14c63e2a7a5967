// SPDX-License-Identifier: MIT
// roga_conformance FILE: runs the update rules of a trajectories file through the public API,
// float64 and SGD without momentum, and prints the trajectories that come out as JSON.
#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "rules.hpp"

namespace {

using Json = nlohmann::ordered_json;

conformance::Problem problem_of(const Json& json) {
  return {.split = json.at("split"),
          .start = json.at("w0"),
          .curvatures = json.at("H"),
          .minima = json.at("a")};
}

Json run(const Json& given, const Json& problem) {
  Json result{{"problem", given.at("problem")}, {"rule", given.at("rule")}};
  int last = 1;
  for (const auto& [step, point] : given.at("trajectory").items()) {
    last = std::max(last, std::stoi(step));
  }
  try {
    const auto trajectory = conformance::run(given.at("rule"), given.at("hyper"),
                                             problem_of(problem), given.at("lr"), last);
    result["first_direction"] = trajectory.first_direction;
    result["trajectory"] = Json::object();
    for (const auto& [step, point] : given.at("trajectory").items()) {
      result["trajectory"][step] = trajectory.points.at(std::stoul(step) - 1);
    }
  } catch (const std::exception& error) {
    const std::string what = error.what();
    result["error"] = what.substr(0, what.find('\n'));
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("usage: roga_conformance FILE, trajectories in JSON");
    std::ifstream stream(argv[1]);
    if (!stream) throw std::runtime_error(std::string("cannot read ") + argv[1]);
    const Json file = Json::parse(stream);
    Json cases = Json::array();
    for (const auto& given : file.at("cases")) {
      cases.push_back(run(given, file.at("problems").at(given.at("problem").get<std::size_t>())));
    }
    std::cout << Json{{"cases", std::move(cases)}}.dump(1) << "\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "roga_conformance: " << error.what() << "\n";
    return 1;
  }
}
