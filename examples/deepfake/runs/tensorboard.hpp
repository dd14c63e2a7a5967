// SPDX-License-Identifier: MIT
// RUN/events.out.tfevents.*: what TensorBoard reads. The format is encoded here by hand (records
// with masked CRC-32C around protocol buffers), so that nothing needs TensorFlow or protobuf.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace deepfake {

/// CRC-32C (Castagnoli), not masked.
std::uint32_t crc32c(std::string_view bytes);

/// Writes scalars, pictures and texts of a run. Each object begins a file of its own; TensorBoard
/// reads all of a folder in the order of their names.
class TensorBoardWriter {
 public:
  enum class Mode { fresh, append };

  /// Mode::fresh removes the event files of an earlier run in the folder. Mode::append (a resumed
  /// run) drops records after @p last_step from them, for those steps are done again, and a record
  /// that a kill cut off. Files of other programs are left alone.
  /// @throws std::runtime_error naming the file that cannot be read or written
  explicit TensorBoardWriter(const std::filesystem::path& run, Mode mode = Mode::fresh,
                             std::int64_t last_step = std::numeric_limits<std::int64_t>::max());

  void scalar(std::string_view tag, std::int64_t step, double value);
  /// @param png an RGB picture of @p width times @p height pixels
  void image(std::string_view tag, std::int64_t step, std::span<const unsigned char> png, int width,
             int height);
  /// @param text Markdown
  void text(std::string_view tag, std::int64_t step, std::string_view text);

  /// Puts everything on disk. What a checkpoint counts as done should be there before it: a kill
  /// loses records since the last flush.
  /// @throws std::runtime_error naming the file if it cannot be written (disk full)
  void flush();

  const std::filesystem::path& file() const { return file_; }

 private:
  void write_summary(std::int64_t step, std::string_view value);

  std::filesystem::path file_;
  std::ofstream stream_;
};

}  // namespace deepfake
