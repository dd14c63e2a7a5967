// SPDX-License-Identifier: MIT
// A step that is skipped tells where it met the first number that is not finite.
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using problems::leaf;
using problems::Parameters;
using torch::optim::SGD;
using torch::optim::SGDOptions;

namespace {

/// Three domains over two parameters, of which one pass over one domain goes wrong.
struct Faulty {
  Parameters parameters{leaf({1, 2}), leaf({3})};
  std::size_t domain = 1;
  int pass = 0;
  bool in_loss = true;

  std::vector<roga::LossClosure> closures(std::size_t count = 3) {
    std::vector<roga::LossClosure> list;
    for (std::size_t k = 0; k < count; ++k) {
      list.emplace_back([this, k, passes = 0]() mutable {
        auto loss = (parameters[0].square().sum() + parameters[1].square().sum()) *
                    (1 + static_cast<double>(k));
        const bool now = k == domain && passes++ == pass;
        if (now && in_loss) loss = loss * INFINITY;
        loss.backward();
        if (now && !in_loss) parameters[1].mutable_grad().fill_(NAN);
        return loss;
      });
    }
    return list;
  }
};

template <class Recipe>
roga::StepReport report(const Recipe& recipe, Faulty& faulty, std::size_t domains = 3) {
  auto optimizer = roga::wrap<SGD>(recipe, faulty.parameters, SGDOptions(.1));
  optimizer.step(faulty.closures(domains));
  REQUIRE(optimizer.last_step().skipped());
  REQUIRE(optimizer.last_step().not_finite().has_value());
  return optimizer.last_step();
}

}  // namespace

TEST_CASE("finite_check: the loss of a domain is named", "[finite]") {
  auto check = [](auto recipe, int pass) {
    for (const std::size_t domain : {0U, 1U, 2U}) {
      Faulty faulty{.domain = domain, .pass = pass};
      const auto place = *report(recipe, faulty).not_finite();
      CHECK(place.domain == domain);
      CHECK(place.in_loss);
      CHECK(place.point.has_value() == (pass > 0));
    }
  };
  check(recipes::erm(), 0);
  check(recipes::sam(), 0);
  check(recipes::sam(), 1);
  check(recipes::roga(), 0);
  check(recipes::roga(), 1);
}

TEST_CASE("finite_check: the parameter of a gradient is named", "[finite]") {
  Faulty theta{.in_loss = false};
  const auto place = *report(recipes::roga(), theta).not_finite();
  CHECK(place.domain == std::size_t{1});
  CHECK(place.parameter == std::size_t{1});
  CHECK_FALSE(place.in_loss);
  CHECK(place.text() == "the gradient of parameter 1 in domain 1 at theta");
  Faulty captured{.domain = 0, .pass = 1, .in_loss = false};
  const auto at_point = *report(recipes::sam(), captured, 1).not_finite();
  CHECK(at_point.parameter == std::size_t{1});
  CHECK(at_point.domain == std::size_t{0});
  CHECK(at_point.point == std::size_t{0});
  // The gradient of three domains together names none of them, but the next step looks closer.
  for (const int pass : {0, 1}) {
    Faulty pooled{.domain = 2, .pass = pass, .in_loss = false};
    auto optimizer = roga::wrap<SGD>(recipes::sam(), pooled.parameters, SGDOptions(.1));
    optimizer.step(pooled.closures());
    REQUIRE(optimizer.last_step().not_finite().has_value());
    CHECK(optimizer.last_step().not_finite()->parameter == std::size_t{1});
    CHECK_FALSE(optimizer.last_step().not_finite()->domain.has_value());
    optimizer.step(pooled.closures());
    CHECK(optimizer.last_step().not_finite()->domain == std::size_t{2});
    CHECK(optimizer.last_step().not_finite()->parameter == std::size_t{1});
    pooled.domain = 9;
    optimizer.step(pooled.closures());
    CHECK_FALSE(optimizer.last_step().skipped());
    CHECK_FALSE(optimizer.last_step().not_finite().has_value());
  }
}

TEST_CASE("finite_check: the error of NonFinite::raise names the place too", "[finite][message]") {
  for (const std::size_t domain : {0U, 2U}) {
    Faulty faulty{.domain = domain};
    auto optimizer = roga::wrap<SGD>(recipes::sam(), faulty.parameters, SGDOptions(.1));
    optimizer.non_finite(roga::NonFinite::raise);
    const auto text = support::message_of([&] { optimizer.step(faulty.closures()); });
    CHECK(text.find("first in the loss of domain " + std::to_string(domain) + " at theta") !=
          std::string::npos);
  }
}
