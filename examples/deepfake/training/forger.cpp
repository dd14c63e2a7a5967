// SPDX-License-Identifier: MIT
#include "training/forger.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "data/identities.hpp"
#include "forging/landmarks.hpp"
#include "random/random.hpp"

namespace deepfake {
namespace {

bool share_somebody(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::any_of(
      a, [&](const std::string& person) { return std::ranges::find(b, person) != b.end(); });
}

}  // namespace

Forger::Forger(const Index& index, ImageCache& cache, std::string region)
    : index_(index), cache_(cache), region_(std::move(region)) {
  for (std::size_t v = 0; v < index_.videos.size(); ++v) {
    const Video& video = index_.videos[v];
    if (video.is_fake) continue;
    position_[v] = reals_.size();
    reals_.push_back(v);
    people_.push_back(identities(index_, video));
  }
  for (const Video& video : index_.videos) {
    if (video.pseudo.empty() || !needs_donor(video.pseudo)) continue;
    const bool has_others = std::ranges::any_of(
        people_, [&](const auto& people) { return !share_somebody(people, people_.front()); });
    if (!has_others) {
      throw std::runtime_error("option pseudo: " + video.pseudo +
                               " needs real videos of two people in split " + video.split +
                               ", and there is one; leave that kind out");
    }
    break;
  }
}

FrameRef Forger::donor_for(FrameRef real, Random random) const {
  const auto& own = people_[position_.at(real.video)];
  // Nearly every draw is of somebody else; where few are, the search goes on from the last one.
  std::size_t n = random.bits() % reals_.size();
  constexpr std::size_t draws = 8;
  for (std::size_t tried = 0; tried < draws + reals_.size(); ++tried) {
    if (!share_somebody(people_[n], own)) break;
    n = tried < draws ? random.bits() % reals_.size() : (n + 1) % reals_.size();
  }
  return {reals_[n], random.bits() % index_.videos[reals_[n]].frames.size()};
}

const FaceShape& Forger::shape(FrameRef real, int size) const {
  const std::lock_guard lock(mutex_);
  const auto assumed = [&]() -> const FaceShape& {
    auto found = assumed_.find(size);
    if (found == assumed_.end()) {
      found = assumed_.emplace(size, assumed_shape(region_, size)).first;
    }
    return found->second;
  };
  const auto known = shapes_.find({real.video, real.frame});
  if (known != shapes_.end()) return known->second.face.empty() ? assumed() : known->second;
  const auto& frame = index_.videos[real.video].frames[real.frame];
  const auto file = landmarks_file(frame);
  FaceShape& shape = shapes_[{real.video, real.frame}];
  if (file.empty() || !std::filesystem::exists(file)) return assumed();
  return shape = shape_of(read_landmarks(file), image_size(frame), size);
}

Forged Forger::made(FrameRef fake, const cv::Mat& image, FrameRef real, const Random& random,
                    const ForgeOptions& options) const {
  const std::string& kind = index_.videos[fake.video].pseudo;
  const Picture target{image, shape(real, image.cols)};
  if (!needs_donor(kind)) return deepfake::forge(kind, target, nullptr, random, options);
  const FrameRef other = donor_for(real, random.fork("donor"));
  const Picture donor{cache_.get(other), shape(other, image.cols)};
  return deepfake::forge(kind, target, &donor, random, options);
}

Forged Forger::forge(const SamplePair& pair) const {
  return made(pair.fake, cache_.get(pair.real), pair.real, Random(pair.key).fork("forgery"), {});
}

Forged Forger::forge_for_validation(FrameRef fake) const {
  const Video& video = index_.videos[fake.video];
  const FrameRef real{video.real_partner.value(), fake.frame};
  const std::optional<cv::Mat> image = cache_.try_get(real);
  if (!image) return {};
  const Random random = Random(0).fork("validation", video.dataset, video.pseudo, video.name,
                                       video.frames[fake.frame].stem().string());
  return made(fake, *image, real, random, {.keep_target = true});
}

std::size_t Forger::videos_with_landmarks() const {
  return static_cast<std::size_t>(std::ranges::count_if(reals_, [&](std::size_t v) {
    const auto file = landmarks_file(index_.videos[v].frames.front());
    return !file.empty() && std::filesystem::exists(file);
  }));
}

}  // namespace deepfake
