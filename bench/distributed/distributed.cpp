// SPDX-License-Identifier: MIT
// What a step of several ranks costs, over the parameters of ResNet-18: milliseconds, bytes, and
// the share of the wire, for recipes x placements, beside closures that all-reduce by themselves.
// Prints CSV from rank 0.
//
//   scripts/run_ranks.sh 2 build/bench/bench/distributed [STEPS]
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <roga/distributed.hpp>
#include <roga/roga.hpp>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Gloo = c10d::ProcessGroupGloo;
constexpr std::size_t domains = 3;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

int number(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::atoi(value) : otherwise;
}

c10::intrusive_ptr<Gloo> connect(int rank, int size) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(number("MASTER_PORT", 29500));
  options.isServer = rank == 0;
  const char* address = std::getenv("MASTER_ADDR");
  auto store =
      c10::make_intrusive<c10d::TCPStore>(address != nullptr ? address : "127.0.0.1", options);
  auto gloo = Gloo::Options::create(std::chrono::minutes(2));
  gloo->devices.push_back(Gloo::createDefaultDevice());
  return c10::make_intrusive<Gloo>(store, rank, size, gloo);
}

/// Counts the bytes that a rank sends, and the time that the step spends on it.
class Metered final : public roga::Communicator {
 public:
  explicit Metered(std::shared_ptr<roga::Communicator> inner) : inner_(std::move(inner)) {}
  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  std::function<void()> add_up(at::Tensor tensor) override {
    bytes += static_cast<double>(tensor.numel()) * static_cast<double>(tensor.itemsize());
    const auto start = Clock::now();
    auto wait = inner_->add_up(std::move(tensor));
    wire += milliseconds_since(start);
    return [this, wait = std::move(wait)] {
      const auto waiting = Clock::now();
      wait();
      wire += milliseconds_since(waiting);
    };
  }
  double bytes = 0;
  double wire = 0;

 private:
  std::shared_ptr<roga::Communicator> inner_;
};

/// The shapes of ResNet-18's 62 parameters, 11.7 million numbers.
std::vector<std::vector<std::int64_t>> shapes() {
  std::vector<std::vector<std::int64_t>> list{{64, 3, 7, 7}, {64}, {64}};
  std::int64_t before = 64;
  for (const std::int64_t width : {64, 128, 256, 512}) {
    for (int block = 0; block < 2; ++block) {
      list.insert(list.end(), {{width, before, 3, 3}, {width}, {width}});
      list.insert(list.end(), {{width, width, 3, 3}, {width}, {width}});
      if (before != width) list.insert(list.end(), {{width, before, 1, 1}, {width}, {width}});
      before = width;
    }
  }
  list.insert(list.end(), {{1000, 512}, {1000}});
  return list;
}

/// Parameters, and losses that cost a few reads of them: this measures the step and not a network.
struct Task {
  std::vector<at::Tensor> parameters;
  Task() {
    torch::manual_seed(1);
    for (const auto& shape : shapes()) {
      parameters.push_back((torch::randn(shape) * 0.05).requires_grad_());
    }
  }
  at::Tensor loss(std::size_t k) const {
    at::Tensor sum;
    for (const auto& x : parameters) {
      const auto term = (x - 0.01 * static_cast<double>(k + 1)).square().sum();
      sum = sum.defined() ? sum + term : term;
    }
    return sum * 1e-3;
  }
  roga::LossClosure closure(std::size_t k) const {
    return [this, k] {
      for (const auto& x : parameters) x.mutable_grad() = at::Tensor();
      auto value = loss(k);
      value.backward();
      return value;
    };
  }
};

struct Bench {
  std::shared_ptr<roga::Communicator> group;
  int steps;

