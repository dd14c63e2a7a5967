// SPDX-License-Identifier: MIT
// What a step of each recipe costs beside plain training, the loop by hand and GAC-FAS's scheme.
//
//   step_cost --benchmark_filter='small_network/(sam|roga)/' --benchmark_out=step_cost.json
//   step_cost --device=cuda ...
//
// A row is WORKLOAD/RECIPE/DOMAINS. Its counters are medians of ratios; docs/performance_tables.md,
// which bench/performance.py makes of the JSON file, says what each means.
#include "task.hpp"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <roga/domain_loader.hpp>
#include <roga/regroup.hpp>
#include <roga/weight_average.hpp>
#include <string>

#include "baselines/by_hand.hpp"
#include "baselines/gac_fas_scheme.hpp"
#include "measure.hpp"
#ifdef ROGA_BENCH_CUDA
#include "profile.hpp"
#endif
#include "networks/freed_memory.hpp"
#include "networks/networks.hpp"
#include "support/bytes.hpp"
#include "support/calls.hpp"
#include "support/recipes.hpp"

namespace {

using bench::Task;
using Step = std::function<void()>;

/// So small that no weight changes: contenders share the weights.
torch::optim::SGDOptions base_options() { return torch::optim::SGDOptions(1e-30); }

/// The vectors, which stand for the parameters of normalisation layers.
std::vector<at::Tensor> norms_of(const Task& task) {
  std::vector<at::Tensor> vectors;
  for (const auto& p : task.parameters) {
    if (p.dim() == 1) vectors.push_back(p);
  }
  return vectors;
}

/// What a row has around its recipe.
enum class Around : unsigned char { nothing, ascends_along_norms, pooled_closure };

struct Recipe {
  std::string name;
  std::function<Step(const Task&, roga::NonFinite)> wrap;
  std::function<roga::Cost(std::size_t)> cost;
};

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = [] {
    std::vector<Recipe> list;
    auto add = [&](const std::string& name, auto recipe, Around around) {
      list.push_back({name,
                      [recipe, around](const Task& task, roga::NonFinite rule) -> Step {
                        auto optimizer = std::make_shared<decltype(roga::wrap<torch::optim::SGD>(
                            recipe, task.parameters, base_options()))>(recipe, task.parameters,
                                                                       base_options());
                        optimizer->non_finite(rule);
                        if (task.module) optimizer->protect(*task.module);
                        if (around == Around::ascends_along_norms) {
                          optimizer->ascend_only(norms_of(task), roga::Bystanders::out_of_graph);
                        }
                        if (around == Around::pooled_closure) {
                          return [optimizer, domains = roga::Domains{task.closures, task.pooled}] {
                            optimizer->step(domains);
                          };
                        }
                        return [optimizer, closures = task.closures] { optimizer->step(closures); };
                      },
                      [recipe](std::size_t domains) { return roga::cost(recipe, domains); }});
    };
    every::recipe(
        [&](const std::string& name, auto recipe, bool) { add(name, recipe, Around::nothing); });
    add("sam_on", roga::recipes::sam({.rho = .2}), Around::ascends_along_norms);
    add("looksam_5", roga::recipes::looksam({.rho = .2, .k = 5}), Around::nothing);
    add("sam_domains", roga::recipes::sam({.rho = .2}), Around::pooled_closure);
    add("roga_pooled_domains", roga::recipes::roga_pooled({.rho = .2}), Around::pooled_closure);
    return list;
  }();
  return all;
}

/// The same method by hand, where there is one.
Step by_hand_of(const std::string& name, const Task& task) {
  auto base = std::make_shared<torch::optim::SGD>(task.parameters, base_options());
  const auto& p = task.parameters;
  const auto& c = task.closures;
  if (name == "sam") return [=] { by_hand::sam(*base, p, c, .2); };
  if (name == "asam") return [=] { by_hand::asam(*base, p, c, .3, .1); };
  if (name == "gsam") return [=] { by_hand::gsam(*base, p, c, .2, .4); };
  if (name == "sagm") return [=] { by_hand::sagm(*base, p, c, .2, .05); };
  if (name == "roga") return [=] { by_hand::roga(*base, p, c, .2, .05, false); };
  if (name == "roga_pooled") return [=] { by_hand::roga(*base, p, c, .2, .05, true); };
  if (name == "pcgrad") return [=] { by_hand::pcgrad(*base, p, c); };
  if (name == "looksam" || name == "looksam_5") {
    return
        [=, step = 0, memory = by_hand::Tensors(), period = name == "looksam" ? 3 : 5]() mutable {
          by_hand::looksam(*base, p, c, .2, .7, period, step++, memory);
        };
  }
  return {};
}

