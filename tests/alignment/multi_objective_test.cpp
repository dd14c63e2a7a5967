// SPDX-License-Identifier: MIT
// UPGrad, ConFIG, IMTL-G, Aligned-MTL and Nash-MTL, against the gradients themselves:
// decompositions by LibTorch and searches over all active sets, where the rules see Gram matrices.
#include <cmath>
#include <functional>
#include <string>

#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::constant;
using problems::direction;
using problems::leaf;
namespace recipes = roga::recipes;

namespace {

using Values = std::vector<double>;
using Gram = roga::detail::Gram<double>;
constexpr double rounding = 16 * std::numeric_limits<double>::epsilon();

at::Tensor vector_of(const Values& values) { return torch::tensor(values, at::kDouble); }

/// The direction in which a rule combines these rows, [K][n].
at::Tensor combined(const std::function<Values(const Gram&)>& rule, const at::Tensor& rows) {
  const auto products = rows.mm(rows.t());
  Gram gram;
  for (const auto& row : products.unbind(0)) {
    gram.emplace_back(row.data_ptr<double>(), row.data_ptr<double>() + row.numel());
  }
  return vector_of(rule(gram)).matmul(rows);
}
at::Tensor upgrad(const at::Tensor& rows) {
  return combined(roga::detail::mean_on_dual_cone<double>, rows);
}
at::Tensor config(const at::Tensor& rows) {
  return combined([](const Gram& gram) { return roga::detail::conflict_free(gram, rounding); },
                  rows);
}
at::Tensor imtl_g(const at::Tensor& rows) {
  return combined([](const Gram& gram) { return roga::detail::impartial(gram, rounding); }, rows);
}
at::Tensor aligned_mtl(const at::Tensor& rows) {
  return combined([](const Gram& gram) { return roga::detail::aligned_components(gram, rounding); },
                  rows);
}
at::Tensor nash_mtl(const at::Tensor& rows) {
  return combined([](const Gram& gram) { return roga::detail::bargained(gram, rounding); }, rows);
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }
bool finite(const at::Tensor& x) { return x.isfinite().all().item<bool>(); }
/// Relative to the longest row.
bool near(const at::Tensor& actual, const at::Tensor& expected, const at::Tensor& rows,
          double margin = 1e-9) {
  const double size = rows.norm(2, 1).max().item<double>();
  const double away = largest(actual - expected);
  if (!(away <= margin * size)) UNSCOPED_INFO(actual << "\n" << expected);
  return away <= margin * size;
}
at::Tensor units(const at::Tensor& rows) {
  return rows / rows.norm(2, 1, /*keepdim=*/true).clamp_min(1e-300);
}

/// Random rows of all kinds: few and many, dependent, repeated, opposed, zero, of other lengths.
std::vector<at::Tensor> problems_of(std::int64_t most) {
  torch::manual_seed(3);
  std::vector<at::Tensor> all;
  for (std::int64_t count = 1; count <= most; ++count) {
    for (const std::int64_t size : {2, 3, 9}) {
      const auto rows = torch::randn({count, size}, at::kDouble);
      all.push_back(rows);
      all.push_back(rows + 1);
      if (count == 1) continue;
      auto changed = [&](const at::Tensor& last) {
        auto other = rows.clone();
        other[count - 1].copy_(last);
        all.push_back(other);
      };
      changed(rows[0]);
      changed(3 * rows[0]);
      changed(-rows[0]);
      changed(-.5 * rows[0]);
      changed(torch::zeros({size}, at::kDouble));
      changed(rows.slice(0, 0, count - 1).sum(0));
      changed(1e6 * rows[count - 1]);
    }
  }
  return all;
}
bool independent(const at::Tensor& rows) {
  const auto sizes = at::linalg_svdvals(units(rows));
  return rows.size(0) <= rows.size(1) && sizes.min().item<double>() > 1e-3;
}

/// The vector nearest to row i whose products with all rows are not negative: of those orthogonal
/// to a subset of them, for each subset, the nearest that is one.
at::Tensor projected(const at::Tensor& rows, std::int64_t i) {
  const std::int64_t count = rows.size(0);
  const auto u = units(rows);
  at::Tensor nearest;
  double least = INFINITY;
  for (std::int64_t subset = 0; subset < (std::int64_t{1} << count); ++subset) {
    auto v = rows[i];
    std::vector<at::Tensor> chosen;
    for (std::int64_t j = 0; j < count; ++j) {
      if ((subset >> j & 1) != 0) chosen.push_back(u[j]);
    }
    if (!chosen.empty()) {
      const auto a = at::stack(chosen).t();
      v = v - a.matmul(at::linalg_pinv(a, 1e-9).matmul(v));
    }
    const double away = (v - rows[i]).norm().item<double>();
    const double size = rows[i].norm().item<double>();
    if (u.matmul(v).min().item<double>() < -1e-10 * size || away >= least) continue;
    least = away;
    nearest = v;
  }
  return nearest;
}

}  // namespace

