// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iosfwd>
#include <string>

namespace deepfake {

/// A progress bar with the remaining time on a terminal; elsewhere a plain line at each tenth.
class Progress {
 public:
  /// Writes to stderr.
  Progress(std::string title, std::int64_t total);
  Progress(std::string title, std::int64_t total, std::ostream& out, bool is_terminal);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// @param done of total, since the work began
  /// @param details shown behind the bar
  void update(std::int64_t done, const std::string& details = {});
  /// Appends the lines that stay to a file, too.
  void keep(const std::filesystem::path& file) { kept_.open(file, std::ios::app); }
  /// A line that stays, above the bar.
  void print(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;

  void draw(const std::string& details);
  void clear();

  std::string title_;
  std::int64_t total_;
  std::ostream& out_;
  std::ofstream kept_;
  bool is_terminal_;
  bool is_drawn_ = false;
  std::int64_t first_ = -1;  ///< where this process began, after a resume
  std::int64_t done_ = 0;
  Clock::time_point begin_;
  Clock::time_point last_draw_;
};

/// 12 s, 3 min 05 s or 2 h 07 min.
std::string to_text(std::chrono::duration<double> duration);

}  // namespace deepfake
