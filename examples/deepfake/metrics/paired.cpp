// SPDX-License-Identifier: MIT
#include "metrics/paired.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "metrics/ranking.hpp"

namespace deepfake {
namespace {

/// FNV-1a: the same on every machine, unlike std::hash.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325u) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

/// The videos of one class, with how often each is in the current resample.
struct Stratum {
  std::map<std::string, std::size_t> ids;  // in the order of names, not of the file
  std::vector<double> times;
  std::mt19937_64 random;

  void prepare(std::uint64_t seed) {
    std::size_t next = 0;
    for (auto& [name, id] : ids) id = next++;
    times.resize(next);
    random.seed(seed);
  }
  void draw() {
    std::ranges::fill(times, 0.0);
    for (std::size_t n = 0; n < times.size(); ++n) times[random() % times.size()] += 1;
  }
};

double mean_of(std::span<const ResampledAuc> aucs, auto value) {
  double sum = 0;
  for (const ResampledAuc& one : aucs) sum += value(one);
  return sum / static_cast<double>(aucs.size());
}

}  // namespace

ResampledAuc resampled_auc(std::span<const FrameScore> scores, const std::string& dataset,
                           const std::string& domain, const Bootstrap& bootstrap) {
  check(bootstrap);
  std::vector<double> values, weights;
  std::vector<int> labels;
  std::vector<std::string> videos;
  std::vector<std::string> keys;
  std::array<Stratum, 2> strata;
  for (const FrameScore& score : scores) {
    if (score.dataset != dataset || (score.label == 1 && score.domain != domain)) continue;
    values.push_back(score.prob);
    labels.push_back(score.label);
    videos.push_back(score.domain + '/' + score.video);
    keys.push_back(std::to_string(score.label) + videos.back() + '/' + score.frame + '\n');
    strata[score.label == 1].ids[videos.back()];
  }
  ResampledAuc result;
  try {
    const Ranking ranking(values, labels);
    result.observed = ranking.auc();
    strata[0].prepare(hash_of(dataset + "\nreal", bootstrap.seed));
    strata[1].prepare(hash_of(dataset + "\nfake\n" + domain, bootstrap.seed));
    std::vector<const double*> times_of;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Stratum& stratum = strata[labels[i] == 1];
      times_of.push_back(&stratum.times[stratum.ids.at(videos[i])]);
    }
    weights.resize(values.size());
    for (int n = 0; n < bootstrap.resamples; ++n) {
      for (Stratum& stratum : strata) stratum.draw();
      std::ranges::transform(times_of, weights.begin(), [](const double* times) { return *times; });
      result.resampled.push_back(ranking.auc(weights));
    }
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(dataset + ", " + domain + ": " + error.what());
  }
  std::ranges::sort(keys);
  result.test = hash_of(dataset);
  for (const std::string& key : keys) result.test = hash_of(key, result.test);
  return result;
}

PairedDifference paired_difference(std::span<const ResampledAuc> first,
                                   std::span<const ResampledAuc> second,
                                   const Bootstrap& bootstrap) {
  check(bootstrap);
  if (first.empty() || second.empty()) {
    throw std::runtime_error("a paired difference needs scores of both methods");
  }
  const std::size_t resamples = first.front().resampled.size();
  for (const auto& side : {first, second}) {
    for (const ResampledAuc& one : side) {
      if (one.resampled.size() != resamples) {
        throw std::runtime_error("a paired difference needs equally many resamples, got " +
                                 std::to_string(resamples) + " and " +
                                 std::to_string(one.resampled.size()));
      }
    }
  }
  const auto observed = [](const ResampledAuc& one) { return one.observed; };
  std::vector<double> differences;
  for (std::size_t n = 0; n < resamples; ++n) {
    const auto resampled = [&](const ResampledAuc& one) { return one.resampled[n]; };
    differences.push_back(mean_of(first, resampled) - mean_of(second, resampled));
  }
  PairedDifference result;
  result.difference = mean_of(first, observed) - mean_of(second, observed);
  result.p_value = two_sided_p(differences);
  result.interval = percentile_interval(std::move(differences), bootstrap.confidence);
  return result;
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return p_values[i]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto tests_left = static_cast<double>(order.size() - rank);
    largest = std::max(largest, std::min(1.0, tests_left * p_values[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

}  // namespace deepfake