  bool speaks() const { return group->rank() == 0; }
  /// The median of the steps' times.
  double time(const std::function<void()>& step) const {
    step();
    std::vector<double> times;
    for (int s = 0; s < steps; ++s) {
      group->add_up(torch::zeros({1}))();  // all begin at once
      const auto start = Clock::now();
      step();
      times.push_back(milliseconds_since(start));
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  }
  void print(const std::string& name, double ms, double megabytes, double share) const {
    if (!speaks()) return;
    std::printf("%d,%s,%.1f,%.1f,%.2f\n", group->size(), name.c_str(), ms, megabytes, share);
    std::fflush(stdout);
  }

  template <class Recipe>
  void recipe(const char* name, const Recipe& recipe) const {
    struct Way {
      const char* name;
      roga::Placement placement;
      roga::Ascent ascent;
    };
    for (const Way& way : {Way{"shards", roga::Placement::shards, roga::Ascent::global},
                           Way{"domains", roga::Placement::domains, roga::Ascent::global},
                           Way{"local", roga::Placement::shards, roga::Ascent::local}}) {
      Task task;
      auto optimizer =
          roga::wrap<torch::optim::SGD>(recipe, task.parameters, torch::optim::SGDOptions(1e-3));
      auto metered = std::make_shared<Metered>(group);
      optimizer.distribute({.group = metered, .placement = way.placement, .ascent = way.ascent});
      std::vector<roga::LossClosure> closures;
      for (std::size_t k = 0; k < domains; ++k) {
        const bool here =
            way.placement == roga::Placement::shards ||
            k % static_cast<std::size_t>(group->size()) == static_cast<std::size_t>(group->rank());
        closures.push_back(here ? task.closure(k) : nullptr);
      }
      optimizer.step(closures);
      metered->bytes = metered->wire = 0;
      int count = 0;
      double all = 0;
      const double ms = time([&] {
        const auto start = Clock::now();
        optimizer.step(closures);
        all += milliseconds_since(start);
        ++count;
      });
      print(std::string(name) + "," + way.name, ms, metered->bytes / 1e6 / count,
            metered->wire / all);
    }
    by_hand(name, recipe);
  }
  /// Without distribute: each closure averages its gradients and loss, flat.
  template <class Recipe>
  void by_hand(const char* name, const Recipe& recipe) const {
    Task task;
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, task.parameters, torch::optim::SGDOptions(1e-3));
    double wire = 0;
    double bytes = 0;
    std::vector<roga::LossClosure> closures;
    for (std::size_t k = 0; k < domains; ++k) {
      closures.push_back([&, closure = task.closure(k)] {
        auto loss = closure();
        const torch::NoGradGuard no_grad;
        const auto start = Clock::now();
        std::vector<at::Tensor> list{loss.detach().reshape({1})};
        for (const auto& x : task.parameters) list.push_back(x.grad().reshape({-1}));
        auto flat = torch::cat(list);
        bytes += static_cast<double>(flat.numel()) * 4;
        group->add_up(flat)();
        flat.div_(group->size());
        std::int64_t begin = 1;
        for (auto& x : task.parameters) {
          x.mutable_grad().copy_(flat.narrow(0, begin, x.numel()).view_as(x));
          begin += x.numel();
        }
        wire += milliseconds_since(start);
        return flat[0];
      });
    }
    int count = 0;
    double all = 0;
    const double ms = time([&] {
      const auto start = Clock::now();
      optimizer.step(closures);
      all += milliseconds_since(start);
      ++count;
    });
    print(std::string(name) + ",closures that all-reduce", ms, bytes / 1e6 / count, wire / all);
  }
  /// The wire alone: the buckets of one row beside one flat all-reduce of as many bytes.
  void wire_alone() const {
    Task task;
    std::int64_t size = 0;
    for (const auto& x : task.parameters) size += x.numel();
    auto flat = torch::zeros({size});
    print("one flat all-reduce,", time([&] { group->add_up(flat)(); }),
          static_cast<double>(size) * 4e-6, 1);
  }
  /// Whether it would pay to send a domain's row while the next domain's pass runs: passes that
  /// compute about as long as a row travels, and a row after each.
  void sending_while_computing() const {
    const std::int64_t size = 11'689'512;
    std::vector<at::Tensor> rows;
    for (std::size_t k = 0; k < domains; ++k) rows.push_back(torch::zeros({size}));
    const double one_row = time([&] { group->add_up(rows[0])(); });
    const auto factor = torch::randn({256, 256}) / 16;
    auto product = factor;
    const auto start = Clock::now();
    for (int turn = 0; turn < 50; ++turn) product = product.mm(factor);
    // As long as a row travels; ranks compute alike, whatever they measured.
    const auto turns = torch::full({1}, 50 * one_row / milliseconds_since(start), torch::kDouble);
    group->add_up(turns)();
    const int count = std::max(1, static_cast<int>(turns.item<double>() / group->size()));
    const auto pass = [&] {
      for (int turn = 0; turn < count; ++turn) product = product.mm(factor);
    };
    const double megabytes = static_cast<double>(size) * 4e-6 * domains;
    print("passes alone,", time([&] {
            for (std::size_t k = 0; k < domains; ++k) pass();
          }),
          0, 0);
    print("rows after all passes,", time([&] {
            for (std::size_t k = 0; k < domains; ++k) pass();
            std::vector<std::function<void()>> waits;
            for (const auto& row : rows) waits.push_back(group->add_up(row));
            for (const auto& wait : waits) wait();
          }),
          megabytes, 0);
    print("each row while the next pass runs,", time([&] {
            std::vector<std::function<void()>> waits;
            for (const auto& row : rows) {
              pass();
              waits.push_back(group->add_up(row));
            }
            for (const auto& wait : waits) wait();
          }),
          megabytes, 0);
  }
};

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);
  const int rank = number("RANK", 0);
  const int size = number("WORLD_SIZE", 1);
  if (size < 2) {
    std::fprintf(stderr, "distributed: needs two ranks or more: scripts/run_ranks.sh 2 ...\n");
    return 2;
  }
  const Bench bench{roga::communicator(connect(rank, size)), argc > 1 ? std::atoi(argv[1]) : 5};
  if (bench.speaks()) std::printf("ranks,recipe,placement,ms,megabytes,wire_share\n");
  bench.wire_alone();
  bench.sending_while_computing();
  bench.recipe("erm", roga::recipes::erm());
  bench.recipe("sam", roga::recipes::sam());
  bench.recipe("roga", roga::recipes::roga());
  bench.recipe("gac_fas", roga::recipes::gac_fas());
  bench.recipe("pcgrad", roga::recipes::pcgrad());
}
