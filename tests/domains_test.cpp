// SPDX-License-Identifier: MIT
// roga::Domains: a closure over all domains beside those for each.
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "support/problems.hpp"
#include "support/test.hpp"

using problems::Network;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;
using torch::optim::SGDOptions;

enum class Returns : unsigned char { each_loss, their_mean };

/// The losses of some domains in one forward pass, as a minibatch of all of them.
at::Tensor losses_of(Network& net, const std::vector<std::size_t>& domains) {
  std::vector<at::Tensor> inputs;
  for (const auto k : domains) inputs.push_back(net.inputs[k]);
  const auto outputs = net.net->forward(torch::cat(inputs)).chunk(domains.size());
  std::vector<at::Tensor> losses;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    losses.push_back(torch::mse_loss(outputs[i], net.targets[domains[i]]));
  }
  return torch::stack(losses);
}
roga::LossClosure pooled(Network& net, const std::vector<std::size_t>& domains,
                         Returns returns = Returns::each_loss) {
  return [&net, domains, returns] {
    net.net->zero_grad();
    auto losses = losses_of(net, domains);
    losses.mean().backward();
    return returns == Returns::each_loss ? losses : losses.mean();
  };
}
torch::nn::Sequential layers_of_seed_3() {
  torch::manual_seed(3);
  return problems::with_norm_and_dropout();
}
std::vector<torch::optim::OptimizerParamGroup> two_groups(const Network& net) {
  const auto all = net.parameters();
  return {torch::optim::OptimizerParamGroup({all[0], all[1]}),
          torch::optim::OptimizerParamGroup({all[2], all[3]},
                                            std::make_unique<SGDOptions>(SGDOptions(.2)))};
}

/// A policy that reads each domain's loss, and no domain's gradient.
struct ReadsLosses {
  static constexpr roga::Reads reads = roga::Reads::erm;
  roga::Combination direction(roga::Step& step) const {
    return step.loss(1) / step.mean_loss() * roga::erm;
  }
};

}  // namespace

TEST_CASE("domains: the pooled closure makes the passes over the whole minibatch", "[closure]") {
  auto check = [](const char* name, auto recipe, std::size_t evaluations) {
    INFO(name);
    for (const auto returns : {Returns::each_loss, Returns::their_mean}) {
      Network apart(4);
      Network together(4);
      auto one = roga::wrap<Sgd>(recipe, two_groups(apart), SGDOptions(.1).momentum(.9));
      auto other = roga::wrap<Sgd>(recipe, two_groups(together), SGDOptions(.1).momentum(.9));
      for (int step = 0; step < 5; ++step) {
        const double loss = one.step(apart.closures()).template item<double>();
        const auto same =
            other.step(roga::Domains{together.closures(), pooled(together, {0, 1, 2, 3}, returns)});
        CHECK(same.template item<double>() == Approx(loss));
        CHECK(other.last_step().evaluations() == evaluations);
        CHECK(other.last_step().losses().size() == 4);
        if (returns == Returns::each_loss) {
          CHECK(other.last_step().losses()[2] == Approx(one.last_step().losses()[2]));
        }
      }
      CHECK(problems::deviation(apart.parameters(), together.parameters()) < 1e-12);
    }
  };
  check("erm", recipes::erm(), 1);
  check("sam", recipes::sam(), 2);
  check("asam", recipes::asam(), 2);
  check("gsam", recipes::gsam(), 2);
  check("sagm", recipes::sagm(), 2);
  check("gam", recipes::gam(), 4);
  check("msam", recipes::msam(), 1);
  check("roga_pooled", recipes::roga_pooled(), 4 + 4);
  // No pass over the whole minibatch.
  check("roga", recipes::roga(), 4 + 4);
  check("pcgrad", recipes::pcgrad(), 4);
  check("fish", recipes::fish(), 4);
}

TEST_CASE("domains: without a pooled closure it is step(closures), bit for bit", "[closure]") {
  Network apart(3);
  Network together(3);
  auto one = roga::wrap<Sgd>(recipes::roga_pooled(), apart.parameters(), SGDOptions(.1));
  auto other = roga::wrap<Sgd>(recipes::roga_pooled(), together.parameters(), SGDOptions(.1));
  for (int step = 0; step < 3; ++step) {
    one.step(apart.closures());
    other.step(roga::Domains{together.closures(), nullptr});
  }
  CHECK(problems::same_bits(apart.parameters(), together.parameters()));
}