/// GAC-FAS's scheme over copies of the task's network.
Step gac_fas_scheme(const Task& task, std::size_t domains) {
  std::vector<std::shared_ptr<deepfake::Detector>> networks;
  std::vector<std::vector<at::Tensor>> parameters;
  for (std::size_t copy = 0; copy <= domains; ++copy) {
    networks.push_back(task.make());
    parameters.push_back(networks.back()->parameters());
  }
  auto losses = [=, x = task.images, y = task.labels](std::size_t copy) {
    return at::binary_cross_entropy_with_logits(networks[copy]->forward(x), y, {}, {},
                                                at::Reduction::None)
        .view({static_cast<std::int64_t>(domains), -1})
        .mean(1);
  };
  auto scheme = std::make_shared<bench::GacFasScheme>(parameters, losses, .2, .05);
  auto base = std::make_shared<torch::optim::SGD>(parameters.front(), base_options());
  return [=] { scheme->step(*base); };
}

double bytes_of(const std::vector<at::Tensor>& tensors) {
  double sum = 0;
  for (const auto& t : tensors) sum += static_cast<double>(t.nbytes());
  return sum;
}

/// Bytes that a step holds beyond what was there before it began, in copies of the parameters.
double extra_copies(const Task& task, const Step& step) {
  for (int i = 0; i < 2; ++i) step();
  double gradients = 0;
  for (auto p : task.parameters) {
    if (p.grad().defined()) gradients += static_cast<double>(p.grad().nbytes());
    p.mutable_grad() = at::Tensor();
  }
  const support::Bytes bytes;
  for (int i = 0; i < 5; ++i) step();
  return (static_cast<double>(bytes.peak()) - gradients) / bytes_of(task.parameters);
}

enum class Workload : unsigned char { parameters, small_network, network };

