// SPDX-License-Identifier: MIT
// Drawing: a picture in SVG, and a frame with two axes to plot into. Colours and fonts come from
// the page's style sheet (report/style.hpp) through CSS classes.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace deepfake {

struct Point {
  double x = 0;
  double y = 0;
};

enum class Anchor { start, middle, end };

/// & < > " as entities, for HTML and SVG.
std::string escape(const std::string& text);

class Svg {
 public:
  /// @param description what a screen reader says instead of the picture
  Svg(double width, double height, const std::string& description);

  void line(Point from, Point to, const std::string& css, const std::string& tooltip = "");
  void polyline(std::span<const Point> points, const std::string& css,
                const std::string& tooltip = "");
  void polygon(std::span<const Point> points, const std::string& css,
               const std::string& tooltip = "");
  void circle(Point centre, double radius, const std::string& css, const std::string& tooltip = "");
  void rect(Point corner, double width, double height, const std::string& css, double opacity = 1,
            const std::string& tooltip = "");
  /// @param degrees clockwise rotation about @p at
  void text(Point at, const std::string& text, const std::string& css,
            Anchor anchor = Anchor::middle, double degrees = 0);

  std::string str() const { return body_ + "</svg>"; }

 private:
  std::string body_;
};

struct Axis {
  std::string label;
  double low = 0;
  double high = 1;
  int digits = 1;  ///< decimals of the tick labels
  std::vector<double> ticks = {};
};

/// An axis that covers low ... high with round numbers at its ticks.
Axis round_axis(const std::string& label, double low, double high, int max_ticks = 6);

/// A frame with grid, ticks and axis labels.
class Plot {
 public:
  Plot(double width, double height, const Axis& x, const Axis& y, const std::string& description);

  /// Where a value lies; values off the axes are moved to their ends.
  Point at(double x, double y) const;
  std::vector<Point> at(std::span<const Point> values) const;
  Svg& svg() { return svg_; }

 private:
  Axis x_, y_;
  double left_, right_, top_, bottom_;
  Svg svg_;
};

}  // namespace deepfake
