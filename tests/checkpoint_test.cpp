// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <roga/checkpoint.hpp>
#include <sstream>

#include "support/bases.hpp"
#include "support/folder.hpp"
#include "support/message.hpp"
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/saved.hpp"
#include "support/test.hpp"

using problems::Network;
using support::load;
using support::saved;
namespace recipes = roga::recipes;

namespace {

/// Halves the learning rates, as a scheduler would between two steps.
void decay(torch::optim::Optimizer& optimizer) {
  for (auto& group : optimizer.param_groups()) {
    group.options().set_lr(group.options().get_lr() / 2);
  }
}

/// A folder of its own for one test.
struct Scratch {
  std::filesystem::path folder;
  explicit Scratch(const char* name) : folder(std::filesystem::temp_directory_path() / name) {
    support::remove_folder(folder);
    std::filesystem::create_directories(folder);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { support::remove_folder(folder); }
};

/// Four steps in one go against two, save, load into a new optimizer over copied weights, two.
template <class Base, class Recipe>
bool resumes(Recipe recipe, at::ScalarType type) {
  Network whole(2, type);
  auto straight = roga::wrap<typename Base::Type>(recipe, whole.parameters(), Base::options());
  for (int step = 0; step < 4; ++step) {
    straight.step(whole.closures());
    decay(straight);
  }

  Network half(2, type);
  std::string bytes;
  {
    auto first = roga::wrap<typename Base::Type>(recipe, half.parameters(), Base::options());
    for (int step = 0; step < 2; ++step) {
      first.step(half.closures());
      decay(first);
    }
    bytes = saved(first);
  }
  auto second = roga::wrap<typename Base::Type>(recipe, half.parameters(), Base::options());
  load(second, bytes);
  for (int step = 2; step < 4; ++step) {
    second.step(half.closures());
    decay(second);
  }
  return problems::same_bits(whole.parameters(), half.parameters());
}

}  // namespace

TEMPLATE_TEST_CASE("checkpoint: a resumed run equals an uninterrupted one bit for bit",
                   "[checkpoint][serialize]", bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad,
                   bases::RmsProp, bases::Lbfgs) {
  for (const auto type : {at::kDouble, at::kFloat}) {
    CHECK(resumes<TestType>(recipes::erm(), type));
    CHECK(resumes<TestType>(recipes::sam(), type));
    CHECK(resumes<TestType>(recipes::asam(), type));
    CHECK(resumes<TestType>(recipes::sagm(), type));
    CHECK(resumes<TestType>(recipes::gac_fas(), type));
    CHECK(resumes<TestType>(recipes::roga(), type));
    CHECK(resumes<TestType>(recipes::roga_pooled(), type));
  }
}

TEST_CASE("checkpoint: a plain base reads the file", "[checkpoint][serialize]") {
  Network net(1);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam({.rho = 0}), net.parameters(),
                                                 bases::Sgd::options());
  for (int step = 0; step < 3; ++step) optimizer.step(net.closure(0));
  Network twin(1);
  for (std::size_t i = 0; i < net.parameters().size(); ++i) {
    torch::NoGradGuard no_grad;
    twin.parameters()[i].copy_(net.parameters()[i]);
  }
  torch::optim::SGD plain(twin.parameters(), bases::Sgd::options());
  load(plain, saved(optimizer));
  optimizer.step(net.closure(0));
  plain.step(twin.closure(0));
  CHECK(problems::same_bits(net.parameters(), twin.parameters()));
}

TEST_CASE("checkpoint: an optimizer chosen at run time resumes", "[checkpoint][serialize]") {
  Network a(2);
  Network b(2);
  auto make = [](Network& net) {
    return roga::wrap(std::unique_ptr<torch::optim::Optimizer>(new torch::optim::Adam(
                          net.parameters(), torch::optim::AdamOptions(0.01))),
                      recipes::roga());
  };
  auto straight = make(a);
  for (int step = 0; step < 4; ++step) straight.step(a.closures());
  auto first = make(b);
  for (int step = 0; step < 2; ++step) first.step(b.closures());
  auto second = make(b);
  load(second, saved(first));
  for (int step = 0; step < 2; ++step) second.step(b.closures());
  CHECK(problems::same_bits(a.parameters(), b.parameters()));
}

