// SPDX-License-Identifier: MIT
// CSV files with a header line; numbers in plain '.' notation that read back to the same double.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace deepfake {

struct CsvTable {
  std::filesystem::path file;  ///< for messages
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;

  bool has(const std::string& name) const;
  /// Position of a column. @throws std::runtime_error naming the file and its columns.
  std::size_t column(const std::string& name) const;
  /// The cell as a number. @throws std::runtime_error naming file, line and column.
  double number(std::size_t row, std::size_t column) const;
  std::int64_t integer(std::size_t row, std::size_t column) const;
};

/// Reads a file. A last line without a line end was cut off by a kill and is left out.
/// @throws std::runtime_error naming file and line if a row has too few or too many cells.
CsvTable read_csv(const std::filesystem::path& file);

/// Writes row by row; each row is on disk when write returns.
class CsvWriter {
 public:
  enum class Mode { fresh, append };

  /// Appending to a file with other columns is an error; appending to none makes it.
  CsvWriter(std::filesystem::path file, std::vector<std::string> columns, Mode mode = Mode::fresh);

  /// @throws std::runtime_error naming the file if a cell is missing or the disk is full.
  void write(const std::vector<std::string>& cells);

 private:
  std::filesystem::path file_;
  std::size_t columns_;
  std::ofstream stream_;
};

/// Replaces the file in one go.
void write_csv(const CsvTable& table);

/// Shortest text that reads back to the same double; nan, inf, -inf as such.
std::string to_csv(double value);
std::string to_csv(std::int64_t value);

}  // namespace deepfake
