// SPDX-License-Identifier: MIT
// The way from a plain torch::optim optimizer, by its file.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/bases.hpp"
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/saved.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
using problems::Parameters;
using support::message_of;
using support::saved;
using torch::serialize::OutputArchive;
namespace recipes = roga::recipes;

namespace {

using Group = torch::optim::OptimizerParamGroup;

/// Two groups, the second one with a learning rate of its own; LBFGS takes one.
template <class Base>
std::vector<Group> groups_of(const Parameters& parameters, double second) {
  if (std::is_same_v<Base, bases::Lbfgs>) return {Group(parameters)};
  auto options = Base::options();
  options.lr(second);
  using Options = decltype(options);
  return {Group({parameters[0], parameters[1]}),
          Group({parameters[2], parameters[3]}, std::make_unique<Options>(options))};
}

template <class Optimizer>
void steps(Optimizer& optimizer, Network& net, int count) {
  for (int i = 0; i < count; ++i) optimizer.step(net.closure(0));
}

/// A twin of a network, with the weights that it has now.
Network twin_of(const Network& net, const Parameters& weights) {
  Network twin(static_cast<std::int64_t>(net.inputs.size()));
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < weights.size(); ++i) twin.parameters()[i].copy_(weights[i]);
  return twin;
}

std::string bytes_of(OutputArchive& archive) {
  std::ostringstream stream;
  archive.save_to(stream);
  return stream.str();
}
template <class Optimizer>
void read_plain(Optimizer& optimizer, const std::string& bytes) {
  std::istringstream stream(bytes);
  roga::load_plain(optimizer, stream);
}

/// A list as LibTorch wrote it before 1.5.
void write_list(OutputArchive& archive, const std::string& name, const Parameters& entries) {
  archive.write(name + "/size", torch::tensor(static_cast<std::int64_t>(entries.size())));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    archive.write(name + "/" + std::to_string(i), entries[i], /*is_buffer=*/true);
  }
}
/// One member of the states, in the order of the parameters.
template <class State, class Get>
Parameters all(torch::optim::Optimizer& optimizer, Get get) {
  Parameters list;
  for (const auto& parameter : optimizer.param_groups().at(0).params()) {
    auto& states = optimizer.state();
    auto& state = *states.at(roga::detail::state_key(states, parameter));
    at::Tensor entry = get(static_cast<State&>(state));
    if (entry.defined()) list.push_back(entry);
  }
  return list;
}
template <class State>
void write_adam(OutputArchive& archive, torch::optim::Optimizer& plain) {
  write_list(archive, "step_buffers",
             all<State>(plain, [](auto& state) { return torch::tensor(state.step()); }));
  write_list(archive, "exp_average_buffers",
             all<State>(plain, [](auto& state) { return state.exp_avg(); }));
  write_list(archive, "exp_average_sq_buffers",
             all<State>(plain, [](auto& state) { return state.exp_avg_sq(); }));
  write_list(archive, "max_exp_average_sq_buffers",
             all<State>(plain, [](auto& state) { return state.max_exp_avg_sq(); }));
}
/// What LibTorch 1.4 would have saved.
template <class Base>
std::string in_old_format(torch::optim::Optimizer& plain) {
  namespace optim = torch::optim;
  OutputArchive archive;
  if constexpr (std::is_same_v<Base, bases::Sgd>) {
    write_list(archive, "momentum_buffers", all<optim::SGDParamState>(plain, [](auto& state) {
                 return state.momentum_buffer();
               }));
    archive.write("iteration_", c10::IValue(std::int64_t{3}));
  } else if constexpr (std::is_same_v<Base, bases::Adam>) {
    write_adam<optim::AdamParamState>(archive, plain);
  } else if constexpr (std::is_same_v<Base, bases::AdamW>) {
    write_adam<optim::AdamWParamState>(archive, plain);
  } else if constexpr (std::is_same_v<Base, bases::Adagrad>) {
    using State = optim::AdagradParamState;
    write_list(archive, "sum_buffers", all<State>(plain, [](auto& s) { return s.sum(); }));
    write_list(archive, "step_buffers",
               all<State>(plain, [](auto& state) { return torch::tensor(state.step()); }));
  } else if constexpr (std::is_same_v<Base, bases::RmsProp>) {
    using State = optim::RMSpropParamState;
    write_list(archive, "square_average_buffers",
               all<State>(plain, [](auto& state) { return state.square_avg(); }));
    write_list(archive, "momentum_buffers",
               all<State>(plain, [](auto& state) { return state.momentum_buffer(); }));
    write_list(archive, "grad_average_buffers",
               all<State>(plain, [](auto& state) { return state.grad_avg(); }));
  } else {
    auto& state = static_cast<optim::LBFGSParamState&>(*plain.state().begin()->second);
    archive.write("d", state.d(), true);
    archive.write("t", torch::tensor(state.t(), at::kDouble), true);
    archive.write("H_diag", state.H_diag(), true);
    archive.write("prev_flat_grad", state.prev_flat_grad(), true);
    archive.write("prev_loss", torch::tensor(state.prev_loss(), at::kDouble), true);
    write_list(archive, "old_dirs", {state.old_dirs().begin(), state.old_dirs().end()});
    write_list(archive, "old_stps", {state.old_stps().begin(), state.old_stps().end()});
  }
  return bytes_of(archive);
}

}  // namespace