void measure(benchmark::State& state, const std::function<Task(std::size_t)>& make,
             const Recipe& recipe, std::size_t domains, Workload workload) {
  const bool network = workload != Workload::parameters;
  Task task = make(domains);
  const Step ours = recipe.wrap(task, roga::NonFinite::skip);
  const Step by_hand = by_hand_of(recipe.name, task);
  const bool against_copies =
      network && (recipe.name == "roga" || recipe.name == "roga_pooled") && domains > 1;
  const Step scheme = against_copies ? gac_fas_scheme(task, domains) : Step();
  torch::optim::SGD base(task.parameters, base_options());
  const Step erm = [&] { by_hand::erm(base, task.parameters, {task.pooled}); };
  // What every way to take these passes has in common: fresh gradients, and the base step.
  const double passes = recipe.cost(domains).passes;
  const Step bare = [&] {
    const auto evaluations = std::lround(passes * static_cast<double>(domains));
    for (long i = 0; i < evaluations; ++i) {
      for (auto& p : task.parameters) p.mutable_grad() = at::Tensor();
      task.closures[static_cast<std::size_t>(i) % domains]();
    }
    base.step();
  };
  std::vector<at::Tensor> copies;
  for (const auto& p : task.parameters) copies.push_back(p.detach().clone());
  const Step copy = [&] {
    for (std::size_t i = 0; i < copies.size(); ++i) copies[i].copy_(task.parameters[i].detach());
  };
  for (const auto& warm : {erm, ours, bare, copy}) warm();
  if (by_hand) by_hand();
  if (scheme) scheme();

  // A period of three or five steps is one turn.
  const bool every_third = recipe.name == "looksam" || recipe.name == "roga_periodic";
  const int steps = every_third ? 3 : recipe.name == "looksam_5" ? 5 : 1;
  std::vector<double> to_erm, to_hand, scheme_to_ours, own, copy_times;
  for (auto _ : state) {
    double e = 0, o = 0, h = 0, b = 0;
    for (int i = 0; i < steps; ++i) {
      e += bench::seconds(erm);
      o += bench::seconds(ours);
      if (by_hand) h += bench::seconds(by_hand);
      if (!network) b += bench::seconds(bare);
    }
    const double c = bench::seconds(copy);
    to_erm.push_back(o / e);
    if (by_hand) to_hand.push_back(o / h);
    if (scheme) scheme_to_ours.push_back(bench::seconds(scheme) / o);
    if (!network && steps == 1) own.push_back((o - b) / c);
    copy_times.push_back(c);
    state.SetIterationTime(o);
  }
  state.counters["to_erm"] = bench::median(to_erm);
  if (by_hand) state.counters["to_by_hand"] = bench::median(to_hand);
  if (scheme) state.counters["scheme_to_ours"] = bench::median(scheme_to_ours);
  if (!own.empty()) state.counters["own_copies"] = bench::median(own);
  state.counters["passes"] = passes;
  state.counters["tensors"] = static_cast<double>(task.parameters.size());
  state.counters["parameters"] = bytes_of(task.parameters) / sizeof(float);
  state.counters["copy_gb_s"] =
      2e-9 * bytes_of(task.parameters) / bench::median(std::move(copy_times));
#ifdef ROGA_BENCH_CUDA
  if (bench::device.is_cuda()) {
    const Step unchecked = recipe.wrap(task, roga::NonFinite::ignore);
    for (int i = 0; i < 2 * steps; ++i) unchecked();
    const bench::Profile passes_alone = network ? bench::Profile() : bench::profile(bare);
    auto count = [&](const Step& step, const std::string& suffix) {
      const auto counts = bench::profile([&] {
        for (int i = 0; i < steps; ++i) step();
      });
      state.counters["waits" + suffix] = static_cast<double>(counts.waits) / steps;
      state.counters["kernels" + suffix] =
          static_cast<double>(counts.kernels) / steps - static_cast<double>(passes_alone.kernels);
      return counts.seconds / steps - passes_alone.seconds;
    };
    const double busy = count(unchecked, "");
    count(ours, "_checked");
    if (by_hand) count(by_hand, "_by_hand");
    if (!network) {
      auto to = at::empty({static_cast<std::int64_t>(bytes_of(task.parameters) / sizeof(float))},
                          bench::device);
      const auto from = at::zeros_like(to);
      const double one_copy = bench::profile([&] { to.copy_(from); }).seconds;
      state.counters["device_copies"] = busy / one_copy;
      state.counters["device_gb_s"] = 2e-9 * bytes_of(task.parameters) / one_copy;
    }
  }
#endif
  if (network) return;
  const auto closure_calls = support::dispatcher_calls(bare);
  state.counters["calls"] = static_cast<double>(support::dispatcher_calls(ours) - closure_calls);
  state.counters["copies"] = extra_copies(task, ours);
  if (by_hand) {
    state.counters["calls_by_hand"] =
        static_cast<double>(support::dispatcher_calls(by_hand) - closure_calls);
    state.counters["copies_by_hand"] = extra_copies(task, by_hand);
  }
}

