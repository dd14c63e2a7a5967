// SPDX-License-Identifier: MIT
#include "text/progress.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <utility>

#include "text/terminal.hpp"

namespace deepfake {
namespace {

constexpr int bar_width = 24;
constexpr std::int64_t plain_lines = 10;
constexpr auto redraw_interval = std::chrono::milliseconds(100);

std::string two_digits(long long value) {
  std::string text = value < 10 ? "0" : "";
  return text += std::to_string(value);
}

}  // namespace

Progress::Progress(std::string title, std::int64_t total)
    : Progress(std::move(title), total, std::cerr, deepfake::is_terminal()) {}

Progress::Progress(std::string title, std::int64_t total, std::ostream& out, bool is_terminal)
    : title_(std::move(title)), total_(total), out_(out), is_terminal_(is_terminal) {}

Progress::~Progress() { clear(); }

void Progress::update(std::int64_t done, const std::string& details) {
  const auto now = Clock::now();
  if (first_ < 0) {
    first_ = done - 1;
    done_ = first_;
    begin_ = now;
    last_draw_ = now - redraw_interval;
  }
  const std::int64_t before = std::exchange(done_, done);
  if (is_terminal_) {
    if (done < total_ && now - last_draw_ < redraw_interval) return;
    last_draw_ = now;
    draw(details);
  } else if (done * plain_lines / total_ != before * plain_lines / total_) {
    draw(details);
  }
}

void Progress::print(const std::string& line) {
  clear();
  out_ << line << '\n' << std::flush;
  if (kept_.is_open()) kept_ << line << '\n' << std::flush;
}

void Progress::draw(const std::string& details) {
  const std::chrono::duration<double> spent = Clock::now() - begin_;
  const auto remaining = spent * (static_cast<double>(total_ - done_) /
                                  static_cast<double>(std::max<std::int64_t>(1, done_ - first_)));
  std::string line = title_ + ' ';
  if (is_terminal_) {
    const auto filled =
        static_cast<std::size_t>(bar_width * done_ / std::max<std::int64_t>(1, total_));
    line =
        '\r' + line + '[' + std::string(filled, '#') + std::string(bar_width - filled, '.') + "] ";
  }
  line += std::to_string(done_) + '/' + std::to_string(total_);
  line += done_ < total_ ? "  " + to_text(remaining) + " left" : "  " + to_text(spent);
  if (!details.empty()) line += "  " + details;
  out_ << line << (is_terminal_ ? "\x1b[K" : "\n") << std::flush;
  is_drawn_ = is_terminal_;
}

void Progress::clear() {
  if (is_drawn_) out_ << "\r\x1b[K" << std::flush;
  is_drawn_ = false;
}

std::string to_text(std::chrono::duration<double> duration) {
  const auto seconds = static_cast<long long>(std::llround(std::max(0.0, duration.count())));
  if (seconds < 60) return std::to_string(seconds) + " s";
  const long long minutes = seconds / 60;
  if (minutes < 60) return std::to_string(minutes) + " min " + two_digits(seconds % 60) + " s";
  return std::to_string(minutes / 60) + " h " + two_digits(minutes % 60) + " min";
}

}  // namespace deepfake
