// SPDX-License-Identifier: MIT
#include "data/check.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <thread>
#include <tuple>

#include "data/faults.hpp"
#include "images/image.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

enum class FileState : unsigned char { good, grey, missing, unreadable };

bool is_grey(const cv::Mat& rgb) {
  const auto is_colourless = [](const cv::Vec3b& p) { return p[0] == p[1] && p[1] == p[2]; };
  return std::all_of(rgb.begin<cv::Vec3b>(), rgb.end<cv::Vec3b>(), is_colourless);
}

FileState state_of(const std::filesystem::path& file, bool read) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return FileState::missing;
  if (!read) return FileState::good;
  try {
    return is_grey(read_image(file)) ? FileState::grey : FileState::good;
  } catch (const std::exception&) {
    return FileState::unreadable;
  }
}

void check_files(const Index& index, const CheckOptions& options, DataCheck& check) {
  std::vector<const std::filesystem::path*> files;
  for (const Video& video : index.videos) {
    for (const auto& frame : video.frames) files.push_back(&frame);
  }
  // Reals are listed by several data sets: look at each file once.
  const auto by_path = [](const auto* a, const auto* b) { return a->native() < b->native(); };
  const auto equal = [](const auto* a, const auto* b) { return a->native() == b->native(); };
  std::ranges::sort(files, by_path);
  files.erase(std::unique(files.begin(), files.end(), equal), files.end());

  std::vector<FileState> states(files.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      states[i] = state_of(*files[i], options.read_images);
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned n = 1; n < options.threads; ++n) others.emplace_back(work);
    work();
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (states[i] == FileState::missing) check.missing.push_back(files[i]->string());
    if (states[i] == FileState::unreadable) check.unreadable.push_back(files[i]->string());
    check.grey += states[i] == FileState::grey ? 1 : 0;
  }
}

void count_groups(const Index& index, DataCheck& check) {
  using Key = std::tuple<std::string, bool, std::string, int, std::string>;
  const auto split_order = [](const std::string& split) {
    return split == "train" ? 0 : split == "val" ? 1 : 2;
  };
  std::map<Key, GroupCount> groups;
  std::map<Key, std::vector<std::size_t>> frames;
  std::map<std::pair<std::string, std::string>, std::pair<bool, bool>> classes;
  for (const Video& video : index.videos) {
    const Key key(video.dataset, video.is_fake, video.label, split_order(video.split),
                  video.compression);
    GroupCount& group = groups[key];
    group.dataset = video.dataset;
    group.label = video.label;
    group.split = video.split;
    group.compression = video.compression;
    group.is_fake = video.is_fake;
    group.videos += 1;
    group.frames += video.frames.size();
    group.without_real += video.is_fake && !video.real_partner ? 1 : 0;
    frames[key].push_back(video.frames.size());
    if (check.videos_by_frames.size() <= video.frames.size()) {
      check.videos_by_frames.resize(video.frames.size() + 1);
    }
    check.videos_by_frames[video.frames.size()] += 1;
    auto& [has_real, has_fake] = classes[{video.dataset, video.split}];
    (video.is_fake ? has_fake : has_real) = true;
  }
  for (auto& [key, group] : groups) {
    std::vector<std::size_t>& counts = frames[key];
    std::ranges::sort(counts);
    group.min_frames = counts.front();
    group.max_frames = counts.back();
    const std::size_t half = counts.size() / 2;
    group.median_frames = counts.size() % 2 == 1
                              ? static_cast<double>(counts[half])
                              : static_cast<double>(counts[half - 1] + counts[half]) / 2;
    check.groups.push_back(group);
  }
  for (const auto& [where, found] : classes) {
    if (found.first && found.second) continue;
    check.one_class.push_back(where.first + ", split " + where.second + ": only " +
                              (found.first ? "reals" : "fakes"));
  }
}

std::string histogram(const std::vector<std::size_t>& videos_by_frames) {
  constexpr std::size_t max_rows = 12, bar_width = 40;
  const std::size_t first = static_cast<std::size_t>(
      std::ranges::find_if(videos_by_frames, [](std::size_t n) { return n > 0; }) -
      videos_by_frames.begin());
  const std::size_t span = videos_by_frames.size() - first;
  const std::size_t step = (span + max_rows - 1) / max_rows;
  std::vector<std::size_t> bins((span + step - 1) / step, 0);
  for (std::size_t n = first; n < videos_by_frames.size(); ++n) {
    bins[(n - first) / step] += videos_by_frames[n];
  }
  const std::size_t highest = std::ranges::max(bins);
  Table table({"frames", "videos", ""});
  for (std::size_t bin = 0; bin < bins.size(); ++bin) {
    const std::size_t low = first + bin * step;
    const std::size_t high = std::min(low + step, videos_by_frames.size()) - 1;
    const std::size_t length = (bins[bin] * bar_width + highest - 1) / highest;
    table.add({std::to_string(low) + (high > low ? "-" + std::to_string(high) : ""),
               std::to_string(bins[bin]), std::string(length, '#')});
  }
  return table.text();
}