TEMPLATE_TEST_CASE("load_plain: a wrapper goes on where a plain optimizer stopped",
                   "[checkpoint][serialize]", bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad,
                   bases::RmsProp, bases::Lbfgs) {
  using Base = typename TestType::Type;
  for (const int before : {0, 1, 3}) {
    if (before == 0 && std::is_same_v<TestType, bases::Lbfgs>) continue;  // it has no state yet
    Network net(1);
    Base plain(groups_of<TestType>(net.parameters(), 0.004), TestType::options());
    steps(plain, net, before);
    plain.param_groups()[0].options().set_lr(0.003);  // as a scheduler does
    const auto weights = problems::copy(net.parameters());
    const auto bytes = saved(plain);
    const auto file = std::filesystem::temp_directory_path() / "roga_load_plain_test.pt";
    std::ofstream(file, std::ios::binary) << bytes;
    steps(plain, net, 3);

    auto goes_on = [&](auto wrap, auto load) {
      auto twin = twin_of(net, weights);
      auto optimizer = wrap(groups_of<TestType>(twin.parameters(), 9));
      load(optimizer);
      CHECK(optimizer.param_groups()[0].options().get_lr() == 0.003);
      steps(optimizer, twin, 3);
      CHECK(problems::same_bits(twin.parameters(), net.parameters()));
    };
    auto options = TestType::options();
    options.lr(7);
    auto fixed = [&](const std::vector<Group>& groups) {
      return roga::wrap<Base>(recipes::sam({.rho = 0}), groups, options);
    };
    auto late = [&](const std::vector<Group>& groups) {
      return roga::wrap(std::make_unique<Base>(groups, options), recipes::sam({.rho = 0}));
    };
    auto from_stream = [&](auto& optimizer) { read_plain(optimizer, bytes); };
    auto from_file = [&](auto& optimizer) { roga::load_plain(optimizer, file, at::kCPU); };
    goes_on(fixed, from_stream);
    goes_on(fixed, from_file);
    goes_on(late, from_stream);
    goes_on(late, from_file);
    std::filesystem::remove(file);
  }
}

TEST_CASE("load_plain: all options come from the file", "[checkpoint][serialize]") {
  Network net(1);
  auto check = [&](auto plain, auto options) {
    using Options = decltype(options);
    using Base = decltype(plain);
    plain.step(net.closure(0));
    auto optimizer = roga::wrap<Base>(recipes::sam(), net.parameters(), options);
    read_plain(optimizer, saved(plain));
    CHECK(static_cast<Options&>(optimizer.param_groups()[0].options()) ==
          static_cast<Options&>(plain.param_groups()[0].options()));
  };
  using namespace torch::optim;
  check(SGD(net.parameters(), bases::Sgd::options()), SGDOptions(1));
  check(Adam(net.parameters(), bases::Adam::options()), AdamOptions(1));
  check(RMSprop(net.parameters(), bases::RmsProp::options()), RMSpropOptions(1));
  check(LBFGS(net.parameters(), bases::Lbfgs::options()), LBFGSOptions(1));
}

