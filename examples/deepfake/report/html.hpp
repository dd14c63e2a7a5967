// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "report/svg.hpp"

namespace deepfake {

/// A cell or heading. @p html is markup: escape() what comes from outside.
struct Cell {
  std::string html;
  std::string css = {};
  std::string tooltip = {};
};

class HtmlTable {
 public:
  HtmlTable(std::string caption, std::vector<Cell> header);
  void add(const std::vector<Cell>& cells, const std::string& css = "");
  std::string html() const;

 private:
  std::string html_;
};

std::string section(const std::string& id, const std::string& title, const std::string& body);
std::string paragraph(const std::string& text, const std::string& css = "");
/// A chart with its title, and a remark in lighter print.
std::string figure(const std::string& title, const std::string& remark, const std::string& svg);
std::string panels(const std::vector<std::string>& figures, bool wide = false);
std::string folded(const std::string& title, const std::string& body, bool open = false);

/// An image as a data URL.
std::string png_url(const std::vector<unsigned char>& png);

/// A whole page; @p sections are (id, title) for the navigation. @p notice comes first if not
/// empty. A whole page. The notice comes first, if there is one; the navigation lists the sections.
struct Page {
  std::string title;
  std::string subtitle;
  std::string notice;
  std::vector<std::string> sections;
};
std::string page_html(const Page& page);

}  // namespace deepfake
