// SPDX-License-Identifier: MIT
// Shortcut audit: could one hand-made statistic tell fake from real?
#pragma once

#include <filesystem>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace deepfake {

struct AuditRow {
  std::string statistic;
  double auc;  ///< of the statistic, fake against real; below .5: lower in fakes
};

/// Reads the images from disk and measures each statistic's AUC.
/// @throws std::runtime_error naming an image that cannot be read
std::vector<AuditRow> audit(std::span<const std::filesystem::path> real,
                            std::span<const std::filesystem::path> fake);

struct AuditedDomain {
  std::string name;
  std::vector<AuditRow> rows;
};

/// The largest distance from .5, as an AUC above .5.
double worst_auc(std::span<const AuditRow> rows);

/// One line per statistic, one column per domain; an asterisk where a statistic alone separates
/// better than .85.
void print_audit(std::ostream& out, std::span<const AuditedDomain> domains);

}  // namespace deepfake
