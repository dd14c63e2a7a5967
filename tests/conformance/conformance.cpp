// SPDX-License-Identifier: MIT
// roga_conformance FILE: runs the update rules of a trajectories file through the public API,
// float64 and SGD without momentum, and prints the trajectories that come out as JSON.
#include <ATen/core/ivalue.h>
#include <torch/optim/sgd.h>
#include <torch/torch.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <roga/roga.hpp>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::ordered_json;
namespace recipes = roga::recipes;

/// L_k(w) = 0.5 (w - a_k)' H_k (w - a_k), w split over several parameters.
struct Quadratics {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> curvatures;
  std::vector<at::Tensor> minima;

  explicit Quadratics(const Json& problem) {
    const auto start = vector(problem.at("w0"));
    std::int64_t begin = 0;
    for (const std::int64_t length : problem.at("split")) {
      parameters.push_back(start.narrow(0, begin, length).clone().requires_grad_());
      begin += length;
    }
    TORCH_CHECK(begin == start.numel(), "roga_conformance: 'split' adds up to ", begin,
                ", 'w0' has ", start.numel(), " entries");
    for (const auto& rows : problem.at("H")) {
      std::vector<at::Tensor> stacked;
      for (const auto& row : rows) stacked.push_back(vector(row));
      curvatures.push_back(at::stack(stacked));
    }
    for (const auto& minimum : problem.at("a")) minima.push_back(vector(minimum));
  }

  static at::Tensor vector(const Json& numbers) {
    return torch::tensor(numbers.get<std::vector<double>>(), at::kDouble);
  }
  std::vector<roga::LossClosure> closures() const {
    std::vector<roga::LossClosure> closures;
    for (std::size_t k = 0; k < minima.size(); ++k) {
      closures.emplace_back([this, k] {
        const auto away = at::cat(parameters) - minima[k];
        auto loss = 0.5 * away.dot(curvatures[k].mv(away));
        loss.backward();
        return loss;
      });
    }
    return closures;
  }
};

std::vector<double> numbers(const at::Tensor& vector) {
  const auto flat = vector.detach().contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

template <class Recipe>
void run(Json& result, const Recipe& recipe, const Json& given, const Json& problem) {
  const Quadratics quadratics(problem);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipe, quadratics.parameters,
                                                 torch::optim::SGDOptions(given.at("lr")));
  const auto closures = quadratics.closures();
  int last = 1;
  for (const auto& [step, point] : given.at("trajectory").items()) {
    last = std::max(last, std::stoi(step));
  }
  Json trajectory = Json::object();
  for (int step = 1; step <= last; ++step) {
    optimizer.step(closures);
    if (step == 1) {
      std::vector<at::Tensor> direction;
      for (const auto& parameter : quadratics.parameters) direction.push_back(parameter.grad());
      result["first_direction"] = numbers(at::cat(direction));
    }
    const auto name = std::to_string(step);
    if (given.at("trajectory").contains(name)) {
      trajectory[name] = numbers(at::cat(quadratics.parameters));
    }
  }
  result["trajectory"] = trajectory;
}

using Rule = std::function<void(Json& result, const Json& given, const Json& problem)>;

