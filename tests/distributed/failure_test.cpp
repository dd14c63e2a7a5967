// SPDX-License-Identifier: MIT
// What happens to all ranks where one fails, meets a number that is not finite, or dies.
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/distributed/worlds.hpp"

using ranks::Rank;
using worlds::Drive;
using worlds::World;

namespace {

auto sgd() { return torch::optim::SGDOptions(0.05).momentum(0.9); }

/// How long a rank may take to learn of a failure, on a machine where such a step took so long. A
/// rank that waits in vain takes the group's timeout, which is longer.
double soon_after(double step, double unloaded) { return std::min(unloaded + 20 * step, 20.0); }

/// What the step at hand does to one rank, at one of its passes.
struct Fault {
  enum class Kind { none, throws, nan_loss, nan_gradient } kind = Kind::none;
  std::size_t rank = 1;
  int pass = 0;  ///< of the step, counted over evaluations
};

/// A world whose rank obeys the fault.
struct Faulty {
  World world;
  Fault fault;
  int passes = 0;

  Faulty(const worlds::Rows& rows, std::size_t rank, at::ScalarType type = at::kDouble)
      : world(rows, rank, type) {}
  bool strikes() { return fault.kind != Fault::Kind::none && passes++ == fault.pass; }
  std::vector<roga::LossClosure> closures() {
    std::vector<roga::LossClosure> list;
    for (std::size_t k = 0; k < world.here.size(); ++k) {
      list.emplace_back(nullptr);
      if (!world.here[k]) continue;
      list.back() = [this, k] {
        world.net->zero_grad();
        const bool now = strikes();
        if (now && fault.kind == Fault::Kind::throws) throw std::runtime_error("no more data");
        auto loss = world.loss(k);
        if (now && fault.kind == Fault::Kind::nan_loss) {
          loss = loss * std::numeric_limits<double>::quiet_NaN();
        }
        loss.backward();
        if (now && fault.kind == Fault::Kind::nan_gradient) {
          world.net->parameters().front().mutable_grad().fill_(INFINITY);
        }
        return loss;
      };
    }
    return list;
  }
};

/// Two good steps with a bad one between: what it did, and how far the end is from one process that
/// never had it.
template <class Recipe>
std::string around_fault(Rank& me, const Recipe& recipe, const worlds::Rows& rows,
                         roga::Distribution distribution, Fault fault, bool in_phases = false) {
  Faulty mine(rows, me.number);
  World whole(rows, World::all);
  auto together = roga::wrap<torch::optim::SGD>(recipe, mine.world.net->parameters(), sgd());
  auto alone = roga::wrap<torch::optim::SGD>(recipe, whole.net->parameters(), sgd());
  distribution.group = me.group;
  together.distribute(distribution);
  auto step = [&] {
    mine.passes = 0;
    auto closures = mine.closures();
    if (!in_phases) return void(together.step(closures));
    auto phased = together.phases(mine.world.domains());
    if (!mine.world.domains().empty()) {
      while (phased.ascend(closures[phased.domain()]())) {
      }
    }
    phased.descend();
  };
  const auto ordinary = ranks::Clock::now();
  step();
  const double limit = soon_after(ranks::seconds_since(ordinary), 1);
  alone.step(whole.closures());
  const auto before = worlds::bits(mine.world.flat());
  if (me.number == fault.rank) mine.fault = fault;
  std::string out;
  const auto start = ranks::Clock::now();
  try {
    step();
    out += together.last_step().skipped() ? "skipped" : "stepped";
    if (const auto place = together.last_step().not_finite()) out += ": " + place->text();
  } catch (const c10::Error& error) {
    out += std::string("told: ") + error.what_without_backtrace();
  } catch (const std::runtime_error& error) {
    out += std::string("told: roga: rank 1 failed in this step, so no rank makes it: ") +
           error.what();  // its own
    if (me.number != fault.rank) out += ", but not on its rank";
  }
  if (ranks::seconds_since(start) > limit) out += ", late";
  if (worlds::bits(mine.world.flat()) != before) out += ", weights changed";
  mine.fault = {};
  for (int s = 0; s < 2; ++s) {
    step();
    alone.step(whole.closures());
  }
  const double away = worlds::relative(mine.world.flat(), whole.flat());
  if (!(away < 1e-12)) out += ", next away by " + std::to_string(away);
  return out + "; " + worlds::bits(mine.world.flat());
}

template <class Recipe>
std::string outcome(const Recipe& recipe, std::size_t count, const worlds::Rows& rows,
                    roga::Distribution distribution, Fault fault, bool in_phases = false) {
  const auto text = ranks::agreed(ranks::run(count, [&](Rank& me) {
    return around_fault(me, recipe, rows, distribution, fault, in_phases);
  }));
  return text.substr(0, text.find(';'));
}

/// The loopback device of this process's network.
bool switch_loopback(bool on) {
  const int handle = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = static_cast<short>(on ? IFF_UP | IFF_RUNNING : 0);
  const bool done = ioctl(handle, SIOCSIFFLAGS, &request) == 0;
  close(handle);
  return done;
}

/// Over domains its ranks add rows up in the end alone.
constexpr auto unshifted = roga::recipes::roga({.alpha = 0});

constexpr const char* told =
    "told: roga: rank 1 failed in this step, so no rank makes it: "
    "no more data";

}  // namespace

