// SPDX-License-Identifier: MIT
// Batches of several domains: where they come from, and in which groups a step sees them.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <roga/checkpoint.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/saved.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using roga::DomainLoader;
using roga::Samples;
using support::load;
using support::message_of;
using support::saved;

namespace {

using Numbers = std::vector<std::int64_t>;

Numbers numbers(const at::Tensor& tensor) {
  const auto list = tensor.to(at::kLong).contiguous();
  return {list.data_ptr<std::int64_t>(), list.data_ptr<std::int64_t>() + list.numel()};
}
/// The numbers from `first` on; targets are their negatives.
Samples counted(std::int64_t count, std::int64_t first = 0) {
  const auto data = torch::arange(first, first + count);
  return {data, -data};
}
std::vector<Samples> domains(const Numbers& sizes) {
  std::vector<Samples> list;
  for (const auto size : sizes) list.push_back(counted(size));
  return list;
}
/// What each domain gives in `steps` steps, one after the other.
template <class Loader>
std::vector<Numbers> drawn(Loader& loader, std::int64_t steps) {
  std::vector<Numbers> all(loader.domains());
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto batches = loader.next();
    for (std::size_t k = 0; k < all.size(); ++k) {
      const auto batch = numbers(batches[k].data);
      all[k].insert(all[k].end(), batch.begin(), batch.end());
    }
  }
  return all;
}
Numbers sorted(Numbers list) {
  std::sort(list.begin(), list.end());
  return list;
}
at::Tensor generator_state() { return at::globalContext().defaultGenerator(at::kCPU).get_state(); }

/// As LibTorch's users write them.
struct Squares : torch::data::datasets::Dataset<Squares> {
  std::size_t count;
  explicit Squares(std::size_t n) : count(n) {}
  torch::data::Example<> get(std::size_t i) override {
    const auto x = static_cast<double>(i);
    return {torch::full({2}, x), torch::full({}, x * x)};
  }
  c10::optional<std::size_t> size() const override { return count; }
};
/// One that is not LibTorch's.
struct Plain {
  std::optional<std::size_t> count;
  const bool* fails = nullptr;
  Numbers get_batch(const std::vector<std::size_t>& indices) const {
    if (fails != nullptr && *fails) throw std::runtime_error("a file is gone");
    return {indices.begin(), indices.end()};
  }
  std::optional<std::size_t> size() const { return count; }
};
struct Pair {
  at::Tensor data, target;
};

/// Three domains of unequal sizes, the second absent; all samples are different.
std::vector<Samples> three() { return {counted(4), {}, counted(2, 4), counted(6, 6)}; }

}  // namespace

// The numbers come from a program of its own, after the standard's seed_seq and mersenne_twister.
TEST_CASE("shuffle: orders are those of the description on every platform", "[loader][golden]") {
  CHECK(roga::detail::permutation(6, {1, 2}) == std::vector<std::size_t>{2, 0, 3, 5, 4, 1});
  CHECK(roga::detail::permutation(0, {1}).empty());
  const std::uint64_t seed = (std::uint64_t{1} << 32U) + 7;
  DomainLoader loader(domains({5, 3}), {.batch_size = 1, .seed = seed});
  const auto all = drawn(loader, 10);
  CHECK(all[0] == Numbers{1, 4, 2, 0, 3, 4, 1, 2, 0, 3});
  CHECK(all[1] == Numbers{0, 2, 1, 0, 2, 1, 1, 2, 0, 1});
  const std::vector<Samples> seven{counted(3), counted(4, 3)};
  const auto groups = roga::regroup(seven, {.seed = seed, .step = 3});
  CHECK(numbers(groups[0].data) == Numbers{6, 4, 1});
  CHECK(numbers(groups[1].data) == Numbers{3, 2, 0, 5});
}

