// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace deepfake {

/// What a terminal is sure to show.
inline constexpr std::size_t terminal_width = 80;

/// A table for the terminal. Columns whose cells are all numbers (or empty, "-", "nan", a number
/// with a unit or an interval) are set flush right, the others flush left.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  /// @p cells may be fewer than the columns; the rest stays empty.
  void add(std::vector<std::string> cells);
  /// A line across, for example above a mean.
  void add_rule();

  std::size_t size() const;
  /// All in one.
  std::string text() const;
  /// At most @p width characters wide, 0: without limit. Columns that do not fit follow below, with
  /// the first @p keys columns repeated; cells of those are shortened in the middle if they are
  /// what takes the room.
  std::string text(std::size_t width, std::size_t keys = 1) const;

 private:
  struct Row {
    bool is_rule = false;
    std::vector<std::string> cells;
  };
  std::vector<std::string> header_;
  std::vector<Row> rows_;
};

/// @p value with @p digits decimals; "-" for NaN.
std::string fixed(double value, int digits = 3);
/// @p value with @p digits that count, without trailing zeros: 0.00109.
std::string significant(double value, int digits = 3);

}  // namespace deepfake
