// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "report/comparison.hpp"

namespace deepfake {

struct ReportOptions {
  std::string notice = {};  ///< what comes first, of one's own
  bool pictures = true;     ///< frames, forgeries and heat maps
};

/// The report over runs, one page without any outside file.
std::string report_html(std::span<const Run> runs, const ReportOptions& options = {});

/// Reads the run folders and writes the report to @p output, by default report.html in the first
/// of them. Returns the file.
std::filesystem::path write_report(std::span<const std::filesystem::path> run_folders,
                                   std::filesystem::path output = {},
                                   const ReportOptions& options = {});

}  // namespace deepfake