TEMPLATE_TEST_CASE("load_plain: files of the format before 1.5 load", "[checkpoint][serialize]",
                   bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad, bases::RmsProp,
                   bases::Lbfgs) {
  using Base = typename TestType::Type;
  Network net(1);
  Base plain(net.parameters(), TestType::options());
  steps(plain, net, 3);
  const auto weights = problems::copy(net.parameters());
  const auto bytes = in_old_format<TestType>(plain);
  // LibTorch's LBFGS of today begins a new history from such a file.
  auto reloaded = twin_of(net, weights);
  Base other(reloaded.parameters(), TestType::options());
  std::istringstream stream(bytes);
  torch::load(other, stream);
  steps(other, reloaded, 2);
  if (!std::is_same_v<TestType, bases::Lbfgs>) {
    steps(plain, net, 2);
    CHECK(problems::same_bits(net.parameters(), reloaded.parameters()));
  }
  for (const bool late : {false, true}) {
    auto twin = twin_of(net, weights);
    auto goes_on = [&](auto optimizer) {
      read_plain(optimizer, bytes);
      steps(optimizer, twin, 2);
      CHECK(problems::same_bits(twin.parameters(), reloaded.parameters()));
    };
    if (late) {
      goes_on(roga::wrap(std::make_unique<Base>(twin.parameters(), TestType::options()),
                         recipes::sam({.rho = 0})));
    } else {
      goes_on(roga::wrap<Base>(recipes::sam({.rho = 0}), twin.parameters(), TestType::options()));
    }
  }
}

TEMPLATE_TEST_CASE("load_plain: old lists of another length or shape are refused",
                   "[checkpoint][serialize]", bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad,
                   bases::RmsProp, bases::Lbfgs) {
  using Base = typename TestType::Type;
  auto w = leaf({1, 2, 3});
  auto v = leaf({4, 5});
  auto step = [](auto& optimizer, const Parameters& parameters) {
    optimizer.step([&] {
      auto loss = torch::ones({}, at::kDouble);
      for (const auto& parameter : parameters) loss = loss * parameter.square().sum();
      loss.backward();
      return loss;
    });
  };
  auto file_of = [&](const Parameters& parameters) {
    Base plain(parameters, TestType::options());
    step(plain, parameters);
    return in_old_format<TestType>(plain);
  };
  auto optimizer = roga::wrap<Base>(recipes::fsam(), Parameters{w, v}, TestType::options());
  step(optimizer, {w, v});
  const auto before = saved(optimizer);
  std::vector<Parameters> others{{v}, {v, w}, {w, v, leaf({6})}, {w, w}};
  const bool needs_all =
      std::is_same_v<TestType, bases::Adagrad> || std::is_same_v<TestType, bases::Lbfgs>;
  if (needs_all) others.push_back({w});  // else v may never have had a gradient
  for (const auto& parameters : others) {
    // One LBFGS has one state; that of v and w is as long as that of w and v.
    if (std::is_same_v<TestType, bases::Lbfgs> && parameters[0].is_same(v)) continue;
    CHECK_THROWS_AS(read_plain(optimizer, file_of(parameters)), c10::Error);
    CHECK(saved(optimizer) == before);
  }
  std::vector<Group> two{Group(Parameters{w}), Group(Parameters{v})};
  if (!std::is_same_v<TestType, bases::Lbfgs>) {
    auto grouped = roga::wrap<Base>(recipes::sam(), two, TestType::options());
    CHECK_THAT(message_of([&] {
                 read_plain(grouped, file_of({w, v}));
               }),
               ContainsSubstring("the optimizer has 2"));
  }
  read_plain(optimizer, file_of({w, v}));
}