TEST_CASE("domains: the pooled closure is over the domains that are present", "[closure]") {
  for (const std::size_t absent : {0, 1, 2}) {
    Network apart(3);
    Network together(3);
    auto one = roga::wrap<Sgd>(recipes::sam(), apart.parameters(), SGDOptions(.1));
    auto other = roga::wrap<Sgd>(recipes::sam(), together.parameters(), SGDOptions(.1));
    std::vector<std::size_t> present;
    for (std::size_t k = 0; k < 3; ++k) {
      if (k != absent) present.push_back(k);
    }
    auto closures = apart.closures();
    closures[absent] = nullptr;
    one.step(closures);
    closures = together.closures();
    closures[absent] = nullptr;
    other.step(roga::Domains{closures, pooled(together, present)});
    CHECK(problems::deviation(apart.parameters(), together.parameters()) < 1e-13);
    CHECK(other.last_step().losses().size() == 2);
    CHECK(other.last_step().evaluations() == 2);
  }
  Network net(1);
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), net.parameters(), SGDOptions(.1));
  optimizer.step(roga::Domains{
      net.closures(), []() -> at::Tensor { throw std::runtime_error("called with one domain"); }});
  CHECK(optimizer.last_step().evaluations() == 2);
}

TEST_CASE("domains: running statistics move once for each sample, dropout repeats its masks",
          "[closure][protect]") {
  auto statistics_after = [](auto recipe) {
    Network net(3, at::kDouble, 7, layers_of_seed_3());
    auto optimizer = roga::wrap<Sgd>(recipe, net.parameters(), SGDOptions(.1));
    optimizer.protect(*net.net);
    torch::manual_seed(5);
    optimizer.step(roga::Domains{net.closures(), pooled(net, {0, 1, 2})});
    return net.net->named_buffers()["1.num_batches_tracked"].template item<std::int64_t>();
  };
  CHECK(statistics_after(recipes::sam()) == 1);          // pooled passes alone
  CHECK(statistics_after(recipes::roga()) == 3);         // passes over one domain alone
  CHECK(statistics_after(recipes::roga_pooled()) == 3);  // the domains first
  CHECK(statistics_after(roga::recipe(roga::NormalizedAscent{.rho = .05}, roga::NextDomain{},
                                      roga::CapturedGradient{})) == 1);  // all of them first

  // With the same masks in both passes, sam with radius 0 is erm.
  auto trained = [](auto recipe) {
    Network net(3, at::kDouble, 7, layers_of_seed_3());
    auto optimizer = roga::wrap<Sgd>(recipe, net.parameters(), SGDOptions(.1));
    optimizer.protect(*net.net);
    torch::manual_seed(5);
    for (int step = 0; step < 4; ++step) {
      optimizer.step(roga::Domains{net.closures(), pooled(net, {0, 1, 2})});
    }
    auto state = problems::copy(net.parameters());
    for (const auto& buffer : net.net->buffers()) state.push_back(buffer);
    return state;
  };
  CHECK(problems::same_bits(trained(recipes::sam({.rho = 0})), trained(recipes::erm())));
}

