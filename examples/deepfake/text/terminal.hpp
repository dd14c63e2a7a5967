// SPDX-License-Identifier: MIT
// The terminal is for messages of the program. FFmpeg, GStreamer and libpng write theirs to file
// descriptor 2 by themselves.
#pragma once

#include <filesystem>
#include <utility>

namespace deepfake {

/// From now on std::cerr alone reaches the terminal. What others write to descriptor 2 is kept, and
/// shown if the process aborts.
void catch_decoder_noise();

/// Whether std::cerr is a terminal.
bool is_terminal();

/// Appends what was caught since the last call to @p log, each line once, behind "decoder: ".
/// Nothing happens if its folder is not there.
void keep_decoder_noise(const std::filesystem::path& log);

/// Does so at the end of a command, however it ends.
class NoiseKeeper {
 public:
  explicit NoiseKeeper(std::filesystem::path log) : log_(std::move(log)) {}
  ~NoiseKeeper();
  NoiseKeeper(const NoiseKeeper&) = delete;
  NoiseKeeper& operator=(const NoiseKeeper&) = delete;

 private:
  std::filesystem::path log_;
};

}  // namespace deepfake
