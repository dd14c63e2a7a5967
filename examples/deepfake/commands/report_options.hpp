// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "report/report.hpp"

namespace deepfake {

/// --notice and --no-pictures, of every command that writes a report.
inline std::shared_ptr<ReportOptions> add_report_options(CLI::App& command) {
  auto options = std::make_shared<ReportOptions>();
  command.add_option("--notice", options->notice, "sentence that the report begins with");
  command.add_flag_callback(
      "--no-pictures", [options] { options->pictures = false; },
      "leave frames, forgeries and heat maps out of the report");
  return options;
}

}  // namespace deepfake
