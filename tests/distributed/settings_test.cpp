// SPDX-License-Identifier: MIT
// Distributed steps with everything else that a step can have.
#include <array>
#include <roga/checkpoint.hpp>
#include <sstream>

#include "tests/distributed/worlds.hpp"

using ranks::Rank;
using worlds::Drive;
using worlds::World;

namespace {

namespace recipes = roga::recipes;

auto sgd() { return torch::optim::SGDOptions(0.05).momentum(0.9); }
constexpr auto nothing = [](auto&) {};

std::string told(const worlds::Comparison& found, double tolerance = 1e-12) {
  std::string out = found.bits;
  if (!(found.away < tolerance)) out += " weights away by " + std::to_string(found.away * 1e12);
  if (!(found.losses < tolerance)) out += " losses away by " + std::to_string(found.losses * 1e12);
  return out + "\n";
}
void require_near(const std::string& text) {
  INFO(text);
  REQUIRE(!text.empty());
  REQUIRE(text.find("away") == std::string::npos);
}

/// Domain 1 is on rank 0 alone, rank 2 has nothing, and shards have different sizes.
const worlds::Rows ragged{{3, 2, 1}, {1, 0, 4}, {0, 0, 0}};

}  // namespace

TEST_CASE("distributed: a domain that is absent on one rank, and a rank without data",
          "[distributed][invariant]") {
  // Domains of equally many rows on each rank: the mean over ranks is that over rows.
  const worlds::Rows rows{{2, 2, 0}, {2, 0, 2}, {0, 0, 0}};
  for (const Drive how : {Drive::closures, Drive::pooled, Drive::shared, Drive::phases}) {
    CAPTURE(static_cast<int>(how));
    require_near(ranks::agreed(ranks::run(3, [&](Rank& me) {
      std::string out;
      out += told(worlds::compare(me, recipes::roga(), sgd(), rows, {}, 3, how, nothing));
      out += told(worlds::compare(me, recipes::sam(), sgd(), rows, {}, 3, how, nothing));
      out += told(worlds::compare(me, recipes::gac_fas(), sgd(), rows, {}, 3, how, nothing));
      out += told(worlds::compare(me, recipes::pcgrad(), sgd(), rows, {}, 3, how, nothing));
      out += told(worlds::compare(me, recipes::dgsam(), sgd(), rows, {}, 3, how, nothing));
      out += told(worlds::compare(me, recipes::disam(), sgd(), rows, {}, 3, how, nothing));
      return out;
    })));
  }
}

TEST_CASE("distributed: an absent domain on all ranks is absent", "[distributed]") {
  const worlds::Rows rows{{2, 0, 3}, {2, 0, 3}};
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    return told(
               worlds::compare(me, recipes::roga(), sgd(), rows, {}, 3, Drive::closures, nothing)) +
           told(worlds::compare(me, recipes::group_dro(), sgd(), rows, {}, 3, Drive::closures,
                                nothing));
  })));
}

TEST_CASE("distributed: unequal weights give the mean over rows", "[distributed][invariant]") {
  // The weight is of the rank's data, so each domain's part of it is the same.
  const worlds::Rows rows{{1, 1}, {3, 3}, {4, 4}};
  for (const Drive how : {Drive::closures, Drive::pooled, Drive::shared, Drive::phases}) {
    require_near(ranks::agreed(ranks::run(3, [&](Rank& me) {
      const auto weight = static_cast<double>(rows[me.number][0]);
      return told(worlds::compare(me, recipes::roga(), sgd(), rows, {.weight = weight}, 3, how,
                                  nothing)) +
             told(worlds::compare(me, recipes::sam(), sgd(), rows, {}, 3, how,
                                  [&](auto& optimizer) { optimizer.data_weight(weight); }));
    })));
  }
}