TEST_CASE("domain_loader: each sample of a domain comes once in each of its epochs", "[loader]") {
  const Numbers sizes{7, 4, 20, 1, 6};
  for (const std::int64_t batch_size : {1, 4, 6, 9}) {
    CAPTURE(batch_size);
    DomainLoader loader(domains(sizes), {.batch_size = batch_size, .seed = 3});
    CHECK(loader.domains() == 5);
    const auto all = drawn(loader, 50);
    CHECK(loader.step() == 50);
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      CHECK(all[k].size() == static_cast<std::size_t>(50 * batch_size));
      CHECK(loader.epoch(k) == 50 * batch_size / sizes[k]);
      std::set<Numbers> orders;
      for (auto at = all[k].begin(); all[k].end() - at >= sizes[k]; at += sizes[k]) {
        const Numbers order(at, at + sizes[k]);
        orders.insert(order);
        CHECK(sorted(order) == numbers(counted(sizes[k]).data));
      }
      if (sizes[k] == 20) CHECK(orders.size() == static_cast<std::size_t>(loader.epoch(k)));
    }
  }
}

TEST_CASE("domain_loader: data and target stay together, in tensors of their own", "[loader]") {
  const Samples all{torch::randn({9, 2, 3}), torch::arange(9)};
  DomainLoader loader(std::vector{all}, {.batch_size = 4});
  const auto batch = loader.next()[0];
  CHECK(batch.data.sizes() == at::IntArrayRef({4, 2, 3}));
  CHECK(batch.target.scalar_type() == at::kLong);
  CHECK(torch::equal(batch.data, all.data.index({batch.target})));
  batch.data.zero_();
  CHECK(all.data.ne(0).all().item<bool>());
  DomainLoader without(std::vector{Samples{all.data, {}}}, {.batch_size = 4});
  CHECK_FALSE(without.next()[0].target.defined());
}

TEST_CASE("domain_loader: seeds and domains have orders of their own", "[loader]") {
  auto of = [](std::uint64_t seed) {
    DomainLoader loader(domains({30, 30}), {.batch_size = 30, .seed = seed});
    return drawn(loader, 1);
  };
  CHECK(of(1) == of(1));
  CHECK(of(1) != of(2));
  CHECK(of(1) != of((std::uint64_t{1} << 32U) + 1));
  CHECK(of(1)[0] != of(1)[1]);
}

TEST_CASE("domain_loader: goes on from any position bit for bit", "[loader][serialize]") {
  const Numbers sizes{7, 4, 10, 2};
  auto make = [&](std::uint64_t seed) {
    return DomainLoader(domains(sizes), {.batch_size = 3, .seed = seed});
  };
  for (std::int64_t at = 0; at < 25; ++at) {
    auto straight = make(5);
    drawn(straight, at);
    const auto bytes = saved(straight);
    const auto rest = drawn(straight, 12);
    auto resumed = make(6);
    drawn(resumed, 2);
    load(resumed, bytes);
    CHECK(resumed.step() == at);
    CHECK(resumed.epoch(1) == 3 * at / 4);
    CHECK(drawn(resumed, 12) == rest);
    load(resumed, bytes);  // back again
    CHECK(drawn(resumed, 12) == rest);
  }
}

TEST_CASE("domain_loader: checkpoint files hold it, alone or beside others",
          "[loader][serialize]") {
  const auto file = std::filesystem::temp_directory_path() / "roga_domain_loader_test.pt";
  DomainLoader loader(domains({7, 4}), {.batch_size = 3, .seed = 5});
  DomainLoader alone(domains({7, 4}), {.batch_size = 3});
  DomainLoader beside(domains({7, 4}), {.batch_size = 3});
  drawn(loader, 4);
  roga::save_checkpoint(loader, file);
  roga::load_checkpoint(alone, file, at::kCPU);
  torch::serialize::OutputArchive written;
  loader.save(written);
  written.write("loss", torch::ones({1}));
  roga::save_checkpoint(written, file);
  auto read = roga::open_checkpoint(file);
  beside.load(read);
  std::filesystem::remove(file);
  const auto rest = drawn(loader, 9);
  CHECK(drawn(alone, 9) == rest);
  CHECK(drawn(beside, 9) == rest);
}

TEST_CASE("domain_loader: a batch of another size goes on at the same sample",
          "[loader][serialize]") {
  DomainLoader loader(domains({7, 4}), {.batch_size = 3, .seed = 5});
  DomainLoader wider(domains({7, 4}), {.batch_size = 6});
  drawn(loader, 3);
  load(wider, saved(loader));
  CHECK(wider.step() == 3);
  CHECK(drawn(wider, 5) == drawn(loader, 10));
  CHECK(wider.step() == 8);
}