void register_rows(const std::string& workload, const std::function<Task(std::size_t)>& make,
                   int turns, Workload kind) {
  const std::vector<std::string> few{
      "erm",         "sam",       "asam",   "sagm",        "roga",
      "roga_pooled", "looksam_5", "sam_on", "sam_domains", "roga_pooled_domains"};
  for (const Recipe& recipe : recipes()) {
    if (kind == Workload::network && std::ranges::find(few, recipe.name) == few.end()) continue;
    if (kind == Workload::parameters && recipe.name.ends_with("_domains")) continue;
    for (const std::size_t domains : {1U, 2U, 4U, 8U}) {
      const std::string name = workload + "/" + recipe.name + "/" + std::to_string(domains);
      benchmark::RegisterBenchmark(
          name.c_str(),
          [=, &recipe](benchmark::State& state) { measure(state, make, recipe, domains, kind); })
          ->UseManualTime()
          ->Iterations(turns)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

/// Growth with one size, the others fixed: a line in docs/performance_tables.md.
void register_growth() {
  auto row = [](const std::string& name, const std::string& method, std::int64_t parameters,
                std::int64_t tensors, std::size_t domains) {
    for (const Recipe& recipe : recipes()) {
      if (recipe.name != method) continue;
      benchmark::RegisterBenchmark(name.c_str(),
                                   [=, &recipe](benchmark::State& state) {
                                     measure(
                                         state,
                                         [=](std::size_t k) {
                                           return bench::without_network(
                                               bench::uniform(parameters, tensors), k);
                                         },
                                         recipe, domains, Workload::parameters);
                                   })
          ->UseManualTime()
          ->Iterations(parameters > 20'000'000 ? 3 : 9)
          ->Unit(benchmark::kMillisecond);
    }
  };
  for (const std::string method : {"sam", "roga"}) {
    for (const std::int64_t n : {10'000, 100'000, 1'000'000, 10'000'000, 100'000'000}) {
      row("parameters/" + method + "/" + std::to_string(n), method, n, 100, 2);
    }
    for (const std::int64_t n : {10, 100, 1'000, 10'000}) {
      row("tensors/" + method + "/" + std::to_string(n), method, 1'000'000, n, 2);
    }
  }
  for (const std::string method : {"roga", "cagrad", "pcgrad"}) {
    for (const std::size_t k : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) {
      row("domains/" + method + "/" + std::to_string(k), method, 1'000'000, 100, k);
    }
  }
}

/// One update of an average, in copies of the parameters.
void register_averages() {
  auto row = [](const std::string& name, const bench::Shapes& shapes,
                roga::WeightAverage::Rule rule) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) {
                                   const Task task = bench::without_network(shapes, 1);
                                   roga::WeightAverage average(task.parameters, rule);
                                   std::vector<at::Tensor> copies;
                                   for (const auto& p : task.parameters) {
                                     copies.push_back(p.detach().clone());
                                   }
                                   average.update();
                                   std::vector<double> ratios;
                                   for (auto _ : state) {
                                     const double c = bench::seconds([&] {
                                       for (std::size_t i = 0; i < copies.size(); ++i) {
                                         copies[i].copy_(task.parameters[i].detach());
                                       }
                                     });
                                     const double u = bench::seconds([&] { average.update(); });
                                     ratios.push_back(u / c);
                                     state.SetIterationTime(u);
                                   }
                                   state.counters["own_copies"] = bench::median(ratios);
                                 })
        ->UseManualTime()
        ->Iterations(15)
        ->Unit(benchmark::kMillisecond);
  };
  const std::vector<std::pair<std::string, bench::Shapes>> lists{
      {"resnet50", bench::resnet50()}, {"transformer", bench::transformer()}};
  for (const auto& [list, shapes] : lists) {
    row("average_" + list + "/exponential/1", shapes, roga::ExponentialAverage{});
    row("average_" + list + "/uniform/1", shapes, roga::UniformAverage{});
    row("average_" + list + "/dense/1", shapes, roga::DenseAverage{});
  }
}

/// Batches of a loop beside the tensor calls that they consist of.
void register_loops() {
  auto row = [](const std::string& name, auto make) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) {
                                   const auto [ours, by_hand] = make();
                                   for (const auto& warm : {ours, by_hand}) warm();
                                   std::vector<double> ratios;
                                   for (auto _ : state) {
                                     const double o = bench::seconds(ours);
                                     ratios.push_back(o / bench::seconds(by_hand));
                                     state.SetIterationTime(o);
                                   }
                                   state.counters["to_by_hand"] = bench::median(ratios);
                                 })
        ->UseManualTime()
        ->Iterations(51)
        ->Unit(benchmark::kMillisecond);
  };
  // Four domains of 2,000 images of 3 x 32 x 32, batches of 16.
  auto samples = [](std::int64_t count) {
    return roga::Samples{at::rand({count, 3, 32, 32}, bench::device),
                         at::zeros({count}, bench::device)};
  };
  using Pair = std::pair<Step, Step>;
  row("loop/domain_loader/4", [=]() -> Pair {
    const std::vector<roga::Samples> domains(4, samples(2000));
    auto loader = std::make_shared<roga::DomainLoader<roga::Samples>>(
        domains, roga::DomainLoaderOptions{.batch_size = 16});
    const auto rows = at::randint(2000, {16}, at::TensorOptions(at::kLong).device(bench::device));
    return {[=] { benchmark::DoNotOptimize(loader->next()); },
            [=] {
              for (const auto& domain : domains) {
                benchmark::DoNotOptimize(domain.data.index_select(0, rows));
                benchmark::DoNotOptimize(domain.target.index_select(0, rows));
              }
            }};
  });
  row("loop/regroup/4", [=]() -> Pair {
    const std::vector<roga::Samples> batches(4, samples(16));
    std::vector<at::Tensor> data;
    for (const auto& batch : batches) data.push_back(batch.data);
    const auto rows = at::randperm(64, at::TensorOptions(at::kLong).device(bench::device));
    return {[=] { benchmark::DoNotOptimize(roga::regroup(batches, {.seed = 1, .step = 1})); },
            [=] { benchmark::DoNotOptimize(at::cat(data).index_select(0, rows)); }};
  });
}

