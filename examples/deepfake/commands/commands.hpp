// SPDX-License-Identifier: MIT
// The sub-commands of roga-deepfake. Each adds its options to the program and runs when it is
// parsed; a failure is an exception with one line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace deepfake {

void add_make_data(CLI::App& program);
void add_import(CLI::App& program);
void add_check_data(CLI::App& program);
void add_train(CLI::App& program);
void add_evaluate(CLI::App& program);
void add_compare(CLI::App& program);
void add_predict(CLI::App& program);
void add_gradcam(CLI::App& program);
void add_robustness(CLI::App& program);
void add_export(CLI::App& program);
void add_report(CLI::App& program);
/// After the others, whose names it prints.
void add_completion(CLI::App& program);

/// What --align works with: "dlib 19.24", or "without dlib".
std::string face_alignment();

}  // namespace deepfake