TEST_CASE("load_plain: old lists that do not go together are refused", "[checkpoint][serialize]") {
  using Lists = std::vector<std::pair<std::string, std::size_t>>;
  auto w = leaf({1, 2});
  auto v = leaf({3});
  const Parameters shapes{torch::zeros_like(w), torch::zeros_like(v), torch::zeros({1})};
  auto message = [&](auto& optimizer, const Lists& lists) {
    OutputArchive archive;
    for (const auto& [name, entries] : lists) {
      const bool counts = name == "step_buffers";
      Parameters list;
      for (std::size_t i = 0; i < entries; ++i) {
        list.push_back(counts ? torch::tensor(std::int64_t{1}) : shapes[i]);
      }
      write_list(archive, name, list);
    }
    const auto bytes = bytes_of(archive);
    return message_of([&] { read_plain(optimizer, bytes); });
  };
  using namespace torch::optim;
  auto sgd = roga::wrap<SGD>(recipes::sam(), Parameters{w, v}, SGDOptions(.1).momentum(.9));
  auto adam = roga::wrap<Adam>(recipes::sam(), Parameters{w, v});
  auto adagrad = roga::wrap(std::make_unique<Adagrad>(Parameters{w, v}), recipes::sam());
  auto rmsprop = roga::wrap(std::make_unique<RMSprop>(Parameters{w, v}), recipes::sam());

  const auto of_rmsprop =
      Lists{{"square_average_buffers", 2}, {"momentum_buffers", 2}, {"grad_average_buffers", 0}};
  CHECK_THAT(message(sgd, of_rmsprop), ContainsSubstring("of another kind of optimizer"));
  CHECK(message(rmsprop, of_rmsprop) == "nothing");
  CHECK(message(sgd, {{"momentum_buffers", 0}}) == "nothing");
  CHECK_THAT(message(sgd, {{"momentum_buffers", 3}}), ContainsSubstring("3 entries"));
  CHECK_THAT(message(adam, {{"step_buffers", 1},
                            {"exp_average_buffers", 1},
                            {"exp_average_sq_buffers", 1},
                            {"max_exp_average_sq_buffers", 2}}),
             ContainsSubstring("damaged"));
  CHECK_THAT(message(adam, {{"step_buffers", 2},
                            {"exp_average_buffers", 0},
                            {"exp_average_sq_buffers", 2},
                            {"max_exp_average_sq_buffers", 0}}),
             ContainsSubstring("damaged"));
  CHECK_THAT(message(adam, {{"step_buffers", 2}, {"sum_buffers", 2}}),
             ContainsSubstring("of another kind of optimizer"));
  // Shorter, where the parameters at the end never had a gradient: these have no state.
  CHECK(message(sgd, {{"momentum_buffers", 1}}) == "nothing");
  CHECK(sgd.state().size() == 1);
  CHECK(message(adam, {{"step_buffers", 1},
                       {"exp_average_buffers", 1},
                       {"exp_average_sq_buffers", 1},
                       {"max_exp_average_sq_buffers", 0}}) == "nothing");
  CHECK(adam.state().size() == 1);
  CHECK_THAT(message(adagrad, {{"step_buffers", 1}, {"sum_buffers", 1}}),
             ContainsSubstring("1 entries"));
  CHECK_THAT(message(adagrad, {{"step_buffers", 2}, {"sum_buffers", 0}}),
             ContainsSubstring("0 entries"));
  CHECK_THAT(message(adagrad, {{"step_buffers", 0}, {"sum_buffers", 0}}),
             ContainsSubstring("0 entries"));
  CHECK_THAT(message(rmsprop, {{"square_average_buffers", 2}}),
             ContainsSubstring("momentum_buffers"));
}

TEST_CASE("load_plain: a damaged, foreign or unfitting file throws and changes nothing",
          "[checkpoint][serialize]") {
  using namespace torch::optim;
  Network net(1);
  auto other = leaf({1, 2});
  auto plain_of = [&](auto plain) {
    steps(plain, net, 2);
    return saved(plain);
  };
  const auto good = plain_of(Adam(net.parameters(), bases::Adam::options()));
  std::vector<std::string> bad{"", "this is no archive"};
  for (std::size_t size = 0; size < good.size(); size += 1013) bad.push_back(good.substr(0, size));
  bad.push_back(good.substr(0, good.size() - 1));
  bad.push_back(saved(torch::ones({3})));
  bad.push_back(saved(net.net));
  bad.push_back(plain_of(SGD(net.parameters(), bases::Sgd::options())));
  bad.push_back(plain_of(SGD(net.parameters(), SGDOptions(.1))));
  bad.push_back(plain_of(RMSprop(net.parameters(), bases::RmsProp::options())));
  bad.push_back(plain_of(Adagrad(net.parameters(), bases::Adagrad::options())));
  bad.push_back(plain_of(LBFGS(net.parameters(), bases::Lbfgs::options())));
  auto parameters = net.parameters();
  bad.push_back(plain_of(Adam({parameters[0], parameters[1], parameters[2]})));
  bad.push_back(plain_of(Adam({parameters[1], parameters[0], parameters[2], parameters[3]})));
  bad.push_back(plain_of(Adam(groups_of<bases::Adam>(parameters, 1), bases::Adam::options())));
  bad.push_back(plain_of(Adam({other}, bases::Adam::options())));

  auto check = [&](auto optimizer) {
    optimizer.schedule_radius(roga::schedules::linear(.1, .2, 10));
    steps(optimizer, net, 2);
    const auto before = saved(optimizer);
    for (const auto& bytes : bad) {
      CHECK_THROWS_AS(read_plain(optimizer, bytes), c10::Error);
      CHECK(saved(optimizer) == before);
    }
    CHECK_THAT(message_of([&] { read_plain(optimizer, before); }),
               ContainsSubstring("the file of a roga optimizer; torch::load reads it"));
    CHECK_THAT(message_of([&] { roga::load_plain(optimizer, "/no/such/file.pt"); }),
               ContainsSubstring("cannot read the file /no/such/file.pt"));
    CHECK(saved(optimizer) == before);
    std::istringstream stream(good);
    CHECK_THAT(message_of([&] { torch::load(optimizer, stream); }),
               ContainsSubstring("roga::load_plain reads"));
    CHECK(saved(optimizer) == before);
    read_plain(optimizer, good);
  };
  check(roga::wrap<Adam>(recipes::fsam(), net.parameters(), AdamOptions(.5)));
  check(roga::wrap(std::make_unique<Adam>(net.parameters(), AdamOptions(.5)), recipes::fsam()));
}

