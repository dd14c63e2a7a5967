// SPDX-License-Identifier: MIT
#include "files/file_kinds.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "text/lower_case.hpp"

namespace deepfake {
namespace {

bool has_ending(const std::filesystem::path& file, std::span<const std::string_view> endings) {
  return std::ranges::find(endings, lower_case(file.extension().string())) != endings.end();
}

}  // namespace

bool is_image_file(const std::filesystem::path& file) {
  static constexpr std::string_view endings[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif",
                                                 ".bmp", ".dib", ".webp", ".tif", ".tiff",
                                                 ".ppm", ".pgm", ".pbm",  ".pnm", ".jp2"};
  return has_ending(file, endings);
}

bool is_video_file(const std::filesystem::path& file) {
  // An animated GIF is a video to OpenCV, whose image decoders may not know it.
  static constexpr std::string_view endings[] = {
      ".mp4", ".avi", ".mov", ".mkv",  ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".asf",
      ".flv", ".f4v", ".ts",  ".m2ts", ".mts",  ".3gp", ".ogv", ".vob",  ".mxf", ".gif"};
  return has_ending(file, endings);
}

}  // namespace deepfake