TEST_CASE("checkpoint: learning rates come back", "[checkpoint][serialize]") {
  Network net(1);
  auto make = [&] {
    return roga::wrap<torch::optim::Adam>(recipes::sam(), net.parameters(),
                                          torch::optim::AdamOptions(0.01));
  };
  auto optimizer = make();
  optimizer.param_groups()[0].options().set_lr(0.003);
  auto other = make();
  load(other, saved(optimizer));
  CHECK(other.param_groups()[0].options().get_lr() == 0.003);
}

TEST_CASE("checkpoint: a truncated, foreign or unfitting file throws and changes nothing",
          "[checkpoint][serialize]") {
  Network net(2);
  auto optimizer = roga::wrap<torch::optim::Adam>(recipes::roga(), net.parameters(),
                                                  torch::optim::AdamOptions(0.01));
  Network twin(2);
  auto untouched = roga::wrap<torch::optim::Adam>(recipes::roga(), twin.parameters(),
                                                  torch::optim::AdamOptions(0.01));
  optimizer.step(net.closures());
  untouched.step(twin.closures());
  const auto bytes = saved(optimizer);

  std::vector<std::string> bad;
  for (const std::size_t share : {0, 1, 5, 9})
    bad.push_back(bytes.substr(0, bytes.size() * share / 10));
  bad.push_back(bytes.substr(0, bytes.size() - 1));
  bad.emplace_back("this is no archive");
  {
    std::ostringstream tensor;
    torch::save(torch::ones({3}), tensor);
    bad.push_back(tensor.str());
    torch::optim::Adam plain(net.parameters(), torch::optim::AdamOptions(0.01));
    bad.push_back(saved(plain));
    auto other_size = torch::ones({2}, at::kDouble).requires_grad_();
    auto small = roga::wrap<torch::optim::Adam>(
        recipes::roga(), std::vector<at::Tensor>{other_size}, torch::optim::AdamOptions(0.5));
    bad.push_back(saved(small));
  }
  for (const auto& file : bad) CHECK_THROWS_AS(load(optimizer, file), c10::Error);
  CHECK(optimizer.param_groups()[0].options().get_lr() == 0.01);
  for (int step = 0; step < 2; ++step) {
    optimizer.step(net.closures());
    untouched.step(twin.closures());
  }
  CHECK(problems::same_bits(net.parameters(), twin.parameters()));
}

TEST_CASE("checkpoint: a file is written as a whole, and any changed bit is refused",
          "[checkpoint][serialize]") {
  namespace fs = std::filesystem;
  const Scratch scratch("roga_checkpoint_test");
  const auto& folder = scratch.folder;
  const auto file = folder / "optimizer.pt";
  Network net(1);
  auto make = [&](double rate) {
    return roga::wrap<torch::optim::Adam>(recipes::fsam(), net.parameters(),
                                          torch::optim::AdamOptions(rate));
  };
  auto optimizer = make(0.01);
  for (int step = 0; step < 2; ++step) optimizer.step(net.closure(0));
  roga::save_checkpoint(optimizer, file);
  CHECK(std::distance(fs::directory_iterator(folder), {}) == 1);
  auto other = make(0.5);
  roga::load_checkpoint(other, file);
  CHECK(other.param_groups()[0].options().get_lr() == 0.01);
  auto third = make(0.5);
  torch::load(third, file.string());
  CHECK(third.param_groups()[0].options().get_lr() == 0.01);

  auto message = [&](const fs::path& path) {
    auto untouched = make(0.5);
    try {
      roga::load_checkpoint(untouched, path);
    } catch (const c10::Error& error) {
      CHECK(untouched.param_groups()[0].options().get_lr() == 0.5);
      return std::string(error.what_without_backtrace());
    }
    return std::string();
  };
  std::string bytes;
  {
    std::ifstream stream(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(stream), {});
  }
  for (std::size_t at = 0; at < bytes.size(); at += 997) {
    auto bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    std::ofstream(folder / "bad.pt", std::ios::binary) << bad;
    CHECK(message(folder / "bad.pt").find("bad.pt is damaged") != std::string::npos);
  }
  std::ofstream(folder / "bad.pt", std::ios::binary) << "x";
  CHECK(message(folder / "bad.pt").find("bad.pt is damaged") != std::string::npos);
  CHECK(message(folder / "none.pt").find("cannot read") != std::string::npos);
  CHECK_THROWS_AS(roga::save_checkpoint(optimizer, folder / "no" / "folder.pt"), c10::Error);
  CHECK_THROWS_AS(roga::save_checkpoint(optimizer, "/dev/full/x.pt"), c10::Error);
}