TEST_CASE(
    "distributed: a closure that throws on one rank, in any pass, throws on all, and the next "
    "step is exact",
    "[distributed][invariant]") {
  const auto shards = worlds::shards(3, false);
  for (const int pass : {0, 2, 3, 5}) {  // at theta and at the points
    CAPTURE(pass);
    const Fault fault{Fault::Kind::throws, 1, pass};
    CHECK(outcome(roga::recipes::roga(), 3, shards, {}, fault) == told);
    CHECK(outcome(roga::recipes::sam(), 3, shards, {}, fault) == told);
  }
  const Fault first{Fault::Kind::throws, 1, 0};
  const Fault second{Fault::Kind::throws, 1, 1};
  CHECK(outcome(roga::recipes::erm(), 3, shards, {}, second) == told);
  CHECK(outcome(roga::recipes::gam({.rho = 0.1}), 2, worlds::shards(2, false), {},
                {Fault::Kind::throws, 1, 7}) == told);
  CHECK(outcome(roga::recipes::dgsam(), 2, worlds::shards(2, false), {}, second) == told);
  CHECK(outcome(roga::recipes::pcgrad(), 4, worlds::shards(4, false), {}, second) == told);
  for (const auto& fault : {first, second}) {
    CHECK(outcome(roga::recipes::roga(), 3, worlds::whole(3),
                  {.placement = roga::Placement::domains}, fault) == told);
    CHECK(outcome(unshifted, 3, worlds::whole(3), {.placement = roga::Placement::domains}, fault) ==
          told);
  }
}

TEST_CASE("distributed: a phased step that ends early on one rank throws on the others",
          "[distributed][invariant]") {
  for (const int pass : {0, 1, 3, 5}) {
    CAPTURE(pass);
    const auto endings = ranks::run(3, [&](Rank& me) {
      return around_fault(me, roga::recipes::roga(), worlds::shards(3, false), {},
                          {Fault::Kind::throws, 1, pass}, true);
    });
    for (std::size_t r = 0; r < 3; ++r) {
      INFO("rank " << r << ": " << endings[r].text);
      CHECK((endings[r].in_time && !endings[r].failed));
      const auto end = r == 1 ? ": no more data;" : "it left the step before its end;";
      CHECK(endings[r].text.find(end) != std::string::npos);
    }
  }
}