/// One pass over a parameter list as a loop over tensors, as one multi-tensor call, and over one
/// flat buffer of the same size: which of them wins decides how roga's kernels are written.
void register_kernels() {
  const std::vector<std::pair<std::string, bench::Shapes>> lists{
      {"resnet50", bench::resnet50()}, {"transformer", bench::transformer()}};
  for (const auto& [name, shapes] : lists) {
    auto row = [](const std::function<void()>& loop, const std::function<void()>& multi,
                  const std::function<void()>& flat, benchmark::State& state) {
      std::vector<double> to_loop_multi, to_loop_flat;
      for (auto _ : state) {
        const double l = bench::seconds(loop);
        to_loop_multi.push_back(bench::seconds(multi) / l);
        to_loop_flat.push_back(bench::seconds(flat) / l);
        state.SetIterationTime(l);
      }
      state.counters["multi_to_loop"] = bench::median(to_loop_multi);
      state.counters["flat_to_loop"] = bench::median(to_loop_flat);
    };
    for (const int what : {0, 1}) {
      benchmark::RegisterBenchmark(
          ("kernels/" + name + "_" + (what == 0 ? "add" : "norm") + "/1").c_str(),
          [=, shapes = shapes](benchmark::State& state) {
            const c10::NoGradGuard no_grad;
            std::vector<at::Tensor> a, b;
            std::int64_t size = 0;
            for (const auto& shape : shapes) {
              a.push_back(at::randn(shape, bench::device));
              b.push_back(at::randn(shape, bench::device));
              size += a.back().numel();
            }
            const at::Tensor flat_a = at::randn({size}, bench::device);
            const at::Tensor flat_b = at::randn({size}, bench::device);
            if (what == 0) {
              row(
                  [&] {
                    for (std::size_t i = 0; i < a.size(); ++i) a[i].add_(b[i], 1e-9);
                  },
                  [&] { at::_foreach_add_(a, b, 1e-9); }, [&] { flat_a.add_(flat_b, 1e-9); },
                  state);
            } else {
              row(
                  [&] {
                    for (const auto& t : a) benchmark::DoNotOptimize(at::linalg_vector_norm(t));
                  },
                  [&] { benchmark::DoNotOptimize(at::_foreach_norm(a)); },
                  [&] { benchmark::DoNotOptimize(at::linalg_vector_norm(flat_a)); }, state);
            }
          })
          ->UseManualTime()
          ->Iterations(15)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--device=cuda") {
    if (!torch::cuda::is_available()) {
      std::cerr << "step_cost: --device=cuda: this LibTorch sees no CUDA device\n";
      return 2;
    }
    bench::device = at::kCUDA;
    argv[1] = argv[0];
    --argc;
    ++argv;
  }
  at::set_num_threads(1);
  deepfake::keep_freed_memory();
  register_rows("small_network", bench::small_network, 15, Workload::small_network);
  register_rows("many_tensors", bench::many_tensors, 15, Workload::network);
  register_rows("resnet18_network", bench::resnet18_network, 7, Workload::network);
  const std::vector<std::pair<std::string, bench::Shapes>> lists{
      {"resnet18", bench::resnet18()},
      {"resnet50", bench::resnet50()},
      {"transformer", bench::transformer()}};
  for (const auto& [name, shapes] : lists) {
    register_rows(
        name, [shapes = shapes](std::size_t k) { return bench::without_network(shapes, k); }, 9,
        Workload::parameters);
  }
  register_growth();
  register_averages();
  register_loops();
  register_kernels();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