TEST_CASE("checkpoint: whatever is saved is loaded", "[checkpoint][serialize]") {
  const Scratch scratch("roga_checkpoint_kinds_test");
  const auto file = scratch.folder / "value.pt";
  auto go = [&](const auto& value, auto& other) {
    roga::save_checkpoint(value, file);
    roga::load_checkpoint(other, file, at::kCPU);
  };
  namespace nn = torch::nn;

  SECTION("tensors") {
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{{2, 3}, {0}, {}}) {
      const at::Tensor tensor = torch::randn(shape);
      at::Tensor none;
      at::Tensor some = torch::zeros(shape);
      go(tensor, none);
      CHECK(problems::same_bits(none, tensor));
      go(tensor, some);
      CHECK(problems::same_bits(some, tensor));
    }
  }
  SECTION("lists of tensors") {
    for (const std::size_t count : {0, 1, 12}) {
      std::vector<at::Tensor> list(count, torch::randn({2}));
      std::vector<at::Tensor> other{torch::ones({5})};
      go(list, other);
      CHECK(problems::same_bits(other, list));
    }
  }
  SECTION("modules, their holders and pointers") {
    struct Own : nn::Module {
      explicit Own(double value) {
        register_parameter("w", torch::full({2}, value));
        register_buffer("b", torch::full({3}, value));
        register_module("inner", nn::Linear(2, 2));
      }
    };
    Own one(1);
    Own other(2);
    const auto w = other.parameters()[0];
    go(one, other);
    CHECK(problems::same_bits(other.parameters(), one.parameters()));
    CHECK(problems::same_bits(other.buffers(), one.buffers()));
    CHECK(other.parameters()[0].is_same(w));

    auto shared = std::make_shared<Own>(3);
    go(shared, other);
    CHECK(problems::same_bits(other.parameters(), shared->parameters()));
    std::shared_ptr<nn::Module> as_module = std::make_shared<Own>(4);
    go(one, as_module);
    CHECK(problems::same_bits(as_module->parameters(), one.parameters()));

    const nn::Sequential holder(nn::Linear(3, 4), nn::BatchNorm1d(4));
    nn::Sequential other_holder(nn::Linear(3, 4), nn::BatchNorm1d(4));
    go(holder, other_holder);
    CHECK(problems::same_bits(other_holder->parameters(), holder->parameters()));
    go(*holder, *other_holder);
    nn::Linear linear(3, 4);
    nn::Linear other_linear(3, 4);
    go(linear, other_linear);
    CHECK(problems::same_bits(other_linear->weight, linear->weight));
  }
  SECTION("TorchScript modules") {
    auto make = [](double value) {
      torch::jit::Module inner("inner");
      inner.register_parameter("w", torch::full({2}, value), /*is_buffer=*/false);
      torch::jit::Module module("outer");
      module.register_parameter("v", torch::full({3}, value), false);
      module.register_buffer("b", torch::full({1}, value));
      module.register_module("inner", inner);
      return module;
    };
    auto one = make(1);
    auto other = make(2);
    const at::Tensor v = other.attr("v").toTensor();
    const at::Tensor w = other.attr("inner").toModule().attr("w").toTensor();
    go(one, other);
    CHECK(v.sum().item<double>() == 3);
    CHECK(w.sum().item<double>() == 2);
    CHECK(other.attr("b").toTensor().item<double>() == 1);
    torch::serialize::InputArchive read;
    read.load_from(file.string());
    at::Tensor saved_v;
    read.read("v", saved_v);
    CHECK(saved_v.sum().item<double>() == 3);

    torch::jit::Module small("small");
    small.register_parameter("v", torch::zeros({3}), false);
    go(one, small);  // it has what is asked for
    CHECK(small.attr("v").toTensor().sum().item<double>() == 3);
    small.register_parameter("u", torch::zeros({1}), false);
    v.zero_();
    roga::save_checkpoint(small, file);
    CHECK_THROWS_AS(roga::load_checkpoint(other, file), c10::Error);
    CHECK(v.sum().item<double>() == 0);
  }
  SECTION("archives") {
    torch::serialize::OutputArchive archive;
    archive.write("epoch", c10::IValue(std::int64_t{7}));
    archive.write("mean", torch::ones({2}));
    torch::serialize::InputArchive read;
    go(archive, read);
    c10::IValue epoch;
    read.read("epoch", epoch);
    CHECK(epoch.toInt() == 7);
    at::Tensor mean;
    read.read("mean", mean);
    CHECK(mean.numel() == 2);
    CHECK_THROWS_AS(roga::load_checkpoint(read, scratch.folder / "none.pt"), c10::Error);
    read.read("epoch", epoch);
  }
  SECTION("optimizers") {
    Network net(1);
    auto check = [&](auto one, auto other) {
      one.step(net.closure(0));
      go(one, other);
      CHECK(other.state().size() == 4);
    };
    using torch::optim::Adam;
    auto wrapped = [&] { return roga::wrap<Adam>(recipes::sam(), net.parameters()); };
    auto late = [&] {
      return roga::wrap(std::make_unique<Adam>(net.parameters()), recipes::sam());
    };
    check(wrapped(), wrapped());
    check(late(), late());
    check(wrapped(), late());
    check(Adam(net.parameters()), Adam(net.parameters()));
  }
}