TEST_CASE("distributed: weights that differ by domain count in pooled passes", "[distributed]") {
  // Domain 2 is on rank 1 alone: its share of the mean is another than that of domain 0.
  require_near(ranks::agreed(ranks::run(3, [&](Rank& me) {
    std::string out;
    for (const Drive how : {Drive::pooled, Drive::shared}) {
      World mine(ragged, me.number);
      World same(ragged, me.number);
      auto a = roga::wrap<torch::optim::SGD>(recipes::sam(), mine.net->parameters(), sgd());
      auto b = roga::wrap<torch::optim::SGD>(recipes::sam(), same.net->parameters(), sgd());
      a.distribute({.group = me.group, .weight = 1.0 + static_cast<double>(me.number)});
      b.distribute({.group = me.group, .weight = 1.0 + static_cast<double>(me.number)});
      for (int s = 0; s < 3; ++s) {
        worlds::drive(a, mine, how);
        worlds::drive(b, same, Drive::closures);
      }
      const double away = worlds::relative(mine.flat(), same.flat());
      out += worlds::bits(mine.flat()) + (away < 1e-12 ? "\n" : " away\n");
    }
    return out;
  })));
}

TEST_CASE("distributed: a shared forward may leave its domains unnamed", "[distributed]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    const auto rows = worlds::shards(2, false);
    std::string out;
    World mine(rows, me.number);
    World whole(rows, World::all);
    auto together = roga::wrap<torch::optim::SGD>(recipes::roga(), mine.net->parameters(), sgd());
    auto alone = roga::wrap<torch::optim::SGD>(recipes::roga(), whole.net->parameters(), sgd());
    together.distribute({.group = me.group});
    for (int s = 0; s < 3; ++s) {
      together.step(roga::SharedForward{[&] { return mine.losses(); }});
      alone.step(roga::SharedForward{[&] { return whole.losses(); }});
    }
    const double away = worlds::relative(mine.flat(), whole.flat());
    return worlds::bits(mine.flat()) + (away < 1e-12 ? "" : " away");
  })));
}

TEST_CASE("distributed: a pooled closure that returns the mean alone", "[distributed]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    const auto rows = worlds::shards(2, false);
    World mine(rows, me.number);
    World whole(rows, World::all);
    auto together = roga::wrap<torch::optim::SGD>(recipes::sam(), mine.net->parameters(), sgd());
    auto alone = roga::wrap<torch::optim::SGD>(recipes::sam(), whole.net->parameters(), sgd());
    together.distribute({.group = me.group});
    auto step = [](auto& optimizer, World& world) {
      return optimizer.step(roga::Domains{world.closures(), [&] {
                                            world.net->zero_grad();
                                            auto loss = world.losses().mean();
                                            loss.backward();
                                            return loss;
                                          }});
    };
    double away = 0;
    for (int s = 0; s < 3; ++s) {
      const auto a = step(together, mine);
      away = std::max(away, worlds::relative(a, step(alone, whole)));
    }
    away = std::max(away, worlds::relative(mine.flat(), whole.flat()));
    return worlds::bits(mine.flat()) + (away < 1e-12 ? "" : " away");
  })));
}

TEST_CASE("distributed: LBFGS with strong Wolfe equals one process", "[distributed][invariant]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    const auto options =
        torch::optim::LBFGSOptions(0.5).max_iter(4).history_size(3).line_search_fn("strong_wolfe");
    const auto rows = worlds::shards(2, false);
    // A line search magnifies the last digits.
    return told(worlds::compare<torch::optim::LBFGS>(me, recipes::sam(), options, rows, {}, 3,
                                                     Drive::closures, nothing),
                1e-9) +
           told(worlds::compare<torch::optim::LBFGS>(me, recipes::roga(), options, rows, {}, 2,
                                                     Drive::shared, nothing),
                1e-9);
  })));
}

TEST_CASE("distributed: other bases equal one process", "[distributed][invariant]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    const auto rows = worlds::shards(2, false);
    return told(worlds::compare<torch::optim::AdamW>(me, recipes::roga(),
                                                     torch::optim::AdamWOptions(0.01), rows, {}, 4,
                                                     Drive::closures, nothing),
                1e-10) +
           told(worlds::compare<torch::optim::SGD>(me, recipes::wsam_decoupled(), sgd(), rows, {},
                                                   4, Drive::closures, nothing));
  })));
}