TEST_CASE("domain_loader: a file of something else is refused and changes nothing",
          "[loader][serialize]") {
  DomainLoader loader(domains({7, 4}), {.batch_size = 3, .seed = 5});
  DomainLoader twin(domains({7, 4}), {.batch_size = 3, .seed = 5});
  DomainLoader other(domains({7, 5}), {.batch_size = 3});
  drawn(loader, 2);
  drawn(twin, 2);
  auto refused = [&](const auto& value) { return message_of([&] { load(loader, saved(value)); }); };
  CHECK_THAT(refused(other), ContainsSubstring("over [7, 5] samples, this one has [7, 4]"));
  CHECK_THAT(refused(torch::ones({3})), ContainsSubstring("not saved by a DomainLoader"));
  auto of = [&](const at::Tensor& entry) {
    return message_of([&] {
      torch::serialize::OutputArchive archive;
      archive.write("domain_loader", entry);
      std::stringstream stream;
      archive.save_to(stream);
      load(loader, stream.str());
    });
  };
  auto list = [](const Numbers& entries) { return torch::tensor(entries, at::kLong); };
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK(of(list({1, 2, 6, 5, 7, 4})) == "nothing");
  CHECK_THAT(of(list({1, 2, 6})), ContainsSubstring("list of whole numbers"));
  CHECK_THAT(of(torch::ones({6})), ContainsSubstring("list of whole numbers"));
  CHECK_THAT(of(torch::ones({6, 1}, at::kLong)), ContainsSubstring("list of whole numbers"));
  for (const auto& bad : {Numbers{2, 2, 6, 5, 7, 4}, Numbers{1, -1, 6, 5, 7, 4},
                          Numbers{1, 2, -6, 5, 7, 4}, Numbers{1, 2, most, 5, 7, 4}}) {
    CHECK_THAT(of(list(bad)), ContainsSubstring("later version, or damaged"));
  }
  CHECK_THAT(of(list({1, 2, 6, 5, 7})), ContainsSubstring("[7] samples"));
  CHECK(drawn(loader, 9) == drawn(twin, 9));
}

TEST_CASE("domain_loader: takes LibTorch's data sets with their transforms, and others",
          "[loader]") {
  using torch::data::transforms::Stack;
  DomainLoader loader(std::vector{Squares(6).map(Stack<>()), Squares(4).map(Stack<>())},
                      {.batch_size = 6});
  static_assert(std::is_same_v<decltype(loader)::Batch, torch::data::Example<>>);
  const auto batch = loader.next()[0];
  CHECK(batch.data.sizes() == at::IntArrayRef({6, 2}));
  CHECK(sorted(numbers(batch.target)) == Numbers{0, 1, 4, 9, 16, 25});
  CHECK(torch::equal(batch.data.select(1, 0).square(), batch.target));

  DomainLoader unstacked(std::vector{Squares(6)}, {.batch_size = 2});
  CHECK(unstacked.next()[0].size() == 2);
  DomainLoader plain(std::vector{Plain{3}}, {.batch_size = 3});
  CHECK(sorted(plain.next()[0]) == Numbers{0, 1, 2});
  static_assert(!roga::IndexedDataset<at::Tensor>);
}

TEST_CASE("domain_loader: a data set that throws leaves the position", "[loader]") {
  bool fails = false;
  auto make = [&] {
    return DomainLoader(std::vector{Plain{3}, Plain{3, &fails}}, {.batch_size = 2, .seed = 1});
  };
  auto loader = make();
  auto twin = make();
  for (int step = 0; step < 6; ++step) {
    const auto expected = twin.next();
    fails = true;
    CHECK_THROWS_AS(loader.next(), std::runtime_error);
    fails = false;
    CHECK(loader.step() == step);
    CHECK(loader.next() == expected);
  }
}

