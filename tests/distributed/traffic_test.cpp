// SPDX-License-Identifier: MIT
// What the communicator sees of a step, beside what roga::traffic says.
#include <cmath>
#include <map>

#include "support/recipes.hpp"
#include "tests/distributed/worlds.hpp"

using ranks::Rank;

namespace {

/// Counts what passes.
class Counting final : public roga::Communicator {
 public:
  explicit Counting(std::shared_ptr<roga::Communicator> inner) : inner_(std::move(inner)) {}
  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  std::function<void()> add_up(at::Tensor tensor) override {
    if (tensor.scalar_type() == at::kFloat) {  // the network's type: rows
      numbers += tensor.numel();
      ++buckets;
    } else {
      ++meetings;
    }
    return inner_->add_up(std::move(tensor));
  }
  std::int64_t numbers = 0;
  int buckets = 0;
  int meetings = 0;

 private:
  std::shared_ptr<roga::Communicator> inner_;
};

struct Way {
  const char* name;
  roga::Placement placement;
  roga::Ascent ascent;
};
constexpr Way ways[] = {{"shards", roga::Placement::shards, roga::Ascent::global},
                        {"domains", roga::Placement::domains, roga::Ascent::global},
                        {"local", roga::Placement::shards, roga::Ascent::local}};

constexpr auto unshifted = roga::recipes::roga({.rho = 0.2, .alpha = 0});

/// A line for each recipe whose steps send anything else than is told.
std::string differences(Rank& me) {
  std::string out;
  const auto count = [&](const std::string& name, const auto& recipe, bool) {
    for (const Way& way : ways) {
      const auto rows = way.placement == roga::Placement::shards ? worlds::shards(me.count, false)
                                                                 : worlds::whole(me.count);
      worlds::World mine(rows, me.number, at::kFloat,
                         torch::nn::Sequential(torch::nn::Linear(5, 300), torch::nn::Tanh(),
                                               torch::nn::Linear(300, 2)));
      auto optimizer = roga::wrap<torch::optim::SGD>(recipe, mine.net->parameters(),
                                                     torch::optim::SGDOptions(0.01));
      auto group = std::make_shared<Counting>(me.group);
      try {
        optimizer.distribute({.group = group, .placement = way.placement, .ascent = way.ascent});
      } catch (const c10::Error&) {
        if (way.ascent != roga::Ascent::local) throw;
        continue;  // a recipe that remembers rows
      }
      group->numbers = group->buckets = group->meetings = 0;
      constexpr int steps = 6;  // a multiple of the periods
      for (int s = 0; s < steps; ++s) optimizer.step(mine.closures());
      const auto told = roga::traffic(recipe, 3, way.placement, way.ascent);
      const auto parameters = static_cast<double>(mine.flat().numel());
      // Beside the rows travels who has which of the four tensors.
      const double seen = static_cast<double>(group->numbers) / parameters / steps;
      const double extra = seen - told.rows;
      const bool same = extra >= 0 && extra < 0.01 * told.rows &&
                        std::fabs(group->buckets - told.collectives * steps) < 1e-9 &&
                        std::fabs(group->meetings - told.meetings * steps) < 1e-9;
      if (!same) {
        out += name + " " + way.name + ": rows " + std::to_string(seen) + ", buckets " +
               std::to_string(group->buckets) + ", meetings " + std::to_string(group->meetings) +
               " in " + std::to_string(steps) + " steps; told " + std::to_string(told.rows) + ", " +
               std::to_string(told.collectives) + ", " + std::to_string(told.meetings) + "\n";
      }
    }
  };
  every::recipe(count);
  count("roga without its shift", unshifted, true);
  return out;
}

}  // namespace

TEST_CASE("traffic: each step sends what roga::traffic says", "[distributed][cost]") {
  for (const std::size_t count : {2, 4}) {
    CHECK(ranks::agreed(ranks::run(count, differences, 120)) == "");
  }
}

TEST_CASE("traffic: no recipe sends more rows than the table says", "[distributed][cost]") {
  constexpr std::size_t K = 3;
  std::map<std::string, std::array<double, 3>> most;  // shards, domains, local; -1: refused
  for (const char* name : {"erm"}) most[name] = {1, 1, 1};
  most["msam"] = {1, 1, -1};
  for (const char* name : {"sam", "asam", "fisher_sam"}) most[name] = {2, 2, 1};
  for (const char* name : {"fsam", "vasso"}) most[name] = {2, 2, -1};
  for (const char* name : {"sagm", "wsam"}) most[name] = {2, 2, 1};
  for (const char* name : {"gsam", "wsam_decoupled"}) most[name] = {2, 2, 2};
  most["looksam"] = {1 + 1. / 3, 1 + 1. / 3, -1};
  most["gam"] = {4, 4, 4};
  for (const char* name : {"roga", "roga_adaptive"}) most[name] = {K + 1, 2, 1};
  for (const char* name : {"gac_fas", "roga_pooled"}) most[name] = {K + 1, K + 1, 1};
  most["disam"] = {2, 2, 1};
  most["dgsam"] = {K + 1, K + 1, 1};
  most["fish"] = {K, K, 1};
  for (const char* name :
       {"pcgrad", "grad_vac", "mgda", "cagrad", "and_mask", "sand_mask", "upgrad", "grad_drop"}) {
    most[name] = {K, K, K};
  }
  for (const char* name : {"group_dro", "vrex"}) most[name] = {1, 1, 1};
  std::size_t seen = 0;
  every::recipe([&](const char* name, const auto& recipe, bool) {
    const auto found = most.find(name);
    if (found == most.end()) return;
    ++seen;
    for (std::size_t w = 0; w < 3; ++w) {
      const double rows = found->second[w];
      INFO(name << " " << ways[w].name);
      if (rows < 0) continue;
      CHECK(roga::traffic(recipe, K, ways[w].placement, ways[w].ascent).rows <= rows + 1e-12);
    }
  });
  CHECK(seen == most.size());
  CHECK(roga::traffic(unshifted, K, roga::Placement::domains).rows == 1);
  CHECK(roga::traffic(unshifted, K, roga::Placement::shards).rows == K + 1);
}