void append_files(std::string& text, const std::vector<std::string>& files, std::size_t named,
                  const std::string& kind) {
  if (files.empty()) return;
  text += kind + ": " + std::to_string(files.size()) + '\n';
  for (std::size_t i = 0; i < std::min(named, files.size()); ++i) text += "  " + files[i] + '\n';
  if (files.size() > named) {
    text += "  and " + std::to_string(files.size() - named) + " more\n";
  }
}

}  // namespace

bool DataCheck::ok() const {
  return !groups.empty() && bad_files.empty() && odd_entries.empty() && unknown_labels.empty() &&
         without_frames.empty() && missing.empty() && unreadable.empty() && leaks.empty();
}

DataCheck check_data(const Index& index, const CheckOptions& options) {
  DataCheck check;
  check.synthetic = index.synthetic;
  check.fingerprint = fingerprint(index);
  for (const Faults::OddEntry& file : index.faults.bad_files) {
    (file.is_empty ? check.empty_entries : check.bad_files).push_back(file.text);
  }
  for (const Faults::OddEntry& entry : index.faults.odd_entries) {
    (entry.is_empty ? check.empty_entries : check.odd_entries).push_back(entry.text);
  }
  check.unknown_labels = unknown_label_names(index.faults);
  for (const Video& video : index.faults.without_frames) {
    check.without_frames.push_back(place_of(video));
  }
  count_groups(index, check);
  check_files(index, options, check);
  check.leaks = identity_leaks(index);
  return check;
}

std::string to_text(const DataCheck& check, std::size_t named_files) {
  std::string text;
  if (check.synthetic) {
    text += "Synthetic forgeries: numbers on this data say nothing about real deepfakes.\n\n";
  }
  Table table({"data set", "label", "class", "split", "compression", "videos", "frames",
               "per video: min", "median", "max", "no real partner"});
  std::size_t videos = 0, frames = 0;
  for (const GroupCount& group : check.groups) {
    table.add({group.dataset, group.label, group.is_fake ? "fake" : "real", group.split,
               group.compression, std::to_string(group.videos), std::to_string(group.frames),
               std::to_string(group.min_frames),
               fixed(group.median_frames,
                     group.median_frames ==
                             static_cast<double>(static_cast<std::size_t>(group.median_frames))
                         ? 0
                         : 1),
               std::to_string(group.max_frames),
               group.is_fake ? std::to_string(group.without_real) : "-"});
    videos += group.videos;
    frames += group.frames;
  }
  text += table.text() + '\n';
  if (!check.videos_by_frames.empty()) {
    text += "Frames per video\n" + histogram(check.videos_by_frames) + '\n';
  }
  append_files(text, check.bad_files, named_files, "index files that cannot be used");
  append_files(text, check.odd_entries, named_files, "entries that are no videos");
  append_files(text, check.empty_entries, named_files, "note, empty entries");
  append_files(text, check.unknown_labels, named_files, "unknown labels, their videos not counted");
  append_files(text, check.without_frames, named_files, "videos without a frame");
  append_files(text, check.missing, named_files, "missing files");
  append_files(text, check.unreadable, named_files, "unreadable files");
  std::vector<std::string> leaks;
  for (const IdentityLeak& leak : check.leaks) {
    leaks.push_back(leak.identity + ": " + leak.first_split + " (" + leak.first_video + "), " +
                    leak.second_split + " (" + leak.second_video + ")");
  }
  append_files(text, leaks, named_files, "identities in more than one split");
  if (check.grey > 0) text += "note, images without colour: " + std::to_string(check.grey) + '\n';
  append_files(text, check.one_class, named_files, "note, one class only");
  text += std::to_string(videos) + " videos, " + std::to_string(frames) + " frames, fingerprint " +
          check.fingerprint + '\n';
  text += check.ok() ? "The data is sound.\n" : "The data has the problems named above.\n";
  return text;
}

}  // namespace deepfake
