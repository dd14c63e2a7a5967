// SPDX-License-Identifier: MIT
// Tells whether a run's data is still what it was trained on.
#pragma once

#include <string>

#include "data/index.hpp"

namespace deepfake {

/// A hash of what the index lists (names, labels, frame paths relative to rgb_dir), whatever the
/// order and wherever the data lies. Runs of older versions keep this alone.
std::string list_fingerprint(const Index& index);

/// "2-LIST-SIZES-TIMES": list_fingerprint, and hashes of the frame files' sizes and times of
/// change. With @p all_bytes followed by "-BYTES", a hash of all that the files hold.
std::string fingerprint(const Index& index, bool all_bytes = false);

enum class DataChange {
  none,
  other_list,    ///< other videos, labels or frames
  other_sizes,   ///< frames of other sizes under the same names
  other_times,   ///< the same sizes; written or copied since, which only the bytes tell
  other_bytes,   ///< both fingerprints have bytes, and they differ
  not_recorded,  ///< by an older version: names are the same, more is not known
};
/// What @p now says against @p recorded. Where both have bytes, times do not count.
DataChange data_change(const std::string& recorded, const std::string& now);

}  // namespace deepfake