TEST_CASE("distributed: warm-up, diagnose, clipping, the radius rule and a loss scaler",
          "[distributed][invariant]") {
  for (const auto placement : {roga::Placement::shards, roga::Placement::domains}) {
    const auto rows =
        placement == roga::Placement::shards ? worlds::shards(3, false) : worlds::whole(3);
    require_near(ranks::agreed(ranks::run(3, [&](Rank& me) {
      std::string out;
      const roga::Distribution distribution{.placement = placement};
      auto add = [&](const auto& recipe, const auto& set_up) {
        for (const Drive how : {Drive::closures, Drive::phases}) {
          out += told(worlds::compare(me, recipe, sgd(), rows, distribution, 4, how, set_up));
        }
      };
      add(recipes::roga(), [](auto& optimizer) { optimizer.warm_up(2); });
      add(recipes::pcgrad(), [](auto& optimizer) { optimizer.warm_up(2); });
      add(recipes::roga(), [](auto& optimizer) { optimizer.clip_norm(0.01); });
      add(recipes::sam(), [](auto& optimizer) { optimizer.clip_norm(0.01); });
      add(recipes::roga(), [](auto& optimizer) {
        optimizer.perturbation().radius = {.loss_budget = 0.02, .domain_factors = {1, 0.5, 2}};
      });
      add(recipes::roga(), [](auto& optimizer) { optimizer.diagnose(true); });
      add(recipes::sam(), [](auto& optimizer) { optimizer.diagnose(true); });
      return out;
    })));
  }
}

TEST_CASE("distributed: last_step() tells what one process tells", "[distributed]") {
  for (const auto placement : {roga::Placement::shards, roga::Placement::domains}) {
    const auto rows =
        placement == roga::Placement::shards ? worlds::shards(3, false) : worlds::whole(3);
    for (const bool diagnose : {false, true}) {
      require_near(ranks::agreed(ranks::run(3, [&](Rank& me) {
        World mine(rows, me.number);
        World whole(rows, World::all);
        auto together =
            roga::wrap<torch::optim::SGD>(recipes::roga(), mine.net->parameters(), sgd());
        auto alone = roga::wrap<torch::optim::SGD>(recipes::roga(), whole.net->parameters(), sgd());
        together.distribute({.group = me.group, .placement = placement});
        together.diagnose(diagnose);
        alone.diagnose(diagnose);
        together.step(mine.closures());
        alone.step(whole.closures());
        const auto a = together.last_step();
        const auto b = alone.last_step();
        auto near = [](std::vector<double> x, const std::vector<double>& y) {
          bool same = x.size() == y.size() && !x.empty();
          for (std::size_t i = 0; same && i < x.size(); ++i) same = std::fabs(x[i] - y[i]) < 1e-12;
          return same;
        };
        bool same = near(a.losses(), b.losses()) && near(a.radii(), b.radii()) &&
                    near(a.ascent_norms(), b.ascent_norms()) &&
                    near({a.direction_norm()}, {b.direction_norm()}) && a.points() == b.points();
        if (diagnose) {
          same = same && std::fabs(*a.cosine() - *b.cosine()) < 1e-12 &&
                 near(a.domain_cosines().at(1), b.domain_cosines().at(1));
        }
        return std::string(same ? "same" : "away");
      })));
    }
  }
}

TEST_CASE("distributed: a loss scaler has one factor, and one overflow backs it off everywhere",
          "[distributed]") {
  const auto text = ranks::agreed(ranks::run(2, [&](Rank& me) {
    World mine(worlds::shards(2, false), me.number);
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga(), mine.net->parameters(), sgd());
    roga::LossScaler scaler({.scale = 64});
    optimizer.attach(scaler);
    optimizer.distribute({.group = me.group});
    std::string out;
    for (int s = 0; s < 3; ++s) {
      optimizer.step(roga::SharedForward{
          [&] { return s == 1 && me.number == 1 ? mine.losses() * INFINITY : mine.losses(); }});
      out += optimizer.last_step().skipped() ? "skipped " : "stepped ";
    }
    std::stringstream file;
    return out + worlds::bits(mine.flat());
  }));
  CHECK(text.substr(0, 24) == "stepped skipped stepped ");
}

