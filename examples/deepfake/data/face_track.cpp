// SPDX-License-Identifier: MIT
#include "data/face_track.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace deepfake {
namespace {

double overlap(const cv::Rect& a, const cv::Rect& b) {
  const double common = (a & b).area();
  return common / (a.area() + b.area() - common);
}

double distance(const cv::Rect& a, const cv::Rect& b) {
  const cv::Point2d between(a.x + a.width / 2.0 - b.x - b.width / 2.0,
                            a.y + a.height / 2.0 - b.y - b.height / 2.0);
  return cv::norm(between);
}

/// The larger, the likelier that the face is the person's.
std::tuple<double, double> nearness(const LastSeen& person, const cv::Rect& face) {
  return {overlap(person.box, face), -distance(person.box, face)};
}

bool can_be(const LastSeen& person, const cv::Rect& face) {
  // Frames lie a second or more apart, and a person who was missed went on moving.
  const double reach = std::max(person.box.width, person.box.height) * (1.0 + 0.25 * person.missed);
  const double size = static_cast<double>(face.width) / person.box.width;
  constexpr double growth = 2.5;
  const bool is_near = overlap(person.box, face) > 0 || distance(person.box, face) <= reach;
  return is_near && size < growth && size > 1 / growth;
}

}  // namespace

std::optional<cv::Rect> FaceTrack::follow(const std::vector<cv::Rect>& faces) {
  if (!last_) {
    if (faces.empty()) return std::nullopt;
    last_ = LastSeen{faces.front()};
    return faces.front();
  }
  const auto nearest = std::ranges::max_element(
      faces, {}, [&](const cv::Rect& face) { return nearness(*last_, face); });
  if (nearest != faces.end() && can_be(*last_, *nearest)) {
    last_ = LastSeen{*nearest};
    return *nearest;
  }
  ++last_->missed;
  return std::nullopt;
}

std::vector<std::size_t> PeopleTracks::follow(const std::vector<cv::Rect>& faces) {
  struct Match {
    std::size_t person, face;
    std::tuple<double, double> nearness;
  };
  std::vector<Match> matches;
  for (std::size_t p = 0; p < people_.size(); ++p) {
    for (std::size_t f = 0; f < faces.size(); ++f) {
      if (can_be(people_[p], faces[f])) matches.push_back({p, f, nearness(people_[p], faces[f])});
    }
  }
  // The surest first; a person has one face, and a face is one person's.
  std::ranges::stable_sort(matches, std::ranges::greater(), &Match::nearness);
  constexpr std::size_t nobody = static_cast<std::size_t>(-1);
  std::vector<std::size_t> owner(faces.size(), nobody);
  std::set<std::size_t> found;
  for (const Match& match : matches) {
    if (owner[match.face] != nobody || !found.insert(match.person).second) continue;
    owner[match.face] = match.person;
  }
  for (std::size_t p = 0; p < people_.size(); ++p) people_[p].missed += found.contains(p) ? 0 : 1;
  for (std::size_t f = 0; f < faces.size(); ++f) {
    if (owner[f] == nobody) {
      owner[f] = people_.size();
      people_.emplace_back();
    }
    people_[owner[f]] = LastSeen{faces[f]};
  }
  return owner;
}

}  // namespace deepfake