TEST_CASE("upgrad: the mean of the projections that a search over all active sets finds",
          "[upgrad][paper]") {
  for (const auto& rows : problems_of(5)) {
    auto mean = torch::zeros_like(rows[0]);
    for (std::int64_t i = 0; i < rows.size(0); ++i) mean += projected(rows, i) / rows.size(0);
    INFO(rows);
    CHECK(near(upgrad(rows), mean, rows));
  }
  // Two in conflict: each without its part along the other.
  const auto pair = torch::tensor({{2., 0.}, {-1., 1.}}, at::kDouble);
  CHECK(near(upgrad(pair), vector_of({.5, 1}), pair));
}

TEST_CASE("upgrad: conflicts with no domain, whatever their number", "[upgrad]") {
  torch::manual_seed(5);
  for (const std::int64_t count : {8, 16}) {
    for (const std::int64_t size : {3, 8, 40}) {
      const auto rows = torch::randn({count, size}, at::kDouble);
      CHECK(units(rows).matmul(upgrad(rows)).min().item<double>() > -1e-10);
      // Where nothing conflicts, the mean.
      const auto agreeing = rows.abs();
      CHECK(near(upgrad(agreeing), agreeing.mean(0), agreeing, 1e-14));
    }
  }
}

TEST_CASE("aligned_components: the singular values above rounding all become the smallest",
          "[aligned_components][paper]") {
  for (const auto& rows : problems_of(6)) {
    const auto [u, s, vh] = at::linalg_svd(rows, /*full_matrices=*/false);
    const auto keep = s > s[0] * 1e-6;  // products know singular values to the root of rounding
    if ((s / s[0] - 1e-6).abs().min().item<double>() < 9e-7) continue;
    const auto aligned = (u * keep).matmul(vh) * s.masked_select(keep).min();
    INFO(rows);
    CHECK(near(aligned_mtl(rows), aligned.mean(0), rows, 1e-8));
  }
}

TEST_CASE(
    "conflict_free: along the pseudo-inverse of the unit gradients, as long as the mean "
    "projection",
    "[conflict_free][paper]") {
  for (const auto& rows : problems_of(6)) {
    const auto ones = (rows.norm(2, 1) > 0).to(at::kDouble);
    const auto x = at::linalg_pinv(units(rows), 1e-6).matmul(ones);
    auto expected = torch::zeros_like(x);
    if (x.norm().item<double>() > 1e-6) {
      const auto along = x / x.norm();
      expected = rows.matmul(along).mean() * along;
    }
    INFO(rows);
    const auto d = config(rows);
    CHECK(near(d, expected, rows, 1e-8));
    if (!independent(rows)) continue;
    const auto cosines = units(rows).matmul(d);
    CHECK(near(cosines, cosines.mean().expand_as(cosines), rows));
    CHECK(cosines.min().item<double>() > 0);
  }
}

TEST_CASE("impartial_gradient: equal projections and weights that sum to 1, as in closed form",
          "[impartial_gradient][paper]") {
  for (const auto& rows : problems_of(6)) {
    const auto d = imtl_g(rows);
    CHECK(finite(d));
    if (rows.size(0) == 1 || !independent(rows)) continue;
    // alpha_{2:K} = g_1 U' (D U')^-1, D and U the differences of g_1 and u_1 to the others.
    const auto u = units(rows);
    const auto differences = rows[0] - rows.slice(0, 1);
    const auto to_unit = (u[0] - u.slice(0, 1)).t();
    const auto others = at::linalg_solve(differences.matmul(to_unit).t(), rows[0].matmul(to_unit));
    INFO(rows);
    const double size = 1 + others.abs().max().item<double>();
    CHECK(
        near(d, (1 - others.sum()) * rows[0] + others.matmul(rows.slice(0, 1)), rows, 1e-8 * size));
  }
  const auto opposed = torch::tensor({{1., 2.}, {-2., -4.}}, at::kDouble);
  CHECK(near(imtl_g(opposed), torch::zeros({2}, at::kDouble), opposed));
}

TEST_CASE(
    "nash_bargain: a domain's weight times its product with the direction is the same for all",
    "[nash_bargain][paper]") {
  for (const auto& rows : problems_of(6)) {
    const auto d = nash_mtl(rows);
    INFO(rows);
    CHECK(finite(d));
    const double norm = rows.mm(rows.t()).norm().item<double>();
    const auto count = static_cast<double>(rows.size(0));
    CHECK(d.norm().item<double>() <= std::sqrt(norm / count) * (1 + 1e-6));
    if (!independent(rows)) continue;
    const auto weights = at::linalg_lstsq(rows.t(), d.unsqueeze(1), {}, "gelsd");
    const auto shares = std::get<0>(weights).squeeze(1) * rows.matmul(d);
    CHECK(near(shares / norm, torch::full_like(shares, 1. / (count * count)),
               torch::ones({1, 1}, at::kDouble), 1e-8));
    CHECK(d.norm().item<double>() == Approx(std::sqrt(norm / count)).epsilon(1e-8));
  }
  // Of orthogonal gradients, the sum of the unit vectors, whatever the lengths.
  const auto rows = torch::tensor({{3., 0.}, {0., 4.}}, at::kDouble);
  const double length = std::sqrt(std::sqrt(81. + 256.)) / 2;
  CHECK(near(nash_mtl(rows), vector_of({length, length}), rows));
  // No bargain in conflict without end: nobody gains.
  const auto opposed = torch::tensor({{1., 2.}, {-2., -4.}}, at::kDouble);
  CHECK(near(nash_mtl(opposed), torch::zeros({2}, at::kDouble), opposed, 1e-4));
}