TEST_CASE("distributed: a parameter that gets a gradient on one rank only", "[distributed]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    // Two heads; each rank's data has one of them.
    auto a = torch::ones({3}, at::kDouble).requires_grad_();
    auto b = torch::full({2}, 2.0, at::kDouble).requires_grad_();
    auto c = torch::full({4}, 3.0, at::kDouble).requires_grad_();  // nobody's
    auto x = a.detach().clone().requires_grad_();
    auto y = b.detach().clone().requires_grad_();
    auto z = c.detach().clone().requires_grad_();
    auto together = roga::wrap<torch::optim::SGD>(recipes::sam(), std::vector{a, b, c}, sgd());
    auto alone = roga::wrap<torch::optim::SGD>(recipes::sam(), std::vector{x, y, z}, sgd());
    together.distribute({.group = me.group});
    for (int s = 0; s < 3; ++s) {
      together.step([&] {
        auto loss = me.number == 0 ? a.pow(2).sum() : b.pow(3).sum();
        loss.backward();
        return loss;
      });
      alone.step([&] {
        auto loss = (x.pow(2).sum() + y.pow(3).sum()) / 2;
        loss.backward();
        return loss;
      });
    }
    const double away = worlds::relative(torch::cat({a, b}), torch::cat({x, y}));
    return worlds::bits(torch::cat({a, b, c})) + (away < 1e-12 && c.equal(z) ? "" : " away") +
           (c.grad().defined() ? " away: a gradient from nowhere" : "");
  })));
}

TEST_CASE("distributed: a parameter that not every domain reaches", "[distributed]") {
  for (const auto placement : {roga::Placement::shards, roga::Placement::domains}) {
    require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
      // Domain 0 reaches the first, domain 1 the second, and both the last.
      auto leaves = [] {
        return std::vector{torch::ones({3}, at::kDouble).requires_grad_(),
                           torch::full({3}, 2.0, at::kDouble).requires_grad_(),
                           torch::full({3}, 3.0, at::kDouble).requires_grad_()};
      };
      auto mine = leaves();
      auto whole = leaves();
      auto closure = [](std::vector<at::Tensor>& x, std::size_t k) {
        return roga::LossClosure([&x, k] {
          auto loss = x[k].pow(2).sum() + (x[2] * x[k]).sum();
          loss.backward();
          return loss;
        });
      };
      auto together = roga::wrap<torch::optim::SGD>(recipes::and_mask({.tau = 1}), mine, sgd());
      auto alone = roga::wrap<torch::optim::SGD>(recipes::and_mask({.tau = 1}), whole, sgd());
      together.distribute({.group = me.group, .placement = placement});
      const bool all = placement == roga::Placement::shards;
      for (int s = 0; s < 3; ++s) {
        together.step({all || me.number == 0 ? closure(mine, 0) : roga::LossClosure(),
                       all || me.number == 1 ? closure(mine, 1) : roga::LossClosure()});
        alone.step({closure(whole, 0), closure(whole, 1)});
      }
      const double away = worlds::relative(torch::cat(mine).detach(), torch::cat(whole).detach());
      return worlds::bits(torch::cat(mine)) + (away < 1e-12 ? "" : " away");
    })));
  }
}

