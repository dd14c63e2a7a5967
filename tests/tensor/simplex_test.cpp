// SPDX-License-Identifier: MIT
// The K x K problems of MGDA and CAGrad, against their optimality conditions.
#include <algorithm>
#include <cmath>
#include <random>
#include <roga/tensor/simplex.hpp>
#include <vector>

#include "support/test.hpp"

namespace {

using Matrix = std::vector<std::vector<double>>;

/// The Gram matrix of `count` random vectors of `size` entries: singular where size < count.
Matrix random_gram(std::size_t count, std::size_t size, std::mt19937_64& draw, double shift) {
  std::normal_distribution<double> normal(shift, 1);
  Matrix vectors(count, std::vector<double>(size));
  for (auto& vector : vectors) {
    for (double& x : vector) x = normal(draw);
  }
  Matrix gram(count, std::vector<double>(count, 0.0));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      for (std::size_t n = 0; n < size; ++n) gram[i][j] += vectors[i][n] * vectors[j][n];
    }
  }
  return gram;
}
std::vector<double> times(const Matrix& gram, const std::vector<double>& w) {
  std::vector<double> product(w.size(), 0.0);
  for (std::size_t i = 0; i < w.size(); ++i) {
    for (std::size_t j = 0; j < w.size(); ++j) product[i] += gram[i][j] * w[j];
  }
  return product;
}
double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

TEST_CASE("simplex: the shortest vector in the hull meets its optimality conditions", "[simplex]") {
  std::mt19937_64 draw(1);
  for (const std::size_t count : {1U, 2U, 5U, 64U}) {
    for (const std::size_t size : {2U, 3U, 40U, 200U}) {
      const auto gram = random_gram(count, size, draw, 0.1);
      const auto w = roga::detail::shortest_in_hull(gram);
      const auto gradient = times(gram, w);
      double sum = 0;
      for (const double x : w) {
        CHECK(x >= 0);
        sum += x;
      }
      CHECK(sum == Approx(1));
      // <g_w, g_k> >= |g_w|^2 for every k
      const double gap = dot(w, gradient) - *std::min_element(gradient.begin(), gradient.end());
      CHECK(gap <= 1e-7 * roga::detail::largest_diagonal(gram));
    }
  }
}

TEST_CASE("simplex: CAGrad's pull meets its optimality conditions", "[simplex]") {
  std::mt19937_64 draw(2);
  for (const std::size_t count : {1U, 2U, 5U, 64U}) {
    for (const std::size_t size : {2U, 3U, 40U, 200U}) {
      for (const double shift : {0.0, 0.5}) {
        const auto gram = random_gram(count, size, draw, shift);
        const std::vector<double> uniform(count, 1.0 / static_cast<double>(count));
        const auto along = times(gram, uniform);
        const double radius = 0.5 * std::sqrt(dot(uniform, along));
        const auto u = roga::detail::conflict_averse_pull(gram, along, radius);
        auto gradient = times(gram, u);
        const double length = std::sqrt(std::fmax(dot(u, gradient), 0));
        double sum = 0;
        for (std::size_t k = 0; k < count; ++k) {
          CHECK(u[k] >= 0);
          sum += u[k];
          gradient[k] += along[k];
        }
        const double scale = roga::detail::largest_diagonal(gram);
        const double least = *std::min_element(gradient.begin(), gradient.end());
        // Complementary slackness, and the radius: reached unless every domain improves without it.
        CHECK(std::abs(dot(u, gradient) - sum * least) <= 1e-6 * scale * std::fmax(1.0, sum));
        CHECK(length <= radius * (1 + 1e-6));
        if (length < radius * (1 - 1e-6)) CHECK(std::abs(least) < 1e-4 * scale);
      }
    }
  }
}
