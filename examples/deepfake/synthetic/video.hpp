// SPDX-License-Identifier: MIT
// A person's videos: the real one and its forgeries, in memory.
#pragma once

#include <string>
#include <vector>

#include "synthetic/face.hpp"
#include "synthetic/identity.hpp"
#include "synthetic/manipulation.hpp"
#include "synthetic/publish.hpp"

namespace deepfake {

/// One identity in one scene; everything about its frames follows from the stream.
class Person {
 public:
  Person(const Population& population, std::uint64_t seed, int number);

  int number() const { return number_; }
  std::string name() const;  ///< at least three digits
  const Identity& identity() const { return identity_; }

  /// The camera's image of frame k.
  Face frame(int k, int size) const;
  /// This person's face in somebody else's frame, as a perfect generator would draw it: same pose,
  /// light and optics, no sensor noise.
  Face impersonate(const Person& other, int k, int size) const;
  /// How frame k and all its forgeries are published.
  PublishOptions publishing(int k, int captured_size, int size) const;
  Random forging(Manipulation manipulation, int k) const;

 private:
  Population population_;
  int number_;
  Random stream_;
  Identity identity_;
  Scene scene_;
};

/// Frames are captured a little larger than they are published, so that the crop can vary.
constexpr int captured_size(int size) { return size + size / 8; }

/// The forgery of the target's frame k (already captured) with the source's face.
Forgery forge(Manipulation manipulation, const Person& target, const Face& target_frame,
              const Person& source, const Face& source_frame, int k);

/// Splits people into pairs of similar skin, see pair_alike().
std::vector<std::pair<Person, Person>> pair_up(const std::vector<Person>& people);

}  // namespace deepfake
