// SPDX-License-Identifier: MIT
#include "text/table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace deepfake {
namespace {

/// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char byte) { return (byte & 0xc0) != 0x80; }));
}

bool looks_numeric(const std::string& cell) {
  if (cell.empty() || cell == "-" || cell == "nan") return true;
  const std::size_t first = cell.find_first_not_of("+-.[(<");
  return first != std::string::npos && cell[first] >= '0' && cell[first] <= '9' &&
         cell.find_first_of("/:_") == std::string::npos;
}

std::string padded(const std::string& text, std::size_t to, bool right) {
  const std::string space(to - width(text), ' ');
  return right ? space + text : text + space;
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  if (cells.size() > header_.size()) {
    throw std::runtime_error("a table row has " + std::to_string(cells.size()) +
                             " cells but there are " + std::to_string(header_.size()) + " columns");
  }
  cells.resize(header_.size());
  rows_.push_back({false, std::move(cells)});
}

void Table::add_rule() { rows_.push_back({true, {}}); }

std::size_t Table::size() const {
  return static_cast<std::size_t>(std::ranges::count(rows_, false, &Row::is_rule));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t column = 0; column < header_.size(); ++column) {
    widths.push_back(width(header_[column]));
    bool numeric = !rows_.empty();
    for (const Row& row : rows_) {
      if (row.is_rule) continue;
      widths.back() = std::max(widths.back(), width(row.cells[column]));
      numeric = numeric && looks_numeric(row.cells[column]);
    }
    right.push_back(numeric);
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      text += (column ? "  " : "") + padded(cells[column], widths[column], right[column]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + '\n';
  };
  std::string rule;
  for (std::size_t column = 0; column < widths.size(); ++column) {
    rule += (column ? "  " : "") + std::string(widths[column], '-');
  }
  rule += '\n';

  std::string text = line(header_) + rule;
  for (const Row& row : rows_) text += row.is_rule ? rule : line(row.cells);
  return text;
}

std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return std::isnan(value) ? "-" : (value > 0 ? "inf" : "-inf");
  std::array<char, 400> buffer;  // enough for every double without exponent
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::fixed, digits);
  std::string text(buffer.data(), end);
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return is_zero && text.front() == '-' ? text.substr(1) : text;
}

}  // namespace deepfake
