// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "data/index.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "report/thumbnail.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

constexpr std::size_t rows_per_dataset = 4;

/// Scores of one run by frame.
class ScoreBook {
 public:
  explicit ScoreBook(const Run& run) {
    for (const FrameScore& s : run.scores) {
      scores_[{s.dataset, s.compression, s.domain, s.video, s.frame}] = s.prob;
    }
  }
  std::string caption(const Video& video, const std::filesystem::path& frame) const {
    const auto found = scores_.find(
        {video.dataset, video.compression, video.domain, video.name, frame.stem().string()});
    if (found == scores_.end()) return "";
    const bool is_wrong = (found->second > .5) != video.is_fake;
    return std::string("<small") + (is_wrong ? " class=\"wrong\"" : "") + '>' +
           fixed(found->second, 2) + "</small>";
  }

 private:
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, double>
      scores_;
};

Cell picture(const Video& video, const std::filesystem::path& frame, const std::string& title,
             const ScoreBook& scores) {
  return {"<img src=\"" + thumbnail(frame) + "\" alt=\"" + escape(title) + ", video " +
          escape(video.name) + "\">" + scores.caption(video, frame)};
}

/// Real frames of one data set with the fakes of the same frame, a column per manipulation.
std::string dataset_examples(const Index& index, const std::string& dataset, bool synthetic,
                             const ScoreBook& scores) {
  std::vector<std::string> domains;
  std::map<std::size_t, std::map<std::string, std::pair<const Video*, FramePair>>> fakes_of;
  for (const Video& video : index.videos) {
    if (video.dataset != dataset || !video.real_partner) continue;
    if (std::ranges::find(domains, video.domain) == domains.end()) domains.push_back(video.domain);
    const auto pairs = pair_frames(index.videos[*video.real_partner], video);
    if (!pairs.empty()) fakes_of[*video.real_partner][video.domain] = {&video, pairs.front()};
  }
  std::vector<std::size_t> complete;
  for (const auto& [real, fakes] : fakes_of) {
    if (fakes.size() == domains.size()) complete.push_back(real);
  }
  if (complete.empty()) return "";

  std::vector<Cell> header{{"real"}};
  for (const std::string& domain : domains) {
    header.push_back({domains.size() == 1 ? "fake" : escape(domain_title(domain, synthetic))});
  }
  HtmlTable table(dataset_title(dataset, synthetic), header);
  for (const std::size_t n : evenly_spaced(complete.size(), rows_per_dataset)) {
    const Video& real = index.videos[complete[n]];
    const auto& fakes = fakes_of[complete[n]];
    const std::size_t first_frame = fakes.begin()->second.second.real;
    std::vector<Cell> cells{picture(real, real.frames[first_frame], "real", scores)};
    for (const std::string& domain : domains) {
      const auto& [fake, frames] = fakes.at(domain);
      cells.push_back(picture(*fake, fake->frames[frames.fake], domain, scores));
    }
    table.add(cells);
  }
  return table.html();
}

std::string audit_cell_css(double value) {
  // The generator's own limit for a statistic that gives fakes away.
  return std::abs(value - .5) > .35 ? "num flag" : "num";
}

std::filesystem::path audit_file(const Run& run) {
  for (const std::filesystem::path& folder : {run.folder, run.config.data}) {
    if (std::filesystem::exists(folder / "audit.csv")) return folder / "audit.csv";
  }
  return {};
}

}  // namespace

std::string examples_section(const Comparison& comparison) {
  const Run& run = *comparison.groups().front().runs.front();
  std::string body;
  try {
    if (run.config.data.empty()) return "";
    const Index index =
        load_index(locate_data(run.config.data, run.config.rgb_dir),
                   {.keep = {.split = "test", .compression = run.config.compression}});
    const ScoreBook scores(run);
    std::vector<std::string> datasets;
    for (const TestDomain& domain : comparison.domains()) {
      if (std::ranges::find(datasets, domain.dataset) == datasets.end()) {
        datasets.push_back(domain.dataset);
      }
    }
    for (const std::string& dataset : datasets) {
      body += dataset_examples(index, dataset, run.config.synthetic, scores);
    }
    if (body.empty()) return "";
    body = "<div class=\"examples\">" + body + "</div>";
  } catch (const std::exception& error) {
    return section(
        "examples", "Examples",
        paragraph(std::string("Left out, the images could not be read: ") + error.what(), "muted"));
  }
  return section("examples", "Examples",
                 paragraph("Test frames: a real one and the fakes made from that same frame. The "
                           "number below is the score of " +
                               comparison.groups().front().title +
                               "; wrong verdicts at threshold 0.5 are orange.",
                           "muted") +
                     body);
}

std::string audit_section(const Comparison& comparison) {
  const Run& run = *comparison.groups().front().runs.front();
  const std::filesystem::path file = audit_file(run);
  if (file.empty()) return "";
  const CsvTable audit = read_csv(file);
  std::vector<Cell> header{{escape(audit.columns.at(0))}};
  for (std::size_t i = 1; i < audit.columns.size(); ++i) {
    header.push_back({escape(domain_title(audit.columns[i], run.config.synthetic)), "num"});
  }
  HtmlTable table("AUC of one hand-made statistic", header);
  for (std::size_t row = 0; row < audit.rows.size(); ++row) {
    std::vector<Cell> cells{{escape(audit.rows[row][0])}};
    for (std::size_t i = 1; i < audit.columns.size(); ++i) {
      const double value = audit.number(row, i);
      cells.push_back({fixed(value), audit_cell_css(value)});
    }
    table.add(cells);
  }
  return section("audit", "Shortcut audit",
                 paragraph("Could a simple statistic tell fakes from reals, without any learning? "
                           "0.5: not at all; below 0.5: it is lower in fakes. Beyond 0.15 and 0.85 "
                           "the data gives its fakes away.",
                           "muted") +
                     table.html());
}

}  // namespace deepfake
