// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace deepfake {

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
  std::string text() const;

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

}  // namespace deepfake
