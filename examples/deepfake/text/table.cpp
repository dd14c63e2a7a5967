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

/// With dots in its middle, if it is longer than @p to characters.
std::string shortened(const std::string& text, std::size_t to) {
  const std::size_t length = width(text);
  if (length <= to) return text;
  if (length != text.size() || to < 5) return text.substr(0, to);
  const std::size_t end = (to - 2) / 2;
  return text.substr(0, to - 2 - end) + ".." + text.substr(text.size() - end);
}

std::string padded(const std::string& text, std::size_t to, bool right) {
  const std::string space(to - std::min(to, width(text)), ' ');
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

std::string Table::text() const { return text(0); }

std::string Table::text(std::size_t width_limit, std::size_t keys) const {
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
  constexpr std::size_t gap = 2;
  std::size_t all = 0;
  for (const std::size_t one : widths) all += one + gap;
  std::vector<std::vector<std::size_t>> blocks(1);
  if (width_limit == 0 || all - gap <= width_limit) {
    for (std::size_t column = 0; column < header_.size(); ++column) blocks[0].push_back(column);
  } else {
    // The keys leave room for the widest of the others, the longest of them gives way.
    std::size_t used_by_keys = 0, widest = 0;
    for (std::size_t key = 0; key < keys; ++key) used_by_keys += widths[key] + gap;
    for (std::size_t column = keys; column < header_.size(); ++column) {
      widest = std::max(widest, widths[column]);
    }
    constexpr std::size_t shortest = 8;
    while (used_by_keys + widest > width_limit) {
      std::size_t& longest =
          *std::ranges::max_element(widths.begin(), widths.begin() + static_cast<long>(keys));
      if (longest <= shortest) break;
      --longest;
      --used_by_keys;
    }
    std::size_t used = used_by_keys;
    for (std::size_t column = keys; column < header_.size(); ++column) {
      if (!blocks.back().empty() && used + widths[column] > width_limit) {
        blocks.emplace_back();
        used = used_by_keys;
      }
      blocks.back().push_back(column);
      used += widths[column] + gap;
    }
    for (auto& block : blocks) {
      for (std::size_t key = keys; key-- > 0;) block.insert(block.begin(), key);
    }
  }
  std::string text;
  for (const auto& block : blocks) {
    const auto line = [&](const std::vector<std::string>& cells) {
      std::string result;
      for (const std::size_t column : block) {
        result += (column != block.front() ? "  " : "") +
                  padded(shortened(cells[column], widths[column]), widths[column], right[column]);
      }
      result.erase(result.find_last_not_of(' ') + 1);
      return result + '\n';
    };
    std::string rule;
    for (const std::size_t column : block) {
      rule += (column != block.front() ? "  " : "") + std::string(widths[column], '-');
    }
    rule += '\n';
    text += (text.empty() ? "" : "\n") + line(header_) + rule;
    for (const Row& row : rows_) text += row.is_rule ? rule : line(row.cells);
  }
  return text;
}

std::string significant(double value, int digits) {
  if (!std::isfinite(value)) return fixed(value);
  std::array<char, 64> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::general, digits);
  return {buffer.data(), end};
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