TEST_CASE("distributed: half precision, complex and channels-last parameters", "[distributed]") {
  const auto text = ranks::agreed(ranks::run(3, [&](Rank& me) {
    torch::manual_seed(3);
    auto half = torch::randn({5}).to(at::kBFloat16).requires_grad_();
    auto complex = torch::randn({4}, at::kComplexDouble).requires_grad_();
    auto last = torch::randn({2, 3, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
    last.requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam(), std::vector{half, complex, last},
                                                   torch::optim::SGDOptions(0.05));
    optimizer.distribute({.group = me.group});
    const auto scale = 1.0 + static_cast<double>(me.number);
    for (int s = 0; s < 3; ++s) {
      optimizer.step(me.number == 2 ? roga::LossClosure() : [&] {
        auto loss = scale * (half.to(at::kFloat).square().sum() + last.pow(2).sum()) +
                    torch::view_as_real(complex).square().sum();
        loss.backward();
        // Of another layout on one rank.
        if (me.number == 1) last.mutable_grad() = last.grad().contiguous();
        return loss;
      });
    }
    return worlds::bits(half) + worlds::bits(torch::view_as_real(complex)) + worlds::bits(last) +
           (half.isfinite().all().item<bool>() ? "" : " not finite");
  }));
  CHECK(text.find("not finite") == std::string::npos);
}

TEST_CASE("distributed: rows that fill several buckets", "[distributed]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    // 12 MB are 1.5 million numbers: the buckets' ends lie within tensors, and the ring turns.
    std::vector<at::Tensor> mine;
    std::vector<at::Tensor> whole;
    torch::manual_seed(1);
    // Large tensors travel alone.
    std::vector<std::int64_t> sizes{1'000'000, 3'500'000, 7};
    sizes.insert(sizes.end(), 20, 400'001);
    for (const std::int64_t size : sizes) {
      mine.push_back(torch::randn({size}, at::kDouble).requires_grad_());
      whole.push_back(mine.back().detach().clone().requires_grad_());
    }
    auto together =
        roga::wrap<torch::optim::SGD>(recipes::pcgrad(), mine, torch::optim::SGDOptions(0.05));
    auto alone =
        roga::wrap<torch::optim::SGD>(recipes::pcgrad(), whole, torch::optim::SGDOptions(0.05));
    together.distribute({.group = me.group});
    auto loss = [](std::vector<at::Tensor>& list, double rank, double domain) {
      at::Tensor sum;
      for (auto& x : list) {
        const auto term = (x * (1 + rank) - domain).square().mean() / (1 + domain);
        sum = sum.defined() ? sum + term : term;
      }
      return sum;
    };
    std::vector<roga::LossClosure> a;
    std::vector<roga::LossClosure> b;
    for (const double k : {0., 1.}) {
      a.emplace_back([&, k] {
        auto value = loss(mine, static_cast<double>(me.number), k);
        value.backward();
        return value;
      });
      b.emplace_back([&, k] {
        auto value = (loss(whole, 0, k) + loss(whole, 1, k)) / 2;
        value.backward();
        return value;
      });
    }
    together.step(a);
    alone.step(b);
    double away = 0;
    std::string out;
    for (std::size_t i = 0; i < mine.size(); ++i) {
      away = std::max(away, worlds::relative(mine[i].detach(), whole[i].detach()));
      out += worlds::bits(mine[i]);
    }
    return out + (away < 1e-12 ? "" : " away");
  })));
}