TEST_CASE("checkpoint: a file of another kind of value is refused and changes nothing",
          "[checkpoint][serialize]") {
  const Scratch scratch("roga_checkpoint_foreign_test");
  namespace nn = torch::nn;
  Network net(1);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam(), net.parameters(),
                                                 torch::optim::SGDOptions(.1).momentum(.9));
  optimizer.step(net.closure(0));
  nn::Sequential module(nn::Linear(3, 4), nn::BatchNorm1d(4));
  nn::Sequential wider(nn::Linear(3, 5), nn::BatchNorm1d(5));
  nn::Sequential longer(nn::Linear(3, 4), nn::Linear(4, 4));
  at::Tensor tensor = torch::randn({2});
  std::vector<at::Tensor> list{tensor, tensor};
  auto file = [&](const char* name) { return scratch.folder / name; };
  roga::save_checkpoint(optimizer, file("optimizer"));
  roga::save_checkpoint(module, file("module"));
  roga::save_checkpoint(wider, file("wider"));
  roga::save_checkpoint(longer, file("longer"));
  roga::save_checkpoint(tensor, file("tensor"));
  roga::save_checkpoint(list, file("list"));
  roga::save_checkpoint(torch::optim::SGD(net.parameters(), torch::optim::SGDOptions(.1)),
                        file("plain"));
  auto refused = [&](auto& value, const char* name) {
    INFO(name);
    return support::message_of([&] { roga::load_checkpoint(value, file(name)); });
  };
  const auto weights = problems::copy(module->parameters());
  const auto buffers = problems::copy(module->buffers());
  for (const char* name : {"optimizer", "wider", "longer", "tensor", "list"}) {
    CHECK(refused(module, name) != "nothing");
    CHECK(refused(*module, name) != "nothing");
    CHECK(problems::same_bits(module->parameters(), weights));
    CHECK(problems::same_bits(module->buffers(), buffers));
  }
  CHECK_THAT(refused(module, "wider"), ContainsSubstring("parameter 0 has shape [5, 3], the "
                                                         "module's [4, 3]"));
  const auto before = saved(optimizer);
  for (const char* name : {"module", "tensor", "list", "plain"}) {
    CHECK(refused(optimizer, name) != "nothing");
    CHECK(saved(optimizer) == before);
  }
  CHECK_THAT(refused(optimizer, "plain"), ContainsSubstring("roga::load_plain"));
  for (const char* name : {"module", "optimizer", "plain"}) {
    CHECK(refused(tensor, name) != "nothing");
    CHECK(refused(list, name) != "nothing");
    CHECK(list.size() == 2);
  }
}