TEST_CASE("domains: phases may pool their passes, with the same bits", "[closure][phases]") {
  auto check = [](auto recipe) {
    auto make = [] { return Network(3, at::kDouble, 7, layers_of_seed_3()); };
    Network whole = make();
    Network parts = make();
    auto one = roga::wrap<Sgd>(recipe, whole.parameters(), SGDOptions(.1).momentum(.9));
    auto other = roga::wrap<Sgd>(recipe, parts.parameters(), SGDOptions(.1).momentum(.9));
    one.protect(*whole.net);
    other.protect(*parts.net);
    for (const std::vector<std::size_t>& present :
         std::vector<std::vector<std::size_t>>{{0, 1, 2}, {0, 2}, {1}, {0, 1, 2}}) {
      torch::manual_seed(6);
      std::vector<roga::LossClosure> closures(3);
      for (const auto k : present) closures[k] = whole.closure(k);
      const auto loss = one.step(roga::Domains{closures, pooled(whole, present)});
      torch::manual_seed(6);
      auto step = other.phases(present, roga::Passes::pooled);
      at::Tensor losses;
      do {
        parts.net->zero_grad();
        losses = step.domains().size() > 1 ? losses_of(parts, step.domains())
                                           : parts.loss(step.domain());
        losses.mean().backward();
      } while (step.ascend(losses));
      CHECK(problems::same_bits(step.descend(), loss));
      CHECK(other.last_step().evaluations() == one.last_step().evaluations());
    }
    CHECK(problems::same_bits(whole.parameters(), parts.parameters()));
    CHECK(problems::same_bits(whole.net->buffers(), parts.net->buffers()));
  };
  check(recipes::erm());
  check(recipes::sam());
  check(recipes::roga_pooled());
  check(recipes::roga());
  check(recipes::msam());

  Network net(2);
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), net.parameters(), SGDOptions(.1));
  auto step = optimizer.phases({0, 1}, roga::Passes::pooled);
  CHECK_THROWS_WITH(step.domain(), ContainsSubstring("call domains()"));
  const auto losses = losses_of(net, {0, 1});
  losses.mean().backward();
  CHECK_THROWS_WITH(step.ascend(torch::zeros({3})), ContainsSubstring("a [2] tensor"));
  CHECK(step.ascend(losses));
}

TEST_CASE("domains: what a pooled closure may return", "[closure][message]") {
  Network net(3);
  const auto start = problems::copy(net.parameters());
  auto step_with = [&](auto recipe, const roga::LossClosure& closure) {
    auto optimizer = roga::wrap<Sgd>(recipe, net.parameters(), SGDOptions(.1));
    optimizer.step(roga::Domains{net.closures(), closure});
    return optimizer.last_step();
  };
  const auto backward = pooled(net, {0, 1, 2});
  for (const auto& wrong : {torch::zeros({2}), torch::zeros({3, 1}), at::Tensor()}) {
    CHECK_THROWS_WITH(step_with(recipes::sam(),
                                [&] {
                                  backward();
                                  return wrong;
                                }),
                      ContainsSubstring("the pooled closure gave"));
  }
  CHECK_THROWS_WITH(step_with(recipes::sam(),
                              [&] {
                                backward();
                                return torch::ones({3}, at::kLong);
                              }),
                    ContainsSubstring("floating-point"));
  CHECK_THROWS_WITH(step_with(recipes::sam(),
                              [&] {
                                net.net->zero_grad();
                                return losses_of(net, {0, 1, 2}).detach();
                              }),
                    ContainsSubstring("all domains left no gradient"));
  const auto report = step_with(recipes::sam(), [&] {
    auto losses = backward();
    return losses * torch::tensor({1., std::nan(""), 1.}, at::kDouble);
  });
  CHECK(report.skipped());
  CHECK(report.not_finite()->domain == std::size_t{1});
  CHECK(step_with(recipes::sam(), [&] { return backward().mean() * NAN; }).skipped());
  CHECK(problems::same_bits(net.parameters(), start));

  const auto reader = roga::recipe(roga::NoPerturbation{}, roga::Pooled{}, ReadsLosses{});
  CHECK_FALSE(step_with(reader, backward).skipped());
  CHECK_THROWS_WITH(step_with(reader, pooled(net, {0, 1, 2}, Returns::their_mean)),
                    ContainsSubstring("a [K] tensor"));
}

TEST_CASE("domains: resumed training goes on bit for bit", "[closure][serialize]") {
  Network whole(3);
  Network parts(3);
  auto make = [](Network& net) {
    return roga::wrap<Sgd>(recipes::fsam(), two_groups(net), SGDOptions(.1).momentum(.9));
  };
  auto one = make(whole);
  auto first = make(parts);
  auto second = make(parts);
  for (int step = 0; step < 6; ++step) {
    one.step(roga::Domains{whole.closures(), pooled(whole, {0, 1, 2})});
    if (step == 3) {
      std::stringstream file;
      torch::save(first, file);
      torch::load(second, file);
    }
    (step < 3 ? first : second).step(roga::Domains{parts.closures(), pooled(parts, {0, 1, 2})});
  }
  CHECK(problems::same_bits(whole.parameters(), parts.parameters()));
}
