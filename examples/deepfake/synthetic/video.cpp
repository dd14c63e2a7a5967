// SPDX-License-Identifier: MIT
#include "synthetic/video.hpp"

#include "synthetic/camera.hpp"
#include "synthetic/dataset.hpp"
#include "synthetic/render.hpp"

namespace deepfake {

Person::Person(const Population& population, std::uint64_t seed, int number)
    : population_(population),
      number_(number),
      stream_(Random(seed).fork("person", number)),
      identity_(sample_identity(population, stream_.fork("identity"))),
      scene_(sample_scene(population, stream_.fork("scene"))) {}

std::string Person::name() const { return person_name(number_); }

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
  return sample_publishing(stream_, k, captured, size, population_.quality_low,
                           population_.quality_high);
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

std::vector<std::pair<Person, Person>> pair_up(const std::vector<Person>& people) {
  std::vector<cv::Vec3f> skins;
  for (const Person& person : people) skins.push_back(person.identity().skin);
  std::vector<std::pair<Person, Person>> pairs;
  for (const auto& [first, second] : pair_alike(skins)) {
    pairs.emplace_back(people[first], people[second]);
  }
  return pairs;
}

}  // namespace deepfake