TEST_CASE("checkpoint: a parameter listed twice has one state in a file, which is refused",
          "[checkpoint][serialize]") {
  auto check = [](auto options, auto base) {
    using Base = typename decltype(base)::Type;
    auto w = problems::leaf({1, 2});
    auto v = problems::leaf({3});
    auto make = [&] {
      return roga::wrap<Base>(recipes::sam(), std::vector<at::Tensor>{w, v, w}, options);
    };
    auto optimizer = make();
    auto step = [&] {
      optimizer.step([&] {
        auto loss = (w.sum() * v).square().sum();
        loss.backward();
        return loss;
      });
    };
    step();
    const auto before = saved(optimizer);
    CHECK_THAT(support::message_of([&] { load(optimizer, before); }),
               ContainsSubstring("listed twice"));
    CHECK(saved(optimizer) == before);
    step();
  };
  check(bases::Sgd::options(), bases::Sgd());
  check(bases::Adam::options(), bases::Adam());
  check(bases::RmsProp::options(), bases::RmsProp());
}

TEST_CASE("checkpoint: an archive with parts missing or wrong is refused and changes nothing",
          "[checkpoint][serialize]") {
  Network net(1);
  auto make = [&] {
    return roga::wrap<torch::optim::SGD>(recipes::fsam(), net.parameters(),
                                         torch::optim::SGDOptions(0.1).momentum(0.9));
  };
  auto optimizer = make();
  for (int step = 0; step < 2; ++step) optimizer.step(net.closure(0));
  const auto before = saved(optimizer);
  // The base's part as it should be, and beside it a "roga" entry that is wrong in one way each.
  using torch::serialize::OutputArchive;
  using Wrong = std::function<void(OutputArchive&)>;
  auto options = [&](OutputArchive& roga) {
    OutputArchive group(roga.compilation_unit());
    optimizer.param_groups()[0].options().serialize(group);
    roga.write("options0", group);
  };
  c10::Dict<std::string, std::vector<double>> numbers;
  c10::Dict<std::string, c10::List<at::Tensor>> rows;
  rows.insert("friendly/mean", c10::List<at::Tensor>({torch::ones({7}, at::kDouble)}));
  const std::vector<Wrong> wrongs{
      [](OutputArchive&) {},
      [](OutputArchive& roga) { roga.write("format", c10::IValue(std::int64_t{99})); },
      [](OutputArchive& roga) { roga.write("format", c10::IValue("one")); },
      [&](OutputArchive& roga) {
        roga.write("format", c10::IValue(std::int64_t{1}));
        roga.write("groups", c10::IValue(std::int64_t{2}));
      },
      [&](OutputArchive& roga) {
        roga.write("format", c10::IValue(std::int64_t{1}));
        roga.write("groups", c10::IValue(std::int64_t{1}));
        options(roga);
      },
      [&](OutputArchive& roga) {
        roga.write("format", c10::IValue(std::int64_t{1}));
        roga.write("groups", c10::IValue(std::int64_t{1}));
        options(roga);
        roga.write("step", c10::IValue("three"));
      },
      [&](OutputArchive& roga) {
        roga.write("format", c10::IValue(std::int64_t{1}));
        roga.write("groups", c10::IValue(std::int64_t{1}));
        options(roga);
        roga.write("step", c10::IValue(std::int64_t{3}));
        roga.write("numbers", c10::IValue(numbers));
        roga.write("rows", c10::IValue(rows));  // of another shape
      },
  };
  for (const auto& wrong : wrongs) {
    std::stringstream stream;
    {
      OutputArchive archive;
      torch::optim::SGD plain(net.parameters(), torch::optim::SGDOptions(0.7));
      plain.save(archive);
      OutputArchive roga(archive.compilation_unit());
      wrong(roga);
      archive.write("roga", roga);
      archive.save_to(stream);
    }
    CHECK_THROWS_AS(torch::load(optimizer, stream), c10::Error);
    CHECK(optimizer.param_groups()[0].options().get_lr() == 0.1);
  }
  CHECK(saved(optimizer) == before);
}

