// SPDX-License-Identifier: MIT
// roga_ascent_points STYLE [FIGURE]: prints a picture of the ascent points of two domains, and of
// where training goes, as the library computes them; compares it with FIGURE, if that is given.
#include <torch/torch.h>

#include <array>
#include <exception>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <roga/roga.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Place {
  double x, y;
};

/// Two wells, equal in the mean loss; in the left one the domains pull in opposite directions.
template <class Number>
std::array<Number, 2> losses_at(const Number& x, const Number& y) {
  using std::exp;
  const Number well = .05 * (x * x - 1) * (x * x - 1) + .5 * y * y;
  const Number conflict = 2 * y / (1 + exp(2 * x));
  return {well + conflict, well - conflict};
}

/// Two weights, and a closure for each domain that records where it is evaluated.
struct Training {
  at::Tensor weights;
  std::vector<Place> evaluations = {};

  explicit Training(Place start)
      : weights(torch::tensor({start.x, start.y}, at::kDouble).requires_grad_()) {}

  Place place() const { return {weights[0].item<double>(), weights[1].item<double>()}; }

  std::vector<roga::LossClosure> closures() {
    std::vector<roga::LossClosure> result;
    for (const std::size_t domain : {0, 1}) {
      result.emplace_back([this, domain] {
        evaluations.push_back(place());
        auto loss = losses_at<at::Tensor>(weights[0], weights[1])[domain];
        loss.backward();
        return loss;
      });
    }
    return result;
  }

  /// Minus the gradient of one domain's loss there.
  static Place downhill(std::size_t domain, Place there) {
    auto point = torch::tensor({there.x, there.y}, at::kDouble).requires_grad_();
    losses_at<at::Tensor>(point[0], point[1])[domain].backward();
    return {-point.grad()[0].item<double>(), -point.grad()[1].item<double>()};
  }
};

constexpr double radius = .6;
constexpr double learning_rate = .2;

std::vector<Place> path(auto recipe, Place start) {
  Training training(start);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{training.weights},
                                                 torch::optim::SGDOptions(learning_rate));
  const auto closures = training.closures();
  std::vector<Place> places{start};
  for (int step = 1; step <= 400; ++step) {
    optimizer.step(closures);
    const Place now = training.place();
    if (std::hypot(now.x - places.back().x, now.y - places.back().y) > .03) places.push_back(now);
  }
  places.push_back(training.place());
  return places;
}

/// A part of the picture with coordinates of its own.
class Panel {
 public:
  Panel(std::ostream& out, double left, double top, Place low, double unit)
      : out_(out), left_(left), top_(top), low_(low), unit_(unit) {}

  static constexpr double width = 368, height = 300;

  Place on_page(Place p) const {
    return {left_ + (p.x - low_.x) * unit_, top_ + height - (p.y - low_.y) * unit_};
  }

  /// Lines of equal value, by marching squares.
  void contours(const std::function<double(Place)>& value, const std::vector<double>& levels,
                const std::string& kind) const {
    constexpr int columns = 46, rows = 38;
    const auto corner = [&](int i, int j) {
      return Place{low_.x + width / unit_ * i / columns, low_.y + height / unit_ * j / rows};
    };
    out_ << "<path class=\"line " << kind << "\" opacity=\".45\" d=\"";
    for (int i = 0; i < columns; ++i) {
      for (int j = 0; j < rows; ++j) {
        const std::array<Place, 4> square{corner(i, j), corner(i + 1, j), corner(i + 1, j + 1),
                                          corner(i, j + 1)};
        for (const double level : levels) {
          char command = 'M';
          for (std::size_t edge = 0; edge < 4; ++edge) {
            const Place from = square.at(edge), to = square.at((edge + 1) % 4);
            const double a = value(from) - level, b = value(to) - level;
            if ((a < 0) == (b < 0)) continue;
            const double part = a / (a - b);
            move(command, {from.x + part * (to.x - from.x), from.y + part * (to.y - from.y)});
            command = command == 'M' ? 'L' : 'M';
          }
        }
      }
    }
    out_ << "\"/>\n";
  }

  void polyline(const std::vector<Place>& places, const std::string& kind) const {
    out_ << "<path class=\"line " << kind << "\" stroke-width=\"2\" d=\"";
    for (std::size_t i = 0; i < places.size(); ++i) move(i == 0 ? 'M' : 'L', places[i]);
    out_ << "\"/>\n";
  }

  /// 70 long, whatever the length of the direction.
  void arrow(Place from, Place direction, const std::string& kind) const {
    const Place start = on_page(from);
    const double norm = std::hypot(direction.x, direction.y);
    const double x = direction.x / norm, y = -direction.y / norm;
    const auto along = [&](double forward, double aside) {
      out_ << start.x + forward * x - aside * y << ' ' << start.y + forward * y + aside * x;
    };
    out_ << "<path class=\"line " << kind << "\" stroke-width=\"2.5\" d=\"M";
    along(7, 0);
    out_ << 'L';
    along(62, 0);
    out_ << "\"/><path class=\"" << kind << "\" d=\"M";
    along(70, 0);
    out_ << 'L';
    along(58, 5);
    out_ << 'L';
    along(58, -5);
    out_ << "Z\"/>\n";
  }

  void dot(Place p, const std::string& kind) const {
    const Place at = on_page(p);
    out_ << "<circle class=\"" << kind << "\" cx=\"" << at.x << "\" cy=\"" << at.y
         << "\" r=\"5\"/>\n";
  }

  void text(Place p, double right, double down, const std::string& words, const std::string& kind,
            const std::string& anchor = "start") const {
    const Place at = on_page(p);
    out_ << "<text class=\"halo " << kind << "\" x=\"" << at.x + right << "\" y=\"" << at.y + down
         << "\" text-anchor=\"" << anchor << "\">" << words << "</text>\n";
  }