TEST_CASE("distributed: protected statistics and dropout masks", "[distributed]") {
  const auto text = ranks::agreed(ranks::run(2, [&](Rank& me) {
    // Whole domains: each batch is one of one process.
    auto layers = [] {
      torch::manual_seed(5);
      return torch::nn::Sequential(torch::nn::Linear(5, 6), torch::nn::BatchNorm1d(6),
                                   torch::nn::Linear(6, 2));
    };
    const auto rows = worlds::whole(2, 2);
    World mine(rows, me.number, at::kDouble, layers());
    World whole(rows, World::all, at::kDouble, layers());
    auto together = roga::wrap<torch::optim::SGD>(recipes::roga(), mine.net->parameters(), sgd());
    auto alone = roga::wrap<torch::optim::SGD>(recipes::roga(), whole.net->parameters(), sgd());
    if (me.number == 1) mine.net->buffers()[0].fill_(7);  // that of rank 0 counts
    together.protect(*mine.net);
    alone.protect(*whole.net);
    together.distribute({.group = me.group, .placement = roga::Placement::domains});
    const bool given = mine.net->buffers()[0].equal(whole.net->buffers()[0]);
    for (int s = 0; s < 3; ++s) {
      together.step(mine.closures());
      alone.step(whole.closures());
    }
    const double away = given ? worlds::relative(mine.flat(), whole.flat()) : 1;
    std::string out = worlds::bits(mine.flat()) + (away < 1e-12 ? "" : " away");
    // One update for each of three steps, of this rank's domain.
    const auto updates = mine.net->buffers()[2].item<std::int64_t>();
    if (updates != 3) out += " counted " + std::to_string(updates);

    // A step that throws on the other rank leaves the statistics as they were.
    const auto before = worlds::bits(mine.net->buffers()[0]);
    auto closures = mine.closures();
    int passes = 0;
    for (auto& closure : closures) {
      if (!closure) continue;
      closure = [&, inner = closure] {
        TORCH_CHECK(me.number == 0 || passes++ == 0, "no");
        return inner();
      };
    }
    try {
      together.step(closures);
      out += " no error";
    } catch (const c10::Error&) {
    }
    if (worlds::bits(mine.net->buffers()[0]) != before) out += " statistics moved";
    return out;
  }));
  require_near(text);
  CHECK(text.size() == 16);
}

TEST_CASE("distributed: distribute() gives weights, state and memory of rank 0 to all",
          "[distributed][serialize]") {
  const auto text = ranks::agreed(ranks::run(3, [&](Rank& me) {
    const auto rows = worlds::shards(3, false);
    World mine(rows, me.number);
    auto optimizer =
        roga::wrap<torch::optim::AdamW>(recipes::fsam(), mine.net->parameters(),
                                        torch::optim::AdamWOptions(me.number == 0 ? 0.01 : 0.5));
    // Each for itself: everything differs by now.
    for (std::size_t s = 0; s < 2 + me.number; ++s) optimizer.step(mine.closures());
    const auto before = worlds::bits(mine.flat());
    optimizer.distribute({.group = me.group});
    std::string out = me.number == 0 && worlds::bits(mine.flat()) != before ? "rank 0 moved" : "";
    for (int s = 0; s < 2; ++s) optimizer.step(mine.closures());
    out += worlds::bits(mine.flat()) + " after " + std::to_string(optimizer.last_step().step() + 1);
    return out;
  }));
  CHECK_THAT(text, ContainsSubstring(" after 4"));
}

