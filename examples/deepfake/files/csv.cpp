// SPDX-License-Identifier: MIT
#include "files/csv.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "files/fail_at.hpp"
#include "files/replace_file.hpp"

namespace deepfake {
namespace {

std::string system_reason() { return std::generic_category().message(errno); }

template <class Number>
std::optional<Number> parse(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += (i ? "," : "") + quoted(cells[i]);
  return line + '\n';
}

/// The rows of complete lines.
std::vector<std::vector<std::string>> parse_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  std::string cell;
  bool in_quotes = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_quotes) {
      if (c != '"') {
        cell += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += text[++i];
      } else {
        in_quotes = false;
      }
    } else if (c == '"') {
      in_quotes = true;
    } else if (c == ',' || c == '\n') {
      row.push_back(std::move(cell));
      cell.clear();
      if (c == '\n') rows.push_back(std::exchange(row, {}));
    } else if (c != '\r') {
      cell += c;
    }
  }
  return rows;
}

}  // namespace

bool CsvTable::has(const std::string& name) const {
  return std::ranges::find(columns, name) != columns.end();
}

std::size_t CsvTable::column(const std::string& name) const {
  const auto found = std::ranges::find(columns, name);
  if (found == columns.end()) {
    std::string known;
    for (const std::string& column : columns) known += ' ' + column;
    fail_at(file, "has no column '" + name + "'; its columns are" + known);
  }
  return static_cast<std::size_t>(found - columns.begin());
}

double CsvTable::number(std::size_t row, std::size_t column) const {
  if (const auto value = parse<double>(rows[row][column])) return *value;
  fail_at(file, "line " + std::to_string(row + 2) + ", column " + columns[column] + ": '" +
                    rows[row][column] + "' is not a number");
}

std::int64_t CsvTable::integer(std::size_t row, std::size_t column) const {
  if (const auto value = parse<std::int64_t>(rows[row][column])) return *value;
  fail_at(file, "line " + std::to_string(row + 2) + ", column " + columns[column] + ": '" +
                    rows[row][column] + "' is not a whole number");
}

CsvTable read_csv(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail_at(file, "cannot be opened: " + system_reason());
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  CsvTable table{file, {}, parse_rows(text)};
  if (table.rows.empty()) fail_at(file, "has no header line");
  table.columns = std::move(table.rows.front());
  table.rows.erase(table.rows.begin());
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    if (table.rows[row].size() != table.columns.size()) {
      fail_at(file, "line " + std::to_string(row + 2) + " has " +
                        std::to_string(table.rows[row].size()) + " cells, the header has " +
                        std::to_string(table.columns.size()));
    }
  }
  return table;
}

CsvWriter::CsvWriter(std::filesystem::path file, std::vector<std::string> columns, Mode mode)
    : file_(std::move(file)), columns_(columns.size()) {
  const bool appends = mode == Mode::append && std::filesystem::exists(file_);
  if (appends) {
    CsvTable present = read_csv(file_);
    if (present.columns != columns) {
      fail_at(file_, "has other columns than the rows to append; move it away");
    }
    write_csv(present);  // drops a line that was cut off
  }
  stream_.open(file_, appends ? std::ios::app : std::ios::trunc);
  if (!stream_) fail_at(file_, "cannot be written: " + system_reason());
  if (!appends) write(columns);
}

void CsvWriter::write(const std::vector<std::string>& cells) {
  if (cells.size() != columns_) {
    fail_at(file_, "a row of " + std::to_string(cells.size()) + " cells does not fit its " +
                       std::to_string(columns_) + " columns");
  }
  stream_ << line_of(cells) << std::flush;
  if (!stream_) fail_at(file_, "cannot be written: " + system_reason());
}

void write_csv(const CsvTable& table) {
  std::string text = line_of(table.columns);
  for (const auto& row : table.rows) text += line_of(row);
  replace_file(table.file, text);
}

std::string to_csv(double value) {
  std::array<char, 64> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

std::string to_csv(std::int64_t value) { return std::to_string(value); }

}  // namespace deepfake