  void title(const std::string& words, const std::string& below) const {
    out_ << "<text class=\"ink\" x=\"" << left_ << "\" y=\"" << top_ - 32
         << "\" font-size=\"16\" font-weight=\"600\">" << words
         << "</text><text class=\"muted\" x=\"" << left_ << "\" y=\"" << top_ - 12 << "\">" << below
         << "</text>\n"
         << "<rect class=\"line faint\" x=\"" << left_ << "\" y=\"" << top_ << "\" width=\""
         << width << "\" height=\"" << height << "\"/>\n";
  }

 private:
  void move(char command, Place p) const {
    const Place at = on_page(p);
    out_ << command << at.x << ' ' << at.y;
  }

  std::ostream& out_;
  double left_, top_;
  Place low_;
  double unit_;
};

void draw_step(const Panel& panel) {
  const auto loss_of = [](std::size_t domain) {
    return [domain](Place p) { return losses_at(p.x, p.y).at(domain); };
  };
  const std::vector<double> levels{-1.2, -.9, -.6, -.3, 0, .3, .6, .9, 1.2, 1.5, 1.8, 2.1, 2.4};
  panel.title("One step of roga", "contours of each domain’s loss; arrows: directions only");
  panel.contours(loss_of(0), levels, "a");
  panel.contours(loss_of(1), levels, "b");

  const Place theta{-1, 0};
  Training training(theta);
  auto optimizer = roga::wrap<torch::optim::SGD>(roga::recipes::roga({.rho = radius}),
                                                 std::vector<at::Tensor>{training.weights},
                                                 torch::optim::SGDOptions(learning_rate));
  optimizer.step(training.closures());
  const Place moved = training.place();
  if (training.evaluations.size() != 4) throw std::runtime_error("not two passes over two domains");
  for (const std::size_t domain : {0, 1}) {
    const Place point = training.evaluations.at(2 + domain);
    const std::string kind = domain == 0 ? "a" : "b";
    panel.arrow(point, Training::downhill(domain, point), kind);
    panel.dot(point, kind);
    const double above = domain == 0 ? -26 : 25;
    panel.text(point, 0, above, "x" + std::string(domain == 0 ? "₁" : "₂") + ", uphill of theta",
               kind, "middle");
    panel.text(point, 0, above + 14, "in domain " + std::to_string(domain + 1), kind, "middle");
  }
  panel.arrow(theta, {moved.x - theta.x, moved.y - theta.y}, "c");
  panel.dot(theta, "ink");
  panel.text(theta, -12, -2, "theta: the mean", "ink", "end");
  panel.text(theta, -12, 13, "gradient is 0", "ink", "end");
  panel.text(theta, 80, -2, "the step: what", "c");
  panel.text(theta, 80, 14, "both share", "c");
}

void draw_paths(const Panel& panel) {
  panel.title("Where training goes", "contours of the mean loss: two wells, equally good");
  panel.contours(
      [](Place p) {
        const auto losses = losses_at(p.x, p.y);
        return (losses[0] + losses[1]) / 2;
      },
      {.0125, .025, .05, .1, .2, .3, .4, .6, .8, 1}, "muted");
  const Place start{-1.55, 1.05};
  const auto robust = path(roga::recipes::roga({.rho = radius}), start);
  panel.polyline(robust, "c");
  panel.polyline(path(roga::recipes::roga_pooled({.rho = radius}), start), "muted");
  panel.polyline(path(roga::recipes::sam({.rho = radius}), start), "muted");
  panel.polyline(path(roga::recipes::erm(), start), "ink");
  panel.dot(start, "ink");
  panel.dot({-1, 0}, "ink");
  panel.dot(robust.back(), "c");
  panel.text(start, 10, -2, "start", "ink");
  panel.text({-1, 0}, 2, 24, "erm, sam, roga_pooled", "ink code", "middle");
  panel.text({-1, 0}, 2, 41, "the domains disagree", "ink", "middle");
  panel.text({1, 0}, 0, 24, "roga", "c code", "middle");
  panel.text({1, 0}, 0, 40, "they nearly agree", "c", "middle");
}

std::string contents(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error("cannot read " + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string picture(const std::string& style) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"380\" viewBox=\"0 0 800 "
         "380\" font-size=\"13\" "
         "role=\"img\" aria-labelledby=\"title desc\">\n"
         "<title id=\"title\">Ascent points of two domains</title>\n"
         "<desc id=\"desc\">Left: theta lies where the gradient of the mean loss is zero. Each "
         "domain has an ascent point uphill in its own loss, one above and one below theta. "
         "Downhill from there both lean to the right, and so does the step. Right: from one start, "
         "erm, sam and roga_pooled end in the left well, where the domains disagree; roga ends in "
         "the right well.</desc>\n"
         "<style>\n"
      << contents(style)
      << "</style>\n<rect class=\"card\" x=\".5\" y=\".5\" width=\"799\" height=\"379\" "
         "rx=\"8\"/>\n";
  draw_step(Panel(out, 20, 62, {-1.95, -.85}, 176));
  draw_paths(Panel(out, 412, 62, {-1.9, -1.45}, 96.8));
  out << "</svg>\n";
  return out.str();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2) throw std::runtime_error("which style?");
    at::set_num_threads(1);
    const std::string svg = picture(argv[1]);
    if (argc < 3) {
      std::cout << svg;
    } else if (contents(argv[2]) != svg) {
      throw std::runtime_error(std::string(argv[2]) +
                               " is not what the library computes; write it anew: "
                               "cmake --build --preset dev --target figures");
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "roga_ascent_points: " << error.what() << "\n";
    return 1;
  }
}
