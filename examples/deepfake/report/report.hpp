// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "report/comparison.hpp"

namespace deepfake {

/// The report over runs, one page without any outside file.
std::string report_html(std::span<const Run> runs);

/// Reads the run folders and writes the report to @p output, by default report.html in the first
/// of them. Returns the file.
std::filesystem::path write_report(std::span<const std::filesystem::path> run_folders,
                                   std::filesystem::path output = {});

}  // namespace deepfake