TEST_CASE("domain_loader: says which domain or option it cannot work with", "[loader][message]") {
  auto message = [](std::vector<Samples> list, std::int64_t batch_size = 2) {
    return message_of([&] { DomainLoader(std::move(list), {.batch_size = batch_size}); });
  };
  CHECK_THAT(message({}), ContainsSubstring("no domains"));
  CHECK_THAT(message({counted(2), counted(0)}), ContainsSubstring("domain 1 without samples"));
  CHECK_THAT(message({Samples{}}), ContainsSubstring("domain 0 without samples"));
  CHECK_THAT(message({counted(2)}, 0), ContainsSubstring("batch_size must be at least 1, got 0"));
  CHECK_THAT(message({{torch::ones({3}), torch::ones({4})}}),
             ContainsSubstring("3 samples in its data and 4 in its target"));
  CHECK_THAT(message({{torch::ones({}), {}}}), ContainsSubstring("first dimension"));
  CHECK_THAT(message_of([] { DomainLoader(std::vector{Plain{}}); }),
             ContainsSubstring("know their size()"));
}

TEST_CASE("domain_loader: nothing is drawn from LibTorch's generator", "[loader]") {
  torch::manual_seed(1);
  const auto before = generator_state();
  DomainLoader loader(domains({7, 4}), {.batch_size = 3});
  drawn(loader, 20);
  roga::regroup(three());
  CHECK(torch::equal(generator_state(), before));
  // LibTorch's own does so when it is made, and again for each pass.
  using torch::data::transforms::Stack;
  const auto own = torch::data::make_data_loader(Squares(6).map(Stack<>()), /*batch_size=*/2);
  const auto made = generator_state();
  own->begin();
  CHECK_FALSE(torch::equal(made, before));
  CHECK_FALSE(torch::equal(generator_state(), made));
}

TEST_CASE("regroup: each sample comes once, in groups of the sizes before", "[regroup]") {
  const auto batches = three();
  const auto groups = roga::regroup(batches, {.seed = 1, .step = 4});
  REQUIRE(groups.size() == 4);
  CHECK_FALSE(groups[1].data.defined());
  CHECK_FALSE(groups[1].target.defined());
  Numbers all;
  for (std::size_t k = 0; k < 4; ++k) {
    if (k == 1) continue;
    CHECK(groups[k].data.sizes() == batches[k].data.sizes());
    CHECK(torch::equal(groups[k].target, -groups[k].data));
    const auto group = numbers(groups[k].data);
    all.insert(all.end(), group.begin(), group.end());
  }
  CHECK(sorted(all) == numbers(torch::arange(12)));
  CHECK(numbers(batches[0].data) == Numbers{0, 1, 2, 3});
  groups[0].data.zero_();
  CHECK(numbers(batches[0].data) == Numbers{0, 1, 2, 3});
}

TEST_CASE("regroup: seed and step decide, evenly over all groups", "[regroup]") {
  auto of = [](std::uint64_t seed, std::int64_t step) {
    return numbers(roga::regroup(three(), {.seed = seed, .step = step})[3].data);
  };
  CHECK(of(1, 4) == of(1, 4));
  CHECK(of(1, 4) != of(2, 4));
  CHECK(of(1, 4) != of(1, 5));
  CHECK(of(1, 4) != of(1, 4 + (std::int64_t{1} << 32U)));

  const std::vector<Samples> pairs{counted(2), counted(2, 2)};
  std::map<Numbers, int> times;
  for (std::int64_t step = 0; step < 6000; ++step) {
    ++times[sorted(numbers(roga::regroup(pairs, {.step = step})[0].data))];
  }
  CHECK(times.size() == 6);  // expected 1000 of each, standard deviation 29
  for (const auto& [pair, count] : times) CHECK(std::abs(count - 1000) < 130);
}

