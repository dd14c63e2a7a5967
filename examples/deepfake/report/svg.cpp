// SPDX-License-Identifier: MIT
#include "report/svg.hpp"

#include <algorithm>
#include <cmath>

#include "text/table.hpp"

namespace deepfake {
namespace {

/// Coordinates to a hundredth of a pixel keep the file small.
std::string px(double value) {
  std::string text = fixed(value, 2);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + value + '"';
}

std::string point_list(std::span<const Point> points) {
  std::string list;
  for (const Point& point : points) {
    list += (list.empty() ? "" : " ") + px(point.x) + ',' + px(point.y);
  }
  return list;
}

std::string close(const char* element, const std::string& tooltip) {
  if (tooltip.empty()) return "/>";
  return "><title>" + escape(tooltip) + "</title></" + element + '>';
}

}  // namespace

std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

Svg::Svg(double width, double height, const std::string& description)
    : body_("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"" +
            attribute("viewBox", "0 0 " + px(width) + ' ' + px(height)) +
            attribute("width", px(width)) + attribute("height", px(height)) +
            attribute("aria-label", escape(description)) +
            attribute("style", "max-width:" + px(1.15 * width) + "px") + '>') {}

void Svg::line(Point from, Point to, const std::string& css, const std::string& tooltip) {
  body_ += "<line" + attribute("x1", px(from.x)) + attribute("y1", px(from.y)) +
           attribute("x2", px(to.x)) + attribute("y2", px(to.y)) + attribute("class", css) +
           close("line", tooltip);
}

void Svg::polyline(std::span<const Point> points, const std::string& css,
                   const std::string& tooltip) {
  body_ += "<polyline" + attribute("points", point_list(points)) + attribute("class", css) +
           close("polyline", tooltip);
}

void Svg::polygon(std::span<const Point> points, const std::string& css,
                  const std::string& tooltip) {
  body_ += "<polygon" + attribute("points", point_list(points)) + attribute("class", css) +
           close("polygon", tooltip);
}

void Svg::circle(Point centre, double radius, const std::string& css, const std::string& tooltip) {
  body_ += "<circle" + attribute("cx", px(centre.x)) + attribute("cy", px(centre.y)) +
           attribute("r", px(radius)) + attribute("class", css) + close("circle", tooltip);
}

void Svg::rect(Point corner, double width, double height, const std::string& css, double opacity,
               const std::string& tooltip) {
  body_ += "<rect" + attribute("x", px(corner.x)) + attribute("y", px(corner.y)) +
           attribute("width", px(width)) + attribute("height", px(height)) +
           attribute("class", css) + (opacity < 1 ? attribute("fill-opacity", px(opacity)) : "") +
           close("rect", tooltip);
}

void Svg::text(Point at, const std::string& text, const std::string& css, Anchor anchor,
               double degrees) {
  const char* anchors[] = {"start", "middle", "end"};
  body_ +=
      "<text" + attribute("x", px(at.x)) + attribute("y", px(at.y)) + attribute("class", css) +
      attribute("text-anchor", anchors[static_cast<int>(anchor)]) +
      (degrees != 0
           ? attribute("transform", "rotate(" + px(degrees) + ' ' + px(at.x) + ' ' + px(at.y) + ')')
           : "") +
      '>' + escape(text) + "</text>";
}

Axis round_axis(const std::string& label, double low, double high, int max_ticks) {
  if (!(high > low)) high = low + 1;
  const double rough = (high - low) / max_ticks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double multiple : {1, 2, 5}) {
    if (multiple * power >= rough) {
      step = multiple * power;
      break;
    }
  }
  Axis axis{label, std::floor(low / step) * step, std::ceil(high / step) * step,
            std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)))};
  const auto count = static_cast<int>(std::lround((axis.high - axis.low) / step));
  for (int n = 0; n <= count; ++n) axis.ticks.push_back(axis.low + n * step);
  return axis;
}

namespace {

/// Room for the tick labels beside the axis' own label, which stands upright at the edge.
double left_margin(const Axis& y) {
  std::size_t longest = 3;
  for (const double tick : y.ticks) longest = std::max(longest, fixed(tick, y.digits).size());
  constexpr double label = 24, gap = 6, letter = 6.1;
  return label + gap + letter * static_cast<double>(longest);
}

}  // namespace

Plot::Plot(double width, double height, const Axis& x, const Axis& y,
           const std::string& description)
    : x_(x),
      y_(y),
      left_(left_margin(y)),
      right_(width - 12),
      top_(10),
      bottom_(height - 38),
      svg_(width, height, description) {
  for (const double tick : x.ticks) {
    const double at_x = at(tick, y.low).x;
    svg_.line({at_x, top_}, {at_x, bottom_}, "grid");
    svg_.text({at_x, bottom_ + 15}, fixed(tick, x.digits), "tick");
  }
  for (const double tick : y.ticks) {
    const double at_y = at(x.low, tick).y;
    svg_.line({left_, at_y}, {right_, at_y}, "grid");
    svg_.text({left_ - 6, at_y + 3.5}, fixed(tick, y.digits), "tick", Anchor::end);
  }
  svg_.line({left_, bottom_}, {right_, bottom_}, "axis");
  svg_.line({left_, top_}, {left_, bottom_}, "axis");
  if (y.low > 0) {
    // The axis does not begin at 0: a break at its foot.
    const std::vector<Point> jag{{left_ - 4, bottom_ - 4},
                                 {left_ + 4, bottom_ - 8},
                                 {left_ - 4, bottom_ - 12},
                                 {left_ + 4, bottom_ - 16}};
    svg_.polyline(jag, "break", "the axis does not begin at 0");
  }
  svg_.text({(left_ + right_) / 2, height - 5}, x.label, "label");
  svg_.text({12, (top_ + bottom_) / 2}, y.label, "label", Anchor::middle, -90);
}

Point Plot::at(double x, double y) const {
  const auto share = [](const Axis& axis, double value) {
    return std::clamp((value - axis.low) / (axis.high - axis.low), 0.0, 1.0);
  };
  return {left_ + share(x_, x) * (right_ - left_), bottom_ - share(y_, y) * (bottom_ - top_)};
}

std::vector<Point> Plot::at(std::span<const Point> values) const {
  std::vector<Point> places;
  for (const Point& value : values) places.push_back(at(value.x, value.y));
  return places;
}

}  // namespace deepfake