TEST_CASE("load_plain: states of another shape are refused, whatever the base",
          "[checkpoint][serialize]") {
  using namespace torch::optim;
  auto check = [](auto options, auto base) {
    using Base = typename decltype(base)::Type;
    auto step = [](auto& optimizer, const at::Tensor& w) {
      optimizer.step([&] {
        auto loss = w.pow(4).sum();
        loss.backward();
        return loss;
      });
    };
    auto w = leaf({1, 2, 3});
    auto v = leaf({1, 2});
    Base plain({w}, options);
    step(plain, w);
    step(plain, w);
    auto optimizer = roga::wrap<Base>(recipes::sam(), Parameters{v}, options);
    step(optimizer, v);
    const auto before = saved(optimizer);
    CHECK_THAT(message_of([&] { read_plain(optimizer, saved(plain)); }),
               ContainsSubstring("has a state of shape [3]"));
    CHECK(saved(optimizer) == before);
  };
  check(bases::Sgd::options(), bases::Sgd());
  check(bases::Adam::options(), bases::Adam());
  check(bases::AdamW::options(), bases::AdamW());
  check(bases::Adagrad::options(), bases::Adagrad());
  check(bases::RmsProp::options(), bases::RmsProp());
  check(bases::Lbfgs::options(), bases::Lbfgs());
}

TEST_CASE("load_plain: the recipe's memory and step count begin anew", "[checkpoint][serialize]") {
  auto check = [](auto recipe) {
    Network net(2);
    torch::optim::SGD plain(net.parameters(), bases::Sgd::options());
    steps(plain, net, 2);
    const auto bytes = saved(plain);
    const auto weights = problems::copy(net.parameters());
    auto trained = [&](int before) {
      Network twin(2);
      auto optimizer =
          roga::wrap<torch::optim::SGD>(recipe, twin.parameters(), bases::Sgd::options());
      for (int i = 0; i < before; ++i) optimizer.step(twin.closures());
      const torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < weights.size(); ++i) twin.parameters()[i].copy_(weights[i]);
      read_plain(optimizer, bytes);
      for (int i = 0; i < 3; ++i) {
        const torch::AutoGradMode enable(true);
        optimizer.step(twin.closures());
      }
      CHECK(optimizer.last_step().step() == 2);
      return problems::copy(twin.parameters());
    };
    CHECK(problems::same_bits(trained(0), trained(2)));
  };
  check(recipes::fsam());
  check(recipes::looksam());
  check(recipes::group_dro());
}

TEST_CASE("load_plain: an open step is refused, and a loss scaler stays", "[checkpoint]") {
  Network net(1);
  torch::optim::SGD plain(net.parameters(), bases::Sgd::options());
  steps(plain, net, 1);
  const auto bytes = saved(plain);
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(1));
  {
    auto step = optimizer.phases();
    CHECK_THAT(message_of([&] { read_plain(optimizer, bytes); }),
               ContainsSubstring("load_plain() while a phased step is open"));
  }
  CHECK(optimizer.param_groups()[0].options().get_lr() == 1);
  const roga::LossScaler scaler({.scale = 8});
  optimizer.attach(scaler);
  read_plain(optimizer, bytes);
  CHECK(optimizer.param_groups()[0].options().get_lr() == 0.05);
  CHECK(scaler.factor() == 8);
}
