// SPDX-License-Identifier: MIT
// compare_trajectories PROGRAM FILE [RULE]: runs PROGRAM on FILE and compares what it prints with
// the numbers in FILE, of one rule if it is named, relative to the largest entry of each vector:
// 1e-8, and 1e-5 for rules with a solver.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

std::string output_of(const std::string& command) {
  const auto close = [](std::FILE* stream) { ::pclose(stream); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen(command.c_str(), "r"), close);
  std::string text;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    text.push_back(static_cast<char>(c));
  }
  return text;
}

double deviation(const Json& expected, const Json& actual) {
  const auto a = expected.get<std::vector<double>>();
  const auto b = actual.get<std::vector<double>>();
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::fmax(largest, std::fabs(a[i]));
    worst = std::isfinite(b[i]) ? std::fmax(worst, std::fabs(a[i] - b[i])) : INFINITY;
  }
  return largest > 0 ? worst / largest : worst;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: compare_trajectories PROGRAM FILE [RULE]\n";
    return 2;
  }
  const std::string file = argv[2];
  const std::string only = argc > 3 ? argv[3] : "";
  const auto expected = Json::parse(std::ifstream(file)).at("cases");
  const auto actual =
      Json::parse(output_of("'" + std::string(argv[1]) + "' '" + file + "'")).at("cases");
  int failures = expected.size() == actual.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size() && i < actual.size(); ++i) {
    const std::string name = expected[i].at("rule");
    if (!only.empty() && name != only) continue;
    const bool solver = name == "mgda" || name == "cagrad";
    double worst = 0;
    if (actual[i].at("rule") != name || actual[i].contains("error")) {
      worst = INFINITY;
    } else {
      worst = deviation(expected[i].at("first_direction"), actual[i].at("first_direction"));
      for (const auto& [step, point] : expected[i].at("trajectory").items()) {
        worst = std::fmax(worst, deviation(point, actual[i].at("trajectory").at(step)));
      }
    }
    const bool holds = worst <= (solver ? 1e-5 : 1e-8);
    failures += holds ? 0 : 1;
    std::cout << (holds ? "ok    " : "FAIL  ") << name << " on problem "
              << expected[i].at("problem") << ": " << worst << "\n";
  }
  return failures == 0 ? 0 : 1;
}
