// SPDX-License-Identifier: MIT
// What must hold for every recipe under every base optimizer, and on an accelerator.
#include "support/accelerator.hpp"
#include "support/bases.hpp"
#include "support/problems.hpp"
#include "support/recipes.hpp"
#include "support/test.hpp"

namespace {

/// The same steps twice: through roga, and by handing a plain optimizer the directions found in
/// .grad.
template <class Base, class Recipe>
void one_direction(const std::string& name, const Recipe& recipe, at::ScalarType type) {
  INFO(name);
  problems::Network net(3, type);
  problems::Network twin(3, type);
  auto optimizer = roga::wrap(std::unique_ptr<torch::optim::Optimizer>(
                                  new typename Base::Type(net.parameters(), Base::options())),
                              recipe);
  typename Base::Type plain(twin.parameters(), Base::options());
  const auto start = problems::copy(net.parameters());
  for (int step = 0; step < 4; ++step) {
    const auto loss = optimizer.step(net.closures());
    REQUIRE_FALSE(optimizer.last_step().skipped());
    plain.step([&] {
      for (std::size_t i = 0; i < twin.parameters().size(); ++i) {
        twin.parameters()[i].mutable_grad() = net.parameters()[i].grad().clone();
      }
      return loss;
    });
    CHECK(problems::same_bits(net.parameters(), twin.parameters()));
  }
  CHECK_FALSE(problems::same_bits(net.parameters(), start));
  for (const auto& parameter : net.parameters()) CHECK(parameter.isfinite().all().item<bool>());
}

}  // namespace

TEMPLATE_TEST_CASE("every_recipe: gives each base optimizer one direction", "[bases][invariant]",
                   bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad, bases::RmsProp) {
  for (const auto type : {at::kDouble, at::kFloat}) {
    every::recipe([type](const std::string& name, auto recipe, bool) {
      if (name == "wsam_decoupled") return;  // steps past the base as well
      one_direction<TestType>(name, recipe, type);
    });
  }
}

TEST_CASE("every_recipe: runs under LBFGS, which evaluates several times per step",
          "[bases][invariant]") {
  for (const auto type : {at::kDouble, at::kFloat}) {
    every::recipe([type](const std::string& name, auto recipe, bool) {
      INFO(name);
      problems::Network net(3, type);
      auto optimizer =
          roga::wrap(std::unique_ptr<torch::optim::Optimizer>(new torch::optim::LBFGS(
                         net.parameters(), torch::optim::LBFGSOptions(.05).max_iter(4))),
                     recipe);
      const auto start = problems::copy(net.parameters());
      for (int step = 0; step < 3; ++step) {
        optimizer.step(net.closures());
        REQUIRE_FALSE(optimizer.last_step().skipped());
      }
      CHECK_FALSE(problems::same_bits(net.parameters(), start));
      for (const auto& parameter : net.parameters()) CHECK(parameter.isfinite().all().item<bool>());
    });
  }
}

TEST_CASE("every_recipe: with a pass at theta tells the domains' cosines", "[report]") {
  every::recipe([](const std::string& name, auto recipe, bool) {
    INFO(name);
    auto diagnosed = [&](std::size_t domains, bool on) {
      problems::Network net(static_cast<std::int64_t>(domains));
      auto optimizer =
          roga::wrap<torch::optim::SGD>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
      optimizer.diagnose(on);
      optimizer.step(net.closures());
      auto cosines = optimizer.last_step().domain_cosines();
      if (on && decltype(recipe.perturbation)::at_theta) {
        REQUIRE(cosines.size() == domains);
        for (std::size_t k = 0; k < domains; ++k) CHECK(cosines[k][k] == Approx(1));
        if (domains > 1) CHECK(std::abs(cosines[0][1]) < .99);
      } else {
        CHECK(cosines.empty());
      }
      return problems::copy(net.parameters());
    };
    for (const std::size_t domains : {1, 3}) {
      CHECK(problems::same_bits(diagnosed(domains, true), diagnosed(domains, false)));
    }
  });
}

namespace {

/// What a step can do besides; the rows that a recipe keeps and frees depend on it.
enum class Besides : unsigned char { nothing, diagnoses, ascends_along_some };

/// Three steps of two parameter groups, one parameter of which has no gradient at first, and then
/// from one domain only; on an accelerator, or on the CPU with an accelerator's arithmetic.
template <class Recipe>
std::vector<at::Tensor> three_steps(const Recipe& recipe, Besides besides, at::ScalarType type,
                                    at::Device device, bool as_on_accelerator) {
  problems::Network net(3, type);
  net.to(device);
  auto late = torch::full({3}, 0.5, torch::dtype(type).device(device)).requires_grad_();
  const auto weights = net.parameters();
  using torch::optim::OptimizerParamGroup;
  const std::vector<OptimizerParamGroup> groups{OptimizerParamGroup({weights[0], weights[1], late}),
                                                OptimizerParamGroup({weights[2], weights[3]})};
  auto optimizer = roga::wrap(
      std::unique_ptr<torch::optim::Optimizer>(new bases::Sgd::Type(groups, bases::Sgd::options())),
      recipe);
  optimizer.protect(*net.net);
  optimizer.clip_norm(0.3);
  optimizer.diagnose(besides == Besides::diagnoses);
  if (besides == Besides::ascends_along_some) {
    optimizer.ascend_only({weights[0], weights[3], late});
    optimizer.group_radius(1, 0.5);
  }
  std::vector<at::Tensor> seen;
  for (int step = 0; step < 3; ++step) {
    auto closures = net.closures();
    if (step > 0) {
      closures[1] = [&net, &late] {
        net.net->zero_grad();
        auto value = net.loss(1) + late.square().sum();
        value.backward();
        return value;
      };
    }
    at::Tensor loss;
    {
      const support::AsOnAccelerator arithmetic(as_on_accelerator);
      loss = optimizer.step(closures);
    }
    seen.push_back(loss.cpu());
    seen.push_back(late.detach().cpu().clone());
    for (const auto& parameter : weights) {
      seen.push_back(parameter.detach().cpu().clone());
      seen.push_back(parameter.grad().cpu().clone());
    }
    auto numbers = optimizer.last_step().losses();
    numbers.push_back(optimizer.last_step().direction_norm());
    for (const double norm : optimizer.last_step().ascent_norms()) numbers.push_back(norm);
    for (const auto& row : optimizer.last_step().domain_cosines()) {
      numbers.insert(numbers.end(), row.begin(), row.end());
    }
    seen.push_back(torch::tensor(numbers, at::kDouble));
  }
  return seen;
}

void gives_the_hosts_numbers(at::Device device, bool as_on_accelerator) {
  every::recipe([&](const std::string& name, auto recipe, bool) {
    for (const auto besides : {Besides::nothing, Besides::diagnoses, Besides::ascends_along_some}) {
      for (const auto type : {at::kDouble, at::kFloat}) {
        INFO(name << " " << static_cast<int>(besides) << " " << type);
        const auto expected = three_steps(recipe, besides, type, at::kCPU, false);
        const auto found = three_steps(recipe, besides, type, device, as_on_accelerator);
        CHECK(problems::deviation(found, expected) < (type == at::kDouble ? 1e-11 : 2e-3));
      }
    }
  });
}

}  // namespace

TEST_CASE("every_recipe: an accelerator's arithmetic gives the host's numbers", "[device]") {
  gives_the_hosts_numbers(at::kCPU, true);
}

TEST_CASE("every_recipe: an accelerator gives the host's numbers", "[cuda]") {
  if (torch::cuda::is_available()) gives_the_hosts_numbers(at::kCUDA, false);
}
