// SPDX-License-Identifier: MIT
#include "photos/album.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <stdexcept>

#include "data/face_finder.hpp"
#include "files/file_kinds.hpp"
#include "files/walk.hpp"
#include "images/image.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

/// A frame as captured shows 1.38 times the box; publishing crops some of it, on average to 1.3.
constexpr float frame_margin = 1.38F;
/// What is kept of the photograph, so that frames can be shifted, scaled and turned.
constexpr float kept_margin = 1.65F;

/// The square around the middle of the box, with the photograph mirrored beyond its edges.
cv::Mat cut(const cv::Mat& photo, const cv::Rect& box, float margin) {
  const int side = cvRound(margin * static_cast<float>(std::max(box.width, box.height)));
  const cv::Rect wanted(box.x + box.width / 2 - side / 2, box.y + box.height / 2 - side / 2, side,
                        side);
  const cv::Rect there = wanted & cv::Rect(0, 0, photo.cols, photo.rows);
  cv::Mat result;
  cv::copyMakeBorder(photo(there), result, there.y - wanted.y, wanted.br().y - there.br().y,
                     there.x - wanted.x, wanted.br().x - there.br().x, cv::BORDER_REFLECT_101);
  return result;
}

bool is_grey(const cv::Mat& image) {
  std::array<cv::Mat, 3> channels;
  cv::split(image, channels.data());
  constexpr double traces_of_colour = 2.0;  // of 255, JPEG leaves them
  return cv::norm(channels[0], channels[1], cv::NORM_L1) +
             cv::norm(channels[1], channels[2], cv::NORM_L1) <
         traces_of_colour * static_cast<double>(image.total());
}

Portrait portrait_of(const cv::Mat& photo, const fs::path& file, const cv::Rect& box, bool crop,
                     int side) {
  Portrait portrait{
      file.generic_string(), box, {}, false, crop ? frame_margin / kept_margin : 1.0F};
  portrait.image = cut(photo, box, crop ? kept_margin : 1.0F);
  // Not larger than needed: a thousand photographs must fit into memory.
  const int needed = cvRound(static_cast<float>(side) / portrait.share);
  if (portrait.image.cols > needed) {
    cv::resize(portrait.image, portrait.image, {needed, needed}, 0.0, 0.0, cv::INTER_AREA);
  }
  cv::cvtColor(portrait.image, portrait.image, cv::COLOR_RGB2BGR);
  portrait.grey = is_grey(portrait.image);
  return portrait;
}

cv::Rect central_square(const cv::Mat& image) {
  const int side = std::min(image.cols, image.rows);
  return {(image.cols - side) / 2, (image.rows - side) / 2, side, side};
}

}  // namespace

std::vector<fs::path> photo_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw std::runtime_error(folder.string() +
                             ": not a folder; name the folder of your photographs");
  }
  std::vector<fs::path> files;
  for (const fs::path& file : files_below(folder)) {
    if (is_image_file(file)) files.push_back(file.lexically_relative(folder));
  }
  if (files.empty()) {
    throw std::runtime_error(folder.string() +
                             ": no image files; put photographs (jpg, png, webp, ...) there");
  }
  std::ranges::sort(files, {}, [](const fs::path& file) { return file.generic_string(); });
  return files;
}

std::string photo_hash(const fs::path& folder, const std::vector<fs::path>& files) {
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  const auto add = [&hash](const std::string& bytes) {
    for (const char byte : bytes + '\n') {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
    }
  };
  for (const fs::path& file : files) {
    std::ifstream in(folder / file, std::ios::binary);
    add(file.generic_string());
    add({std::istreambuf_iterator<char>(in), {}});
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

Album read_album(const AlbumOptions& options) {
  std::optional<FaceFinder> finder;
  if (options.crop) finder.emplace(find_cascade(options.cascade));
  Album album;
  std::map<std::string, AlbumPerson> people;
  for (const fs::path& file : photo_files(options.folder)) {
    const std::string name = file.generic_string();
    cv::Mat photo;
    try {
      photo = read_image(options.folder / file);
    } catch (const std::runtime_error&) {
      album.left_out.push_back(name + ": cannot be read as an image");
      continue;
    }
    std::vector<cv::Rect> boxes =
        finder ? finder->faces(photo) : std::vector<cv::Rect>{central_square(photo)};
    const bool found = !boxes.empty();
    const auto small = std::erase_if(boxes, [](const cv::Rect& box) {
      return std::min(box.width, box.height) < smallest_portrait;
    });
    if (!found) album.left_out.push_back(name + ": no face found");
    if (small > 0) {
      album.left_out.push_back(name + ": " + std::to_string(small) +
                               (small == 1 ? " face" : " faces") + " smaller than " +
                               std::to_string(smallest_portrait) + " pixels");
    }
    const bool own_folder = file.has_parent_path();
    if (own_folder && boxes.size() > 1) {
      album.left_out.push_back(name + ": " + std::to_string(boxes.size() - 1) +
                               " smaller beside the largest face of this person's photograph");
      boxes.resize(1);
    }
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      std::string key = own_folder ? file.begin()->string() + "/" : name;
      if (!own_folder && finder) key += " face " + std::to_string(i + 1);
      AlbumPerson& person = people[key];
      person.key = key;
      person.portraits.push_back(portrait_of(photo, file, boxes[i], options.crop, options.side));
    }
  }
  for (auto& [key, person] : people) album.people.push_back(std::move(person));
  return album;
}

}  // namespace deepfake
