// SPDX-License-Identifier: MIT
#include "files/left_out.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "files/csv.hpp"

namespace deepfake {
namespace {

std::filesystem::path file_in(const std::filesystem::path& folder) {
  return folder / "left_out.csv";
}

}  // namespace

void replace_left_out(const std::filesystem::path& folder, const std::string& command,
                      std::vector<LeftOut> rows,
                      const std::function<bool(const LeftOut&)>& is_replaced) {
  std::vector<LeftOut> all = read_left_out(folder);
  std::erase_if(all, [&](const LeftOut& old) {
    return old.command == command && (!is_replaced || is_replaced(old));
  });
  std::set<LeftOut> seen(all.begin(), all.end());
  for (LeftOut& row : rows) {
    row.command = command;
    if (seen.insert(row).second) all.push_back(std::move(row));
  }
  if (all.empty()) {
    std::filesystem::remove(file_in(folder));
    return;
  }
  CsvTable table{file_in(folder), {"command", "dataset", "kind", "place", "reason"}, {}};
  for (const LeftOut& row : all) {
    table.rows.push_back({row.command, row.dataset, row.kind, row.place, row.reason});
  }
  std::filesystem::create_directories(folder);
  write_csv(table);
}

std::vector<LeftOut> read_left_out(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(file_in(folder))) return {};
  const CsvTable table = read_csv(file_in(folder));
  std::vector<LeftOut> rows;
  for (const auto& cells : table.rows) {
    const auto cell = [&](const char* name) { return cells[table.column(name)]; };
    rows.push_back({cell("command"), cell("dataset"), cell("kind"), cell("place"), cell("reason")});
  }
  return rows;
}

std::string summary_of(std::span<const LeftOut> rows) {
  if (rows.empty()) return "";
  std::map<std::string, std::size_t> counts;
  for (const LeftOut& row : rows) ++counts[row.kind];
  std::vector<std::pair<std::string, std::size_t>> kinds(counts.begin(), counts.end());
  std::ranges::stable_sort(kinds, std::greater(), [](const auto& kind) { return kind.second; });
  std::string text;
  for (const auto& [kind, count] : kinds) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + kind;
  }
  return std::to_string(rows.size()) + " left out: " + text;
}

}  // namespace deepfake
