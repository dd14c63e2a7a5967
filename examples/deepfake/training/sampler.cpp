// SPDX-License-Identifier: MIT
#include "training/sampler.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>

#include "random/random.hpp"
#include "text/unknown_name.hpp"

namespace deepfake {
namespace {

std::vector<std::size_t> shuffled(std::size_t size, Random random) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = size; i > 1; --i) {
    std::swap(order[i - 1], order[random.bits() % i]);
  }
  return order;
}

}  // namespace

std::vector<std::string> protocol_domains(const std::string& protocol,
                                          const std::vector<std::string>& domains) {
  if (protocol == "all") return domains;
  const std::size_t colon = protocol.find(':');
  const std::string kind = protocol.substr(0, colon);
  if (colon == std::string::npos || (kind != "loo" && kind != "single")) {
    throw std::runtime_error("unknown protocol '" + protocol +
                             "': it must be all, loo:NAME or single:NAME");
  }
  const std::string name = protocol.substr(colon + 1);
  if (std::ranges::find(domains, name) == domains.end()) {
    std::string known;
    for (const std::string& domain : domains) known += (known.empty() ? "" : ", ") + domain;
    const std::string meant = nearest(name, domains);
    throw std::runtime_error("protocol " + protocol + ": the data has no manipulation '" + name +
                             "'" + (meant.empty() ? "" : " (did you mean '" + meant + "'?)") +
                             "; choose one of " + known);
  }
  if (kind == "single") return {name};
  std::vector<std::string> rest = domains;
  std::erase(rest, name);
  if (rest.empty()) {
    throw std::runtime_error("protocol " + protocol + " leaves no manipulation to train on");
  }
  return rest;
}

PairSampler::PairSampler(const Index& index, std::vector<std::string> domains,
                         const Options& options)
    : domains_(std::move(domains)), options_(options), candidates_(domains_.size()) {
  std::map<std::string, std::size_t> position;
  for (std::size_t k = 0; k < domains_.size(); ++k) position[domains_[k]] = k;
  for (std::size_t v = 0; v < index.videos.size(); ++v) {
    const Video& video = index.videos[v];
    if (!video.is_fake) {
      for (std::size_t f = 0; f < video.frames.size(); ++f) reals_.push_back({v, f});
      continue;
    }
    const auto domain = position.find(video.domain);
    if (domain == position.end()) continue;
    std::vector<Candidate> frames(video.frames.size());
    for (std::size_t f = 0; f < frames.size(); ++f) frames[f].fake = {v, f};
    if (video.real_partner) {
      for (const FramePair& pair : pair_frames(index.videos[*video.real_partner], video)) {
        frames[pair.fake].real = {*video.real_partner, pair.real};
        frames[pair.fake].paired = true;
      }
    }
    unpaired_ += static_cast<std::size_t>(
        std::ranges::count(frames, false, [](const Candidate& frame) { return frame.paired; }));
    auto& all = candidates_[domain->second];
    all.insert(all.end(), frames.begin(), frames.end());
  }
  if (reals_.empty()) throw std::runtime_error("there are no real frames to train on");
  std::size_t largest = 0;
  for (std::size_t k = 0; k < domains_.size(); ++k) {
    if (candidates_[k].empty()) {
      throw std::runtime_error("there are no frames of " + domains_[k] + " to train on");
    }
    largest = std::max(largest, candidates_[k].size());
  }
  steps_ = options_.steps_per_epoch > 0 ? options_.steps_per_epoch
                                        : (largest + options_.pairs - 1) / options_.pairs;
}

std::vector<std::size_t> PairSampler::sizes() const {
  std::vector<std::size_t> sizes;
  for (const auto& candidates : candidates_) sizes.push_back(candidates.size());
  return sizes;
}

Epoch PairSampler::epoch(std::uint64_t number) const {
  const Random root = Random(options_.seed).fork("sampler", number);
  const std::size_t length = steps_ * options_.pairs;
  Epoch epoch(domains_.size());
  for (std::size_t k = 0; k < domains_.size(); ++k) {
    const auto& candidates = candidates_[k];
    for (std::size_t round = 0; epoch[k].size() < length; ++round) {
      for (const std::size_t i : shuffled(candidates.size(), root.fork(domains_[k], round))) {
        if (epoch[k].size() == length) break;
        Random own = root.fork("pair", domains_[k], epoch[k].size());
        const Candidate& candidate = candidates[i];
        SamplePair pair{candidate.real, candidate.fake, own.bits()};
        if (!candidate.paired) pair.real = reals_[own.bits() % reals_.size()];
        epoch[k].push_back(pair);
      }
    }
  }
  return epoch;
}

}  // namespace deepfake