/// `make(hyper)` returns the recipe for a case's hyper-parameters.
template <class Make>
Rule rule(Make make) {
  return [make](Json& result, const Json& given, const Json& problem) {
    run(result, make(given.at("hyper")), given, problem);
  };
}

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> table{
      {"erm", rule([](const Json&) { return recipes::erm(); })},
      {"sam", rule([](const Json& h) { return recipes::sam({.rho = h.at("rho")}); })},
      {"asam",
       rule([](const Json& h) { return recipes::asam({.rho = h.at("rho"), .eta = h.at("eta")}); })},
      {"sagm", rule([](const Json& h) {
         return recipes::sagm({.rho = h.at("rho"), .alpha = h.at("alpha")});
       })},
      {"gacfas", rule([](const Json& h) {
         return recipes::gac_fas({.rho = h.at("rho"), .alpha = h.at("alpha")});
       })},
      {"roga_own", rule([](const Json& h) {
         return recipes::roga({.rho = h.at("rho"),
                               .alpha = h.at("alpha"),
                               .w_erm = h.at("w_erm"),
                               .w_gen = h.at("w_gen")});
       })},
      {"roga_pooled", rule([](const Json& h) {
         return recipes::roga_pooled({.rho = h.at("rho"),
                                      .alpha = h.at("alpha"),
                                      .w_erm = h.at("w_erm"),
                                      .w_gen = h.at("w_gen")});
       })},
      {"gsam", rule([](const Json& h) {
         return recipes::gsam({.rho = h.at("rho"), .alpha = h.at("alpha")});
       })},
      {"wsam", rule([](const Json& h) {
         return recipes::wsam({.rho = h.at("rho"), .gamma = h.at("gamma")});
       })},
      {"fsam", rule([](const Json& h) {
         return recipes::fsam(
             {.rho = h.at("rho"), .sigma = h.at("sigma"), .lambda = h.at("lambda")});
       })},
      {"looksam", rule([](const Json& h) {
         return recipes::looksam({.rho = h.at("rho"), .k = h.at("k"), .alpha = h.at("alpha")});
       })},
      {"fishersam", rule([](const Json& h) {
         return recipes::fisher_sam({.rho = h.at("rho"), .eta = h.at("eta")});
       })},
      {"gam", rule([](const Json& h) {
         return recipes::gam({.rho = h.at("rho"),
                              .rho_grad = h.at("rho_grad"),
                              .a = h.at("a"),
                              .b = h.at("b"),
                              .gamma = h.at("gamma")});
       })},
      {"msam",
       rule([](const Json& h) { return recipes::msam({.rho = h.at("rho"), .mu = h.at("mu")}); })},
      {"disam", rule([](const Json& h) {
         return recipes::disam({.rho = h.at("rho"), .lambda = h.at("lambda")});
       })},
      {"fish", rule([](const Json& h) {
         return recipes::fish({.beta = h.at("beta"), .order = {.fixed = true}});
       })},
      {"pcgrad", rule([](const Json&) { return recipes::pcgrad({.order = {.fixed = true}}); })},
      {"mgda", rule([](const Json&) { return recipes::mgda(); })},
      {"cagrad", rule([](const Json& h) { return recipes::cagrad({.c = h.at("c")}); })},
      {"andmask", rule([](const Json& h) { return recipes::and_mask({.tau = h.at("tau")}); })},
      {"groupdro", rule([](const Json& h) { return recipes::group_dro({.eta = h.at("eta")}); })},
      {"vrex", rule([](const Json& h) { return recipes::vrex({.lambda = h.at("lambda")}); })},
  };
  return table;
}

Json conform(const Json& file) {
  Json cases = Json::array();
  for (const auto& given : file.at("cases")) {
    Json result{{"problem", given.at("problem")}, {"rule", given.at("rule")}};
    const auto found = rules().find(given.at("rule"));
    if (found == rules().end()) {
      result["error"] = "unknown rule";
    } else {
      found->second(result, given, file.at("problems").at(given.at("problem").get<std::size_t>()));
    }
    cases.push_back(std::move(result));
  }
  return {{"cases", std::move(cases)}};
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);
  try {
    TORCH_CHECK(argc == 2, "usage: roga_conformance FILE, a trajectories file in JSON");
    std::ifstream file(argv[1]);
    TORCH_CHECK(file.good(), "roga_conformance: cannot read ", argv[1]);
    std::cout << conform(Json::parse(file)).dump(1) << "\n";
    return 0;
  } catch (const c10::Error& error) {
    std::cerr << error.what_without_backtrace() << "\n";
  } catch (const std::exception& error) {
    std::cerr << "roga_conformance: " << error.what() << "\n";
  }
  return 1;
}