TEST_CASE(
    "distributed: a number that is not finite on one rank skips the step on all, with its "
    "place",
    "[distributed][invariant]") {
  const auto shards = worlds::shards(3, false);
  CHECK(outcome(roga::recipes::sam(), 3, shards, {}, {Fault::Kind::nan_loss, 1, 1}) ==
        "skipped: the loss of domain 1 at theta on rank 1");
  CHECK(outcome(roga::recipes::roga(), 3, shards, {}, {Fault::Kind::nan_loss, 2, 4}) ==
        "skipped: the loss of domain 1 at point 1 on rank 2");
  CHECK(outcome(roga::recipes::roga(), 3, shards, {}, {Fault::Kind::nan_gradient, 0, 2}) ==
        "skipped: the gradient of parameter 0 in domain 2 at theta");
  for (const int pass : {0, 1}) {  // of a rank with one domain
    CAPTURE(pass);
    const auto text =
        outcome(roga::recipes::roga(), 3, worlds::whole(3), {.placement = roga::Placement::domains},
                {Fault::Kind::nan_gradient, 2, pass});
    CHECK(text.substr(0, 37) == "skipped: the gradient of parameter 0 ");
    for (const std::size_t rank : {1, 2}) {
      const auto of_one_row =
          outcome(unshifted, 3, worlds::whole(3), {.placement = roga::Placement::domains},
                  {Fault::Kind::nan_gradient, rank, pass});
      const auto number = std::to_string(rank);
      // At theta its rank meets it; at a point it is met in the sum.
      CHECK(of_one_row == "skipped: the gradient of parameter 0 " +
                              (pass == 0 ? "in domain " + number + " at theta on rank " + number
                                         : std::string("at theta")));
    }
  }
  CHECK(outcome(roga::recipes::dgsam(), 2, worlds::shards(2, false), {},
                {Fault::Kind::nan_gradient, 1, 2})
            .substr(0, 7) == "skipped");
  CHECK(outcome(roga::recipes::group_dro(), 2, worlds::whole(2),
                {.placement = roga::Placement::domains}, {Fault::Kind::nan_loss, 1, 0})
            .substr(0, 7) == "skipped");
}