namespace {

/// What holds for every rule, in the engine.
template <class Recipe>
void holds(const std::string& name, const Recipe& how) {
  INFO(name);
  auto close = [](const at::Tensor& actual, const Values& expected, double margin) {
    const auto right = vector_of(expected);
    return largest(actual - right) <= margin * (largest(right) + 1e-300);
  };
  for (const auto type : {at::kDouble, at::kFloat}) {
    const double margin = type == at::kDouble ? 1e-9 : 2e-5;
    auto w = leaf({0, 0, 0}, type);
    auto of = [&](const std::vector<Values>& rows) {
      std::vector<roga::LossClosure> closures;
      for (const auto& row : rows) closures.push_back(constant(w, row));
      return direction(how, w, closures);
    };
    auto times = [](double factor, std::vector<Values> rows) {
      for (auto& row : rows) {
        for (double& entry : row) entry *= factor;
      }
      return rows;
    };
    auto values = [](const at::Tensor& d) {
      return Values(d.data_ptr<double>(), d.data_ptr<double>() + d.numel());
    };
    const Values a{1, 2, -1};
    const Values b{2, -1, .5};
    const Values c{-1, 1, 3};
    CHECK(close(of({a}), a, margin));
    CHECK(close(of({a, a, a}), a, margin));
    CHECK(finite(of({a, b, {0, 0, 0}})));
    CHECK(close(of({{0, 0, 0}, {0, 0, 0}}), {0, 0, 0}, 1));
    const double opposed = type == at::kDouble ? 1e-4 : 1e-2;
    CHECK(largest(of({a, {-1, -2, 1}})) < opposed);
    const auto plain = of({a, b, c});
    CHECK(close(of({c, a, b}), values(plain), margin));
    for (const double size : {1e-18, 1e18}) {
      CHECK(close(of(times(size, {a, b, c})), values(plain * size), margin));
    }
    // Too small for their squares: as gradients of zero, and the mean where all are.
    CHECK(close(of(times(1e-30, {a})), times(1e-30, {a})[0], margin));
    CHECK(finite(of({a, b, times(1e-30, {c})[0]})));
    CHECK(finite(of({times(1e18, {a})[0], times(1e-18, {b})[0]})));
    // An absent domain is no gradient of zero.
    auto optimizer =
        roga::wrap<torch::optim::SGD>(how, problems::Parameters{w}, torch::optim::SGDOptions(0.0));
    optimizer.step(std::vector<roga::LossClosure>{constant(w, a), nullptr, constant(w, b)});
    CHECK(close(w.grad().to(at::kDouble), values(of({a, b})), margin));
  }
}

}  // namespace

TEST_CASE("multi_objective: one domain, equal, zero, opposed, tiny, huge and absent gradients",
          "[multi_objective]") {
  holds("upgrad", recipes::upgrad());
  holds("config", recipes::config());
  holds("imtl_g", recipes::imtl_g());
  holds("aligned_mtl", recipes::aligned_mtl());
  holds("nash_mtl", recipes::nash_mtl());
}

TEST_CASE("multi_objective: the rules hold for captured gradients too", "[alignment]") {
  using roga::Over;
  auto check = [](auto recipe, auto alignment) {
    const std::vector<std::size_t> two{0, 1};  // independent gradients
    const auto at_theta = direction(recipe, two);
    // At radius 0 the captured gradients are those at theta, and else others.
    auto captured = [&](double rho) {
      return direction(roga::recipe(roga::DomainAscent{.rho = rho}, roga::OwnDomain{}, alignment),
                       two);
    };
    problems::check(captured(0), at_theta[0], at_theta[1], 1e-12);
    const auto away = captured(.5);
    CHECK(std::hypot(away[0] - at_theta[0], away[1] - at_theta[1]) > 1e-3);
  };
  namespace recipes = roga::recipes;
  check(recipes::upgrad(), roga::UpGrad<Over::captured>{});
  check(recipes::config(), roga::ConflictFree<Over::captured>{});
  check(recipes::imtl_g(), roga::ImpartialGradient<Over::captured>{});
  check(recipes::aligned_mtl(), roga::AlignedComponents<Over::captured>{});
  check(recipes::nash_mtl(), roga::NashBargain<Over::captured>{});
}
