// SPDX-License-Identifier: MIT
// A small training whose data lies on several ranks, or on one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "support/problems.hpp"
#include "tests/distributed/ranks.hpp"

namespace worlds {

/// Who has which rows: rows[rank][domain] of the domain's minibatch, one after the other. No
/// domain has rows on no rank.
using Rows = std::vector<std::vector<std::int64_t>>;

/// Three domains, in shards of these rows each.
inline Rows shards(std::size_t ranks, bool uneven) {
  Rows rows;
  for (std::size_t r = 0; r < ranks; ++r) {
    const auto mine = uneven ? static_cast<std::int64_t>(r + 1) : 2;
    rows.push_back({mine, mine, mine});
  }
  return rows;
}
/// Domain k on rank k % ranks.
inline Rows whole(std::size_t ranks, std::size_t domains = 3) {
  Rows rows(ranks, std::vector<std::int64_t>(domains, 0));
  for (std::size_t k = 0; k < domains; ++k) rows[k % ranks][k] = 5;
  return rows;
}

/// A network, and the rows of one rank or, as rank `all`, of all of them.
struct World {
  static constexpr std::size_t all = static_cast<std::size_t>(-1);
  torch::nn::Sequential net{nullptr};
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> targets;
  std::vector<bool> here;

  World(const Rows& rows, std::size_t rank, at::ScalarType type = at::kDouble,
        torch::nn::Sequential layers = nullptr) {
    torch::manual_seed(7);
    net = layers.is_empty() ? torch::nn::Sequential(torch::nn::Linear(5, 6), torch::nn::Tanh(),
                                                    torch::nn::Linear(6, 2))
                            : layers;
    net->to(type);
    for (std::size_t k = 0; k < rows.front().size(); ++k) {
      std::vector<at::Tensor> x;
      std::vector<at::Tensor> y;
      for (std::size_t r = 0; r < rows.size(); ++r) {
        // Drawn by all alike.
        auto input = torch::randn({rows[r][k], 5}, at::kDouble) + 0.3 * static_cast<double>(k);
        auto target = torch::randn({rows[r][k], 2}, at::kDouble);
        if (rank != all && rank != r) continue;
        x.push_back(input);
        y.push_back(target);
      }
      inputs.push_back(torch::cat(x).to(type));
      targets.push_back(torch::cat(y).to(type));
      here.push_back(inputs.back().size(0) > 0);
    }
  }
  at::Tensor loss(std::size_t k) { return torch::mse_loss(net->forward(inputs[k]), targets[k]); }
  std::vector<std::size_t> domains() const {
    std::vector<std::size_t> list;
    for (std::size_t k = 0; k < here.size(); ++k) {
      if (here[k]) list.push_back(k);
    }
    return list;
  }
  roga::LossClosure closure(std::size_t k) {
    if (!here[k]) return nullptr;
    return [this, k] {
      net->zero_grad();
      auto value = loss(k);
      value.backward();
      return value;
    };
  }
  std::vector<roga::LossClosure> closures() {
    std::vector<roga::LossClosure> list;
    for (std::size_t k = 0; k < here.size(); ++k) list.push_back(closure(k));
    return list;
  }
  /// [K] of those that are here.
  at::Tensor losses() {
    std::vector<at::Tensor> list;
    for (const std::size_t k : domains()) list.push_back(loss(k));
    return torch::stack(list);
  }
  at::Tensor flat() const {
    std::vector<at::Tensor> list;
    for (const auto& x : net->parameters()) list.push_back(x.detach().reshape({-1}));
    return torch::cat(list).to(at::kDouble);
  }
};

/// The bits of a tensor, in letters.
inline std::string bits(const at::Tensor& x) {
  const auto line = x.detach().cpu().contiguous();
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto* byte = static_cast<const unsigned char*>(line.data_ptr());
  for (std::size_t i = 0; i < line.nbytes(); ++i) hash = (hash ^ byte[i]) * 0x100000001b3U;
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}
/// Of the largest entry.
inline double relative(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

/// How a rank's steps are driven.
enum class Drive { closures, pooled, shared, phases };

template <class Optimizer>
at::Tensor drive(Optimizer& optimizer, World& world, Drive how) {
  switch (how) {
    case Drive::pooled:
      return optimizer.step(roga::Domains{world.closures(), [&] {
                                            world.net->zero_grad();
                                            auto losses = world.losses();
                                            losses.mean().backward();
                                            return losses;
                                          }});
    case Drive::shared:
      if (world.domains().empty()) return optimizer.step(world.closures());
      return optimizer.step(roga::SharedForward{[&] {
                                                  world.net->zero_grad();
                                                  return world.losses();
                                                },
                                                world.domains()});
    case Drive::phases: {
      auto step = optimizer.phases(world.domains());
      if (!world.domains().empty()) {
        at::Tensor loss;
        do {
          loss = world.closure(step.domain())();
        } while (step.ascend(loss));
      }
      return step.descend();
    }
    case Drive::closures:
      break;
  }
  return optimizer.step(world.closures());
}

/// What must be told apart in a comparison of ranks with one process.
struct Comparison {
  std::string bits;   ///< of the weights after the last step
  double away = 0;    ///< from one process, relative
  double losses = 0;  ///< the same of the losses that steps returned
};

/// Trains with the ranks and alone.
template <class Base = torch::optim::SGD, class Recipe, class Options, class Setup>
Comparison compare(ranks::Rank& me, const Recipe& recipe, const Options& options, const Rows& rows,
                   roga::Distribution distribution, int steps, Drive how, Setup&& set_up) {
  World mine(rows, me.number);
  World whole(rows, World::all);
  auto together = roga::wrap<Base>(recipe, mine.net->parameters(), options);
  auto alone = roga::wrap<Base>(recipe, whole.net->parameters(), options);
  distribution.group = me.group;
  together.distribute(distribution);
  set_up(together);
  set_up(alone);
  Comparison out;
  for (int s = 0; s < steps; ++s) {
    const auto loss = drive(together, mine, how);
    const auto expected = drive(alone, whole, how);
    out.losses = std::max(out.losses, relative(loss.to(at::kDouble), expected.to(at::kDouble)));
  }
  out.bits = bits(mine.flat());
  out.away = relative(mine.flat(), whole.flat());
  return out;
}

}  // namespace worlds
