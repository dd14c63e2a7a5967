// SPDX-License-Identifier: MIT
#include "report/html.hpp"

#include <algorithm>

#include "report/style.hpp"

namespace deepfake {
namespace {

std::string css_attribute(const std::string& css) {
  return css.empty() ? "" : " class=\"" + css + '"';
}

std::string cell(const char* element, const Cell& content) {
  return std::string("<") + element + css_attribute(content.css) +
         (content.tooltip.empty() ? "" : " title=\"" + escape(content.tooltip) + '"') + '>' +
         content.html + "</" + element + '>';
}

/// The id and title that section() wrote, for the navigation.
std::string navigation_link(const std::string& section_html) {
  const auto between = [&](const std::string& before, const std::string& after) {
    const std::size_t begin = section_html.find(before) + before.size();
    return section_html.substr(begin, section_html.find(after, begin) - begin);
  };
  return "<a href=\"#" + between("id=\"", "\"") + "\">" + between("<h2>", "</h2>") + "</a>";
}

}  // namespace

HtmlTable::HtmlTable(std::string caption, std::vector<Cell> header) {
  html_ = "<div class=\"scroll\"><table>";
  if (!caption.empty()) html_ += "<caption>" + escape(caption) + "</caption>";
  html_ += "<thead><tr>";
  for (const Cell& heading : header) html_ += cell("th", heading);
  html_ += "</tr></thead><tbody>";
}

void HtmlTable::add(const std::vector<Cell>& cells, const std::string& css) {
  html_ += "<tr" + css_attribute(css) + '>';
  for (const Cell& content : cells) html_ += cell("td", content);
  html_ += "</tr>\n";
}

std::string HtmlTable::html() const { return html_ + "</tbody></table></div>\n"; }

std::string section(const std::string& id, const std::string& title, const std::string& body) {
  return "<section id=\"" + id + "\"><h2>" + escape(title) + "</h2>\n" + body + "</section>\n";
}

std::string paragraph(const std::string& text, const std::string& css) {
  return "<p" + css_attribute(css) + '>' + escape(text) + "</p>\n";
}

std::string figure(const std::string& title, const std::string& remark, const std::string& svg) {
  return "<figure><figcaption>" + escape(title) +
         (remark.empty() ? "" : " <span>" + escape(remark) + "</span>") + "</figcaption>" + svg +
         "</figure>\n";
}

std::string panels(const std::vector<std::string>& figures, bool wide) {
  std::string html = wide ? "<div class=\"panels wide\">" : "<div class=\"panels\">";
  for (const std::string& one : figures) html += one;
  return html + "</div>\n";
}

std::string folded(const std::string& title, const std::string& body, bool open) {
  return std::string("<details") + (open ? " open" : "") + "><summary>" + escape(title) +
         "</summary>\n" + body + "</details>\n";
}

std::string png_url(const std::vector<unsigned char>& png) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string url = "data:image/png;base64,";
  for (std::size_t i = 0; i < png.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, png.size() - i);
    unsigned bits = 0;
    for (std::size_t n = 0; n < 3; ++n) bits = bits << 8 | (n < count ? png[i + n] : 0u);
    for (std::size_t n = 0; n < 4; ++n) {
      url += n <= count ? digits[bits >> (18 - 6 * n) & 63u] : '=';
    }
  }
  return url;
}

std::string page_html(const Page& page) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      escape(page.title) + "</title>\n<style>" + style_sheet + "</style></head><body>\n";
  if (!page.notice.empty()) html += paragraph(page.notice, "notice");
  html +=
      "<header><h1>" + escape(page.title) + "</h1>\n" + paragraph(page.subtitle, "muted") + "<nav>";
  for (const std::string& one : page.sections) html += navigation_link(one);
  html += "</nav></header>\n<main>\n";
  for (const std::string& one : page.sections) html += one;
  return html + "</main>\n<footer>Written by roga-deepfake.</footer>\n</body></html>\n";
}

}  // namespace deepfake