TEST_CASE("distributed: a checkpoint of three ranks resumes on two and on one",
          "[distributed][serialize][invariant]") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("roga_resume_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const auto path = (folder / "checkpoint").string();
  // Six rows of each domain, shared evenly by any of these numbers of ranks.
  auto even = [](std::size_t count) {
    return worlds::Rows(count, std::vector<std::int64_t>(3, 6 / static_cast<std::int64_t>(count)));
  };
  auto part = [&](std::size_t count, int from, int to, bool save) {
    return ranks::agreed(ranks::run(count, [&](Rank& me) {
      // The same six rows: those of one process, cut.
      World all(even(1), World::all);
      World mine(even(count), me.number);
      const auto size = 6 / static_cast<std::int64_t>(count);
      for (std::size_t k = 0; k < 3; ++k) {
        const auto first = static_cast<std::int64_t>(me.number) * size;
        mine.inputs[k] = all.inputs[k].narrow(0, first, size);
        mine.targets[k] = all.targets[k].narrow(0, first, size);
      }
      auto optimizer =
          roga::wrap<torch::optim::SGD>(recipes::looksam(), mine.net->parameters(), sgd());
      if (from > 0 && me.number == 0) {  // the others get all from it
        roga::load_checkpoint(optimizer, path + ".optimizer");
        roga::load_checkpoint(mine.net, path + ".net");
      }
      optimizer.distribute({.group = me.group});
      for (int s = from; s < to; ++s) optimizer.step(mine.closures());
      if (save && me.number == 0) {
        roga::save_checkpoint(optimizer, path + ".optimizer");
        roga::save_checkpoint(mine.net, path + ".net");
      }
      std::ostringstream numbers;
      numbers.precision(17);
      for (std::int64_t i = 0; i < 5; ++i) numbers << mine.flat()[i].item<double>() << " ";
      return numbers.str();
    }));
  };
  auto numbers = [](const std::string& text) {
    std::istringstream in(text);
    std::array<double, 5> list{};
    for (double& x : list) in >> x;
    return list;
  };
  const auto never_stopped = numbers(part(1, 0, 9, false));
  part(3, 0, 4, true);
  part(2, 4, 7, true);
  const auto resumed = numbers(part(1, 7, 9, false));
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(std::fabs(resumed[i] - never_stopped[i]) < 1e-12 * std::fabs(never_stopped[i]) + 1e-14);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("distributed: ordered rules draw the same order on all ranks, whatever their seeds",
          "[distributed]") {
  require_near(ranks::agreed(ranks::run(3, [&](Rank& me) {
    std::string out;
    const auto rows = worlds::shards(3, false);
    // Dropout of one's own; nothing of roga draws from LibTorch's generators.
    auto seed = [&](auto&) { torch::manual_seed(100 + me.number); };
    out += told(worlds::compare(me, recipes::pcgrad(), sgd(), rows, {}, 5, Drive::closures, seed));
    out += told(worlds::compare(me, recipes::dgsam(), sgd(), rows, {}, 5, Drive::closures, seed));
    out += told(worlds::compare(me, recipes::fish(), sgd(), rows, {}, 5, Drive::closures, seed));
    out +=
        told(worlds::compare(me, recipes::grad_drop(), sgd(), rows, {}, 5, Drive::closures, seed));
    return out;
  })));
}

TEST_CASE("distributed: a local ascent is each rank's own, and the direction everybody's",
          "[distributed][invariant]") {
  const auto by_hand = [](Rank& me, const auto& recipe) {
    const auto rows = worlds::shards(3, true);
    World mine(rows, me.number);
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, mine.net->parameters(), sgd());
    const double weight = 1.0 + static_cast<double>(me.number);
    optimizer.distribute({.group = me.group, .ascent = roga::Ascent::local, .weight = weight});
    // m-sharpness by hand: the direction over each rank's rows, averaged by rows.
    std::vector<World> parts;
    for (std::size_t r = 0; r < 3; ++r) parts.emplace_back(rows, r);
    World hand(rows, World::all);
    torch::optim::SGD base(hand.net->parameters(), sgd());
    for (int s = 0; s < 3; ++s) {
      optimizer.step(mine.closures());
      std::vector<at::Tensor> sum;
      for (std::size_t r = 0; r < 3; ++r) {
        auto own = roga::wrap<torch::optim::SGD>(recipe, parts[r].net->parameters(),
                                                 torch::optim::SGDOptions(0.0));
        {
          const torch::NoGradGuard no_grad;
          for (std::size_t i = 0; i < hand.net->parameters().size(); ++i) {
            parts[r].net->parameters()[i].copy_(hand.net->parameters()[i]);
          }
        }
        own.step(parts[r].closures());
        for (std::size_t i = 0; i < parts[r].net->parameters().size(); ++i) {
          const auto g = parts[r].net->parameters()[i].grad() * (static_cast<double>(r + 1) / 6);
          if (r == 0) {
            sum.push_back(g);
          } else {
            sum[i] = sum[i] + g;
          }
        }
      }
      for (std::size_t i = 0; i < sum.size(); ++i) {
        hand.net->parameters()[i].mutable_grad() = sum[i];
      }
      base.step();
    }
    const double away = worlds::relative(mine.flat(), hand.flat());
    return worlds::bits(mine.flat()) + (away < 1e-12 ? " " : " away ");
  };
  require_near(ranks::agreed(ranks::run(3, [&](Rank& me) {
    return by_hand(me, recipes::sam({.rho = 0.2})) + by_hand(me, recipes::sagm({.rho = 0.2})) +
           by_hand(me, recipes::roga({.rho = 0.2, .alpha = 0.1})) +
           by_hand(me, recipes::gac_fas({.rho = 0.2}));
  })));
}