TEST_CASE("distributed: NonFinite::raise throws on all ranks, with the rank", "[distributed]") {
  const auto text = ranks::agreed(ranks::run(2, [](Rank& me) -> std::string {
    Faulty mine(worlds::shards(2, false), me.number);
    auto optimizer =
        roga::wrap<torch::optim::SGD>(roga::recipes::sam(), mine.world.net->parameters(), sgd());
    optimizer.distribute({.group = me.group});
    optimizer.non_finite(roga::NonFinite::raise);
    if (me.number == 1) mine.fault = {Fault::Kind::nan_loss, 1, 0};
    try {
      optimizer.step(mine.closures());
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "no error";
  }));
  CHECK_THAT(text, ContainsSubstring("the loss of domain 0 at theta on rank 1"));
}

TEST_CASE("distributed: in a local ascent, too, one rank's fault is everybody's", "[distributed]") {
  const auto text = ranks::agreed(ranks::run(3, [](Rank& me) {
    std::string out;
    for (const auto kind : {Fault::Kind::throws, Fault::Kind::nan_gradient}) {
      for (const int pass : {0, 4}) {
        Faulty mine(worlds::shards(3, false), me.number);
        auto optimizer = roga::wrap<torch::optim::SGD>(roga::recipes::roga(),
                                                       mine.world.net->parameters(), sgd());
        optimizer.distribute({.group = me.group, .ascent = roga::Ascent::local});
        const auto before = worlds::bits(mine.world.flat());
        if (me.number == 1) mine.fault = {kind, 1, pass};
        try {
          optimizer.step(mine.closures());
          out += optimizer.last_step().skipped() ? "skipped" : "stepped";
        } catch (const std::exception&) {
          out += "threw";
        }
        out += before == worlds::bits(mine.world.flat()) ? " " : " and moved ";
        mine.fault = {};
        optimizer.step(mine.closures());
        out += worlds::bits(mine.world.flat()) + "\n";
      }
    }
    return out;
  }));
  INFO(text);
  CHECK(text.find("moved") == std::string::npos);
  CHECK(text.find("stepped") == std::string::npos);
  CHECK(text.substr(0, 6) == "threw ");
}

TEST_CASE("distributed: a rank that dies makes the others throw, with their weights back",
          "[distributed][invariant]") {
  for (const std::size_t count : {2, 3, 4}) {
    for (const int pass : {0, 3}) {
      const auto endings = ranks::run(
          count,
          [&](Rank& me) -> std::string {
            World mine(worlds::shards(count, false), me.number);
            auto optimizer =
                roga::wrap<torch::optim::SGD>(roga::recipes::roga(), mine.net->parameters(), sgd());
            optimizer.distribute({.group = me.group});
            const auto ordinary = ranks::Clock::now();
            optimizer.step(mine.closures());
            const double limit = soon_after(ranks::seconds_since(ordinary), 5);
            const auto before = worlds::bits(mine.flat());
            int passes = 0;
            std::vector<roga::LossClosure> closures;
            for (const auto& closure : mine.closures()) {
              closures.emplace_back([&, closure] {
                if (me.number == 1 && passes++ == pass) kill(getpid(), SIGKILL);
                return closure();
              });
            }
            const auto start = ranks::Clock::now();
            try {
              optimizer.step(closures);
            } catch (const c10::Error& error) {
              const bool back = worlds::bits(mine.flat()) == before;
              const bool soon = ranks::seconds_since(start) < limit;
              std::string out = std::string(back ? "back" : "moved") + (soon ? ", " : " late, ") +
                                error.what_without_backtrace();
              try {
                optimizer.step(closures);
              } catch (const c10::Error& next) {
                out += std::string(" Next: ") + next.what_without_backtrace();
              }
              return out;
            }
            return "no error";
          },
          90, std::chrono::seconds(60));
      for (std::size_t r = 0; r < count; ++r) {
        if (r == 1) continue;
        INFO("rank " << r << " of " << count << ", pass " << pass << ": " << endings[r].text);
        CHECK((endings[r].in_time && !endings[r].failed));
        CHECK(endings[r].text.find("back, roga: rank " + std::to_string(r)) == 0);
        CHECK(endings[r].text.find("lost its process group") != std::string::npos);
        CHECK(endings[r].text.find("Next: roga: the process group failed in an earlier step") !=
              std::string::npos);
      }
    }
  }
}

TEST_CASE("distributed: a network that is cut makes all throw after the group's timeout",
          "[distributed][invariant]") {
  // A network of its own, whose loopback can be cut.
  if (unshare(CLONE_NEWNET) != 0) {
    WARN("not run: a network of its own needs root");
    return;
  }
  REQUIRE(switch_loopback(true));
  const auto endings = ranks::run(
      3,
      [](Rank& me) -> std::string {
        World mine(worlds::shards(3, false), me.number);
        auto optimizer =
            roga::wrap<torch::optim::SGD>(roga::recipes::roga(), mine.net->parameters(), sgd());
        optimizer.distribute({.group = me.group});
        optimizer.step(mine.closures());
        const auto before = worlds::bits(mine.flat());
        int passes = 0;
        auto closures = mine.closures();
        closures[1] = [&, closure = closures[1]] {
          if (me.number == 1 && passes++ == 1) switch_loopback(false);  // at its point
          return closure();
        };
        const auto start = ranks::Clock::now();
        try {
          optimizer.step(closures);
        } catch (const c10::Error& error) {
          const double waited = ranks::seconds_since(start);
          return std::string(worlds::bits(mine.flat()) == before ? "back" : "moved") +
                 (waited > 4 && waited < 40 ? ", in time, " : ", not in time, ") +
                 error.what_without_backtrace();
        }
        return "no error";
      },
      90, std::chrono::seconds(8));  // enough for a busy machine to make a step
  CHECK(switch_loopback(true));
  for (std::size_t r = 0; r < 3; ++r) {
    INFO("rank " << r << ": " << endings[r].text);
    CHECK((endings[r].in_time && !endings[r].failed));
    CHECK(endings[r].text.find("back, in time, roga: rank") == 0);
    CHECK(endings[r].text.find("lost its process group") != std::string::npos);
  }
}

TEST_CASE("distributed: ranks that make different steps get one clear error", "[distributed]") {
  struct Case {
    const char* what;
    const char* words;
  };
  const std::vector<Case> cases{{"closures", "the number of closures"},
                                {"steps", "the number of steps"},
                                {"rho", "their settings"},
                                {"rate", "their settings"},
                                {"twice", "is on 2 ranks"},
                                {"nobody", "no rank has data"}};
  for (const auto& one : cases) {
    const std::string what = one.what;
    INFO(what);
    const auto text = ranks::agreed(ranks::run(3, [&](Rank& me) -> std::string {
      World mine(worlds::shards(3, false), me.number);
      auto optimizer =
          roga::wrap<torch::optim::SGD>(roga::recipes::sam(), mine.net->parameters(), sgd());
      optimizer.distribute(
          {.group = me.group,
           .placement = what == "twice" ? roga::Placement::domains : roga::Placement::shards});
      auto closures = mine.closures();
      const bool odd = me.number == 2;
      if (odd && what == "closures") closures.pop_back();
      if (odd && what == "rho") optimizer.perturbation().rho = 0.3;
      if (odd && what == "rate") optimizer.param_groups()[0].options().set_lr(0.5);
      if (what == "nobody") closures.assign(3, nullptr);
      if (what == "twice" && odd) closures.assign(3, nullptr);
      try {
        optimizer.step(closures);
        if (what == "steps") {
          if (odd) {  // as after a failure of the base's own
            std::stringstream file;
            torch::serialize::OutputArchive out;
            World fresh(worlds::shards(3, false), 0);
            auto other =
                roga::wrap<torch::optim::SGD>(roga::recipes::sam(), fresh.net->parameters(), sgd());
            torch::save(other, file);
            torch::load(optimizer, file);
          }
          optimizer.step(closures);
        }
      } catch (const c10::Error& error) {
        return error.what_without_backtrace();
      }
      return "no error";
    }));
    CHECK_THAT(text, ContainsSubstring(one.words));
  }
}

TEST_CASE("distributed: distribute() fails on all ranks alike", "[distributed]") {
  for (const std::string what : {"weight", "parameters", "placement", "memory"}) {
    INFO(what);
    const auto text = ranks::agreed(ranks::run(2, [&](Rank& me) -> std::string {
      World mine(worlds::shards(2, false), me.number);
      auto parameters = mine.net->parameters();
      const bool odd = me.number == 1;
      if (odd && what == "parameters") parameters.pop_back();
      auto sam = roga::wrap<torch::optim::SGD>(roga::recipes::sam(), parameters, sgd());
      auto fsam = roga::wrap<torch::optim::SGD>(roga::recipes::fsam(), parameters, sgd());
      auto looksam = roga::wrap<torch::optim::SGD>(roga::recipes::looksam(), parameters, sgd());
      auto msam = roga::wrap<torch::optim::SGD>(roga::recipes::msam(), parameters, sgd());
      std::string out;
      auto attempt = [&](auto& optimizer, roga::Distribution distribution) {
        distribution.group = me.group;
        try {
          optimizer.distribute(distribution);
          out += "no error ";
        } catch (const c10::Error& error) {
          out += error.what_without_backtrace();
        }
      };
      if (what == "memory") {
        attempt(fsam, {.ascent = roga::Ascent::local});
        attempt(looksam, {.ascent = roga::Ascent::local});
        attempt(msam, {.ascent = roga::Ascent::local});
      } else {
        attempt(sam, {.placement = odd && what == "placement" ? roga::Placement::domains
                                                              : roga::Placement::shards,
                      .weight = odd && what == "weight" ? -1.0 : 1.0});
      }
      return out;
    }));
    CHECK(text.find("no error") == std::string::npos);
    const char* words = what == "weight"   ? "distribute() failed on rank 1"
                        : what == "memory" ? "remembers gradients"
                                           : "ranks 0 and 1";
    CHECK_THAT(text, ContainsSubstring(words));
  }
}