TEST_CASE("checkpoint: a file for other shapes is refused", "[checkpoint][serialize]") {
  std::stringstream file;
  auto small = problems::leaf({1, 2, 3});
  auto first = roga::wrap<torch::optim::SGD>(recipes::sam(), {small},
                                             torch::optim::SGDOptions(.5).momentum(.9));
  first.step([&] {
    auto loss = small.square().sum();
    loss.backward();
    return loss;
  });
  torch::save(first, file);
  auto large = problems::leaf({1, 2, 3, 4});
  auto second =
      roga::wrap<torch::optim::SGD>(recipes::sam(), {large}, torch::optim::SGDOptions(.1));
  CHECK_THAT(support::message_of([&] { torch::load(second, file); }),
             ContainsSubstring("parameter 0 has shape [3], the optimizer's [4]"));
  CHECK(second.param_groups()[0].options().get_lr() == .1);
}

TEST_CASE("checkpoint: a resumed run keeps the base optimizer's state",
          "[checkpoint][defects][defect-5]") {
  const auto options = torch::optim::SGDOptions(0.05).momentum(0.9);
  auto naive = [&](bool interrupted) {
    auto w = problems::leaf({1, 2});
    naive::NaiveSam sam{{w}};
    auto base = std::make_unique<torch::optim::SGD>(naive::Weights{w}, options);
    for (int step = 0; step < 6; ++step) {
      if (interrupted && step == 3)
        base = std::make_unique<torch::optim::SGD>(naive::Weights{w}, options);
      sam.step(*base, naive::square_loss(w));
    }
    return problems::copy({w});
  };
  CHECK_FALSE(problems::same_bits(naive(true), naive(false)));

  auto here = [&](bool interrupted) {
    auto w = problems::leaf({1, 2});
    auto make = [&] {
      using Optimizer = decltype(naive::robust({w}, 0.0));
      return std::unique_ptr<Optimizer>(
          new Optimizer(roga::wrap<torch::optim::SGD>(recipes::sam(), naive::Weights{w}, options)));
    };
    auto optimizer = make();
    for (int step = 0; step < 6; ++step) {
      if (interrupted && step == 3) {
        std::stringstream file;
        torch::save(*optimizer, file);
        optimizer = make();
        torch::load(*optimizer, file);
      }
      optimizer->step(naive::square_loss(w));
    }
    return problems::copy({w});
  };
  CHECK(problems::same_bits(here(true), here(false)));
}