TEST_CASE("distributed: a local ascent of every kind keeps the ranks together", "[distributed]") {
  ranks::agreed(ranks::run(3, [&](Rank& me) {
    std::string out;
    auto train = [&](const auto& recipe, const worlds::Rows& rows, Drive how) {
      World mine(rows, me.number);
      auto optimizer = roga::wrap<torch::optim::SGD>(recipe, mine.net->parameters(), sgd());
      optimizer.distribute({.group = me.group, .ascent = roga::Ascent::local});
      optimizer.warm_up(1);
      for (int s = 0; s < 4; ++s) {
        if (s == 3) optimizer.diagnose(true);
        worlds::drive(optimizer, mine, how);
        TORCH_CHECK(!optimizer.last_step().skipped(), "skipped");
      }
      out += worlds::bits(mine.flat()) + " ";
      const auto report = optimizer.last_step();
      if (const auto cosine = report.cosine()) out += std::to_string(*cosine) + " ";
      for (const auto& row : report.domain_cosines()) out += std::to_string(row.front()) + " ";
    };
    for (const auto& rows : {worlds::shards(3, false), ragged}) {
      for (const Drive how : {Drive::closures, Drive::pooled, Drive::shared, Drive::phases}) {
        train(recipes::roga(), rows, how);
        train(recipes::gac_fas(), rows, how);
        train(recipes::gam({.rho = 0.1}), rows, how);
        train(recipes::dgsam(), rows, how);
        train(recipes::disam(), rows, how);
        train(recipes::pcgrad(), rows, how);
        train(recipes::and_mask(), rows, how);
        train(recipes::asam(), rows, how);
      }
    }
    return out;
  }));
}

TEST_CASE("distributed: without an ascent, local and global are one", "[distributed][invariant]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    const auto rows = worlds::shards(2, false);
    const roga::Distribution local{.ascent = roga::Ascent::local};
    return told(worlds::compare(me, recipes::erm(), sgd(), rows, local, 3, Drive::closures,
                                nothing)) +
           told(worlds::compare(me, recipes::pcgrad(), sgd(), rows, local, 3, Drive::closures,
                                nothing)) +
           told(worlds::compare(me, recipes::vrex(), sgd(), rows, local, 3, Drive::closures,
                                nothing)) +
           told(worlds::compare(me, recipes::and_mask(), sgd(), rows, local, 3, Drive::closures,
                                nothing)) +
           told(worlds::compare(me, recipes::group_dro(), sgd(), rows, local, 3, Drive::closures,
                                nothing));
  })));
}

TEST_CASE("distributed: more domains than fit into the roll call", "[distributed]") {
  require_near(ranks::agreed(ranks::run(2, [&](Rank& me) {
    const auto rows = worlds::whole(2, 70);
    return told(worlds::compare(me, recipes::sam(), sgd(), rows,
                                {.placement = roga::Placement::domains}, 2, Drive::closures,
                                nothing));
  })));
}

TEST_CASE("distributed: a group of one rank changes no bit", "[distributed][invariant]") {
  const auto text = ranks::agreed(ranks::run(1, [&](Rank& me) {
    const auto rows = worlds::shards(1, false);
    World mine(rows, 0);
    World plain(rows, 0);
    auto together = roga::wrap<torch::optim::SGD>(recipes::roga(), mine.net->parameters(), sgd());
    auto alone = roga::wrap<torch::optim::SGD>(recipes::roga(), plain.net->parameters(), sgd());
    together.distribute({.group = me.group});
    for (int s = 0; s < 3; ++s) {
      together.step(mine.closures());
      alone.step(plain.closures());
    }
    return std::string(worlds::bits(mine.flat()) == worlds::bits(plain.flat()) ? "same" : "other");
  }));
  CHECK(text == "same");
}
