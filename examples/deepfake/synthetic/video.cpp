// SPDX-License-Identifier: MIT
#include "synthetic/video.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "synthetic/camera.hpp"
#include "synthetic/render.hpp"

namespace deepfake {

Person::Person(const Population& population, std::uint64_t seed, int number)
    : population_(population),
      number_(number),
      stream_(Random(seed).fork("person", number)),
      identity_(sample_identity(population, stream_.fork("identity"))),
      scene_(sample_scene(population, stream_.fork("scene"))) {}

std::string Person::name() const {
  char text[16];
  std::snprintf(text, sizeof text, "%03d", number_);
  return text;
}

Face Person::frame(int k, int size) const {
  const Pose pose = sample_pose(population_, stream_.fork("pose", k));
  return capture(render(identity_, scene_, pose, size), scene_, stream_.fork("sensor", k));
}

Face Person::impersonate(const Person& other, int k, int size) const {
  const Pose pose = sample_pose(other.population_, other.stream_.fork("pose", k));
  Face face = render(identity_, other.scene_, pose, size);
  face.image = expose(face.image, other.scene_);
  return face;
}

PublishOptions Person::publishing(int k, int captured, int size) const {
  Random per_video = stream_.fork("quality");
  Random per_frame = stream_.fork("publish", k);
  PublishOptions options;
  options.size = size;
  options.quality = per_video.integer(population_.quality_low, population_.quality_high);
  const int side = per_frame.integer(size, captured);
  options.crop = {per_frame.integer(0, captured - side), per_frame.integer(0, captured - side),
                  side, side};
  return options;
}

Random Person::forging(Manipulation manipulation, int k) const {
  return stream_.fork("forgery", static_cast<int>(manipulation), k);
}

Forgery forge(Manipulation manipulation, const Person& target, const Face& target_frame,
              const Person& source, const Face& source_frame, int k) {
  using enum Manipulation;
  const bool generated = manipulation == deepfakes || manipulation == shifted_swap;
  const Face donor =
      generated ? source.impersonate(target, k, target_frame.image.cols) : source_frame;
  return manipulate(manipulation, target_frame, donor, target.forging(manipulation, k));
}

std::vector<std::pair<Person, Person>> pair_up(std::vector<Person> people) {
  const auto difference = [](const Person& a, const Person& b) {
    return cv::norm(a.identity().skin - b.identity().skin);
  };
  constexpr std::size_t candidates = 12;
  std::vector<std::pair<Person, Person>> pairs;
  while (people.size() > 1) {
    const Person first = people.front();
    const std::size_t end = std::min(people.size(), candidates + 1);
    std::size_t best = 1;
    for (std::size_t i = 2; i < end; ++i) {
      if (difference(first, people[i]) < difference(first, people[best])) best = i;
    }
    pairs.emplace_back(first, people[best]);
    people.erase(people.begin() + static_cast<std::ptrdiff_t>(best));
    people.erase(people.begin());
  }
  return pairs;
}

}  // namespace deepfake
