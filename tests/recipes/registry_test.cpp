// SPDX-License-Identifier: MIT
// What every method says about itself is true: its header, its options and their ranges, whether it
// tells domains apart and whether their order matters.
#include <roga/recipes/all.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/recipes.hpp"
#include "support/test.hpp"

namespace {

using roga::Range;

/// What its policies say; "nothing" if they accept the options.
template <class Method, class Options>
std::string refusal(const Method& method, const Options& options) {
  return support::message_of([&] {
    roga::wrap<torch::optim::SGD>(method(options), std::vector<at::Tensor>{problems::leaf({1.0})},
                                  torch::optim::SGDOptions(.1));
  });
}

/// An option whose name the error gives, alone or in brackets.
bool names(const std::string& error, const std::string& option) {
  return error.rfind("roga: " + option + " ", 0) == 0 ||
         error.find(": " + option + ")") != std::string::npos;
}

template <class Options>
Options with(Options options, std::string_view name, double value) {
  Options::fields(options, [&](std::string_view field, auto& option, auto...) {
    if (field == name) option = static_cast<std::decay_t<decltype(option)>>(value);
  });
  return options;
}

/// The last value within a range and the first one outside, at one of its ends.
struct Edge {
  double inside, outside;
};
std::vector<Edge> edges_of(const Range& range, bool whole) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto next = [whole](double value, double towards) {
    return whole ? value + (towards > value ? 1 : -1) : std::nextafter(value, towards);
  };
  auto edge = [&](double end, bool belongs, double inwards) {
    return belongs ? Edge{end, next(end, -inwards)} : Edge{next(end, inwards), end};
  };
  std::vector<Edge> edges;
  if (std::isfinite(range.least)) edges.push_back(edge(range.least, range.with_least, infinity));
  if (std::isfinite(range.most)) edges.push_back(edge(range.most, range.with_most, -infinity));
  return edges;
}

/// Weights after three steps over the quadratics in this order.
template <class Recipe>
std::vector<at::Tensor> trained(const Recipe& recipe, const std::vector<std::size_t>& order) {
  const problems::Quadratics problem;
  auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                                 torch::optim::SGDOptions(.1));
  for (int step = 0; step < 3; ++step) optimizer.step(problem.closures(order));
  return problems::copy({problem.w});
}

/// The same over their mean, as one closure.
template <class Recipe>
std::vector<at::Tensor> trained_on_the_mean(const Recipe& recipe) {
  const problems::Quadratics problem;
  auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                                 torch::optim::SGDOptions(.1));
  auto mean = [&problem] {
    auto loss = torch::zeros({}, at::kDouble);
    for (std::size_t k = 0; k < problem.minima.size(); ++k) {
      const auto away = problem.w - problem.minima[k];
      loss = loss + .5 * away.dot(problem.curvatures[k].mv(away)) / 3;
    }
    loss.backward();
    return loss;
  };
  for (int step = 0; step < 3; ++step) optimizer.step(std::vector<roga::LossClosure>{mean});
  return problems::copy({problem.w});
}

}  // namespace

TEST_CASE("recipes: every header is in the list, and is named after its method", "[registry]") {
  namespace fs = std::filesystem;
  std::set<std::string> listed;
  roga::recipes::for_each([&](auto method) {
    static_assert(roga::Method<decltype(method)>);
    static_assert(!method.traits.ordered || method.traits.domains);
    INFO(method.traits.name);
    CHECK(listed.emplace(method.traits.name).second);
    CHECK_FALSE(method.traits.direction.empty());
  });
  std::set<std::string> headers;
  for (const auto& file : fs::directory_iterator(ROGA_SOURCE_DIR "/include/roga/recipes")) {
    headers.insert(file.path().stem().string());
  }
  CHECK(headers.erase("all") == 1);
#if !defined(ROGA_WITH_EIGEN) || ROGA_WITH_EIGEN
  CHECK(headers == listed);
#else
  CHECK(headers.size() == listed.size() + 7);
#endif
}

TEST_CASE("recipes: options have other names, meanings, and defaults in their ranges",
          "[registry]") {
  roga::recipes::for_each([](auto method) {
    using Options = typename decltype(method)::Options;
    std::set<std::string> seen;
    Options defaults;
    Options::fields(defaults, [&](const std::string& name, const auto& value,
                                  const std::string& meaning, const Range& range) {
      INFO(method.traits.name << " " << name);
      CHECK(seen.insert(name).second);
      CHECK_FALSE(meaning.empty());
      CHECK(range.contains(static_cast<double>(value)));
    });
    CHECK(refusal(method, defaults) == "nothing");
  });
}

TEST_CASE("recipes: a range is what the policies accept", "[registry]") {
  std::size_t tried = 0;
  roga::recipes::for_each([&](auto method) {
    using Options = typename decltype(method)::Options;
    Options defaults;
    Options::fields(
        defaults, [&](const std::string& name, const auto& value, auto&&, const Range& range) {
          INFO(method.traits.name << " " << name << ", " << range);
          using Value = std::decay_t<decltype(value)>;
          for (const Edge& edge : edges_of(range, std::is_integral_v<Value>)) {
            CHECK(range.contains(edge.inside));
            CHECK_FALSE(range.contains(edge.outside));
            CHECK(refusal(method, with(defaults, name, edge.inside)) == "nothing");
            const std::string error = refusal(method, with(defaults, name, edge.outside));
            CAPTURE(error);
            CHECK(names(error, name));
            ++tried;
          }
          if (!std::is_floating_point_v<Value>) return;
          for (const double never : {INFINITY, -INFINITY, NAN}) {
            CHECK(names(refusal(method, with(defaults, name, never)), name));
          }
        });
  });
  CHECK(tried > 40);
}

TEST_CASE("recipes: domains and their order matter where a method says so", "[registry]") {
  roga::recipes::for_each([](auto method) {
    const auto recipe = method(every::options(method));
    const auto as_given = trained(recipe, {0, 1, 2});
    INFO(method.traits.name);
    const double pooled = problems::deviation(trained_on_the_mean(recipe), as_given);
    CHECK((method.traits.domains ? pooled > 1e-4 : pooled < 1e-12));
    const double permuted = problems::deviation(trained(recipe, {2, 0, 1}), as_given);
    CHECK((method.traits.ordered ? permuted > 1e-4 : permuted < 1e-8));
  });
}