TEST_CASE("regroup: takes examples, lists of tensors, data alone, and absent domains",
          "[regroup]") {
  auto agree = [](const auto& batches, auto data_of, auto target_of) {
    const auto expected = roga::regroup(three(), {.seed = 1});
    const auto groups = roga::regroup(batches, {.seed = 1});
    for (const std::size_t k : {0, 2, 3}) {
      CHECK(torch::equal(data_of(groups[k]), expected[k].data));
      CHECK(torch::equal(target_of(groups[k]), expected[k].target));
    }
    return groups;
  };
  using Example = torch::data::Example<>;
  using Tensors = std::vector<at::Tensor>;
  std::vector<Example> examples;
  std::vector<Pair> pairs;
  std::vector<Tensors> lists;
  std::vector<torch::data::TensorExample> data;
  for (const auto& batch : three()) {
    examples.push_back({batch.data, batch.target});
    pairs.push_back({batch.data, batch.target});
    lists.push_back(batch.data.defined() ? Tensors{batch.data, batch.target} : Tensors{});
    data.emplace_back(batch.data);
  }
  auto target = [](const auto& batch) { return batch.target; };
  agree(
      examples, [](const auto& batch) { return batch.data; }, target);
  agree(
      pairs, [](const auto& batch) { return batch.data; }, target);
  const auto groups = agree(
      lists, [](const auto& batch) { return batch[0]; },
      [](const auto& batch) { return batch[1]; });
  CHECK(groups[1].empty());
  agree(
      data, [](const auto& batch) { return batch.data; },
      [](const auto& batch) { return -batch.data; });

  examples[1] = {torch::ones({0}, at::kLong), torch::ones({0, 5})};  // as a filter leaves it
  const auto filtered = agree(
      examples, [](const auto& batch) { return batch.data; }, target);
  CHECK(filtered[1].target.sizes() == at::IntArrayRef({0, 5}));
  CHECK(roga::regroup(std::vector<Samples>(3)).size() == 3);
  CHECK(roga::regroup(std::vector<Samples>{}).empty());
  static_assert(!roga::BatchOfTensors<at::Tensor>);
}

TEST_CASE("regroup: samples that do not fit together are an error that names their domains",
          "[regroup][message]") {
  auto message = [](const at::Tensor& data, const at::Tensor& target) {
    const std::vector<Samples> list{{}, {torch::ones({2, 3}), torch::ones({2})}, {data, target}};
    return message_of([&] { roga::regroup(list); });
  };
  CHECK(message(torch::ones({5, 3}), torch::ones({5})) == "nothing");
  CHECK_THAT(message(torch::ones({5, 4}), torch::ones({5})),
             ContainsSubstring("shape [3], Float, on cpu in domain 1 and of shape [4], Float, on "
                               "cpu in domain 2 (tensor 0)"));
  CHECK_THAT(message(torch::ones({5, 3}), torch::ones({5}, at::kLong)),
             ContainsSubstring("Long, on cpu in domain 2 (tensor 1)"));
  CHECK_THAT(message(torch::ones({5, 3}, at::kMeta), torch::ones({5})),
             ContainsSubstring("on meta in domain 2"));
  CHECK_THAT(message(torch::ones({5, 3}), torch::ones({4})),
             ContainsSubstring("tensors of 5 and of 4 samples in domain 2"));
  CHECK_THAT(message(torch::ones({5, 3}), {}),
             ContainsSubstring("tensor 1 in one of the domains 1 and 2 only"));
  CHECK_THAT(message(torch::ones({}), {}), ContainsSubstring("without dimensions in domain 2"));
  const std::vector<std::vector<at::Tensor>> lists{{torch::ones({1})},
                                                   {torch::ones({1}), torch::ones({1})}};
  CHECK_THAT(message_of([&] { roga::regroup(lists); }),
             ContainsSubstring("1 tensors in domain 0 and 2 in domain 1"));
}

TEST_CASE("regroup: groups of one size leave the mean gradient, and not an ascent per group",
          "[regroup]") {
  auto trained = [](auto recipe, bool regrouped) {
    problems::Network net(3);
    std::vector<Samples> batches;
    for (std::size_t k = 0; k < 3; ++k) batches.push_back({net.inputs[k], net.targets[k]});
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
    for (std::int64_t step = 0; step < 5; ++step) {
      auto groups = batches;
      if (regrouped) groups = roga::regroup(batches, {.seed = 1, .step = step});
      std::vector<roga::LossClosure> closures;
      for (const auto& batch : groups) {
        closures.emplace_back([&net, batch] {
          auto loss = torch::mse_loss(net.net->forward(batch.data), batch.target);
          loss.backward();
          return loss;
        });
      }
      optimizer.step(closures);
    }
    return problems::copy(net.parameters());
  };
  auto moved = [&](auto recipe) {
    return problems::deviation(trained(recipe, true), trained(recipe, false));
  };
  CHECK(moved(recipes::erm()) < 1e-14);
  CHECK(moved(recipes::sam({.rho = 0.1})) < 1e-13);
  CHECK(moved(recipes::roga({.rho = 0.1})) > 1e-4);
}
