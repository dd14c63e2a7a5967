// SPDX-License-Identifier: MIT
// Each method against the baseline, on the same test videos.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "metrics/bootstrap.hpp"
#include "report/comparison.hpp"

namespace deepfake {

struct PairedRow {
  std::string method;
  std::string baseline;
  std::string level;    ///< frame_level or video_level
  std::string dataset;  ///< empty in the row of the mean
  std::string title;    ///< the manipulation, or mean_of_unseen
  bool trained = false;
  PairedDifference auc;
  double holm_p = 1;  ///< p adjusted for the number of methods compared with this baseline
  std::string compression = {};
};
inline constexpr char mean_of_unseen[] = "mean unseen";

/// The group that @p group is compared with: of those trained on the same data, ERM, else the
/// first. Null for a group that is its own baseline.
const RunGroup* baseline_of(const Comparison& comparison, const RunGroup& group);

/// For each group with a baseline and each level: a row per manipulation, and one for the mean of
/// those that neither was trained on, if there are several. AUCs are means over seeds.
/// Manipulations that the two were not tested on with the same frames are left out.
std::vector<PairedRow> paired_rows(const Comparison& comparison, const Bootstrap& bootstrap = {});

/// A table for the terminal of one level.
/// @param width as in summary_text
std::string paired_text(const std::vector<PairedRow>& rows, const std::string& level,
                        std::size_t width = 0);

void write_paired(const std::vector<PairedRow>& rows, const std::filesystem::path& file);

}  // namespace deepfake
