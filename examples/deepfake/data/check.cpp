// SPDX-License-Identifier: MIT
#include "data/check.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "data/content.hpp"
#include "data/faults.hpp"
#include "data/fingerprint.hpp"
#include "images/image.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

enum class FileState : unsigned char { good, grey, missing, unreadable };

/// What is to be known of a file.
struct Look {
  FileState state = FileState::good;
  std::string content = {};  ///< empty for images of one colour, which many videos begin with
};

bool is_flat(const cv::Mat& rgb) {
  const cv::Vec3b first = rgb.at<cv::Vec3b>(0, 0);
  return std::all_of(rgb.begin<cv::Vec3b>(), rgb.end<cv::Vec3b>(),
                     [&](const cv::Vec3b& pixel) { return pixel == first; });
}

Look look_at(const std::filesystem::path& file, bool read) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return {FileState::missing};
  if (!read) return {};
  try {
    const cv::Mat image = read_image(file);
    return {has_no_colour(image) ? FileState::grey : FileState::good,
            is_flat(image) ? "" : content_of(file)};
  } catch (const std::exception&) {
    return {FileState::unreadable};
  }
}

/// Looks of all frame files, by path.
using Looks = std::map<std::filesystem::path, Look>;

Looks look_at_files(const Index& index, const CheckOptions& options, DataCheck& check) {
  // Reals are listed by several data sets: look at each file once.
  Looks looks;
  for (const Video& video : index.videos) {
    for (const auto& frame : video.frames) looks.try_emplace(frame);
  }
  std::vector<Looks::value_type*> files;
  for (auto& entry : looks) files.push_back(&entry);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      files[i]->second = look_at(files[i]->first, options.read_images);
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned n = 1; n < options.threads; ++n) others.emplace_back(work);
    work();
  }
  for (const auto& [file, look] : looks) {
    if (look.state == FileState::missing) check.missing.push_back(file.string());
    if (look.state == FileState::unreadable) check.unreadable.push_back(file.string());
    check.grey += look.state == FileState::grey ? 1 : 0;
  }
  return looks;
}

/// Videos of two names that show the same images: found by what the files hold.
void find_copies(const Index& index, const Looks& looks, DataCheck& check) {
  const auto is_same_video = [](const Video& a, const Video& b) {
    return a.frames == b.frames && a.name == b.name;  // of several data sets, or of val and test
  };
  std::map<std::string, std::size_t> first_with;  // what a frame holds, or its path
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> shared;
  for (std::size_t v = 0; v < index.videos.size(); ++v) {
    std::set<std::string> of_video;  // a still counts once
    for (const auto& frame : index.videos[v].frames) {
      const std::string& content = looks.at(frame).content;
      of_video.insert(content.empty() ? frame.string() : content);
    }
    for (const std::string& content : of_video) {
      const std::size_t first = first_with.try_emplace(content, v).first->second;
      if (first != v && !is_same_video(index.videos[first], index.videos[v])) {
        ++shared[{first, v}];
      }
    }
  }
  for (const auto& [pair, count] : shared) {
    const Video &a = index.videos[pair.first], &b = index.videos[pair.second];
    (a.split == b.split ? check.copies : check.same_content)
        .push_back(place_of(a) + " and " + place_of(b) + ": " + std::to_string(count) +
                   (count == 1 ? " equal frame" : " equal frames"));
  }
}

/// DeepfakeBench lists the test videos of some data sets as their validation split.
std::set<std::string> validating_on_test(const Index& index) {
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  const auto key = [](const Video& video) {
    return Key(video.dataset, video.label, video.compression, video.name);
  };
  std::set<Key> test;
  std::map<std::string, std::pair<std::size_t, std::size_t>> counts;  // of val: all, also in test
  for (const Video& video : index.videos) {
    if (video.split == "test") test.insert(key(video));
  }
  for (const Video& video : index.videos) {
    if (video.split != "val") continue;
    auto& [all, shared] = counts[video.dataset];
    ++all;
    shared += test.contains(key(video)) ? 1 : 0;
  }
  std::set<std::string> names;
  for (const auto& [dataset, count] : counts) {
    if (count.first == count.second) names.insert(dataset);
  }
  return names;
}

/// Leaks but those of data sets whose validation split is their test split: that is said once.
void find_leaks(const Index& index, DataCheck& check) {
  const std::set<std::string> repeated = validating_on_test(index);
  for (const std::string& dataset : repeated) {
    check.val_is_test.push_back(dataset +
                                ": train on it with --val-from-train, which makes a validation "
                                "split from training people");
  }
  Index others;
  std::map<std::size_t, std::size_t> place;
  for (std::size_t v = 0; v < index.videos.size(); ++v) {
    const Video& video = index.videos[v];
    if (video.split == "val" && repeated.contains(video.dataset)) continue;
    place[v] = others.videos.size();
    others.videos.push_back(video);
  }
  for (Video& video : others.videos) {
    if (!video.real_partner) continue;
    const auto partner = place.find(*video.real_partner);
    video.real_partner = partner == place.end() ? std::nullopt : std::optional(partner->second);
  }
  check.leaks = identity_leaks(others);
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

void find_empty_splits(const Index& index, DataCheck& check) {
  std::map<std::string, std::set<std::string>> splits;
  for (const Video& video : index.videos) splits[video.dataset].insert(video.split);
  for (const auto& [dataset, there] : splits) {
    // What is only tested on needs no val.
    if (there.contains("train") && !there.contains("val")) {
      check.empty_splits.push_back(dataset +
                                   ", val: train on it with --val-from-train, which makes one");
    }
    if (!there.contains("test")) {
      check.empty_splits.push_back(dataset + ", test: nothing tells how good a detector is");
    }
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
         without_frames.empty() && repeated.empty() && contradictions.empty() &&
         same_content.empty() && missing.empty() && unreadable.empty() && leaks.empty();
}

DataCheck check_data(const Index& index, const CheckOptions& options) {
  DataCheck check;
  check.synthetic = index.synthetic;
  check.fingerprint = fingerprint(index, options.all_bytes);
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
  for (const auto& [video, count] : index.faults.repeated_frames) {
    check.repeated.push_back(place_of(video) + ": " + std::to_string(count));
  }
  for (const Faults::OddEntry& entry : index.faults.contradictions) {
    check.contradictions.push_back(entry.text);
  }
  count_groups(index, check);
  find_empty_splits(index, check);
  const Looks looks = look_at_files(index, options, check);
  if (options.read_images) find_copies(index, looks, check);
  check.has_compared = options.read_images;
  find_leaks(index, check);
  return check;
}

namespace {

std::string median_text(double median) {
  const bool is_whole = median == static_cast<double>(static_cast<std::size_t>(median));
  return fixed(median, is_whole ? 0 : 1);
}

std::string groups_text(const std::vector<GroupCount>& groups, std::size_t width) {
  const bool is_wide = width == 0;
  std::vector<std::string> header{"data set", "label", "class", "split"};
  header.push_back(is_wide ? "compression" : "c.");
  header.insert(header.end(), {"videos", "frames"});
  if (is_wide) {
    header.insert(header.end(), {"per video: min", "median", "max", "no real partner"});
  } else {
    header.push_back("per video");
  }
  Table table(header);
  for (const GroupCount& group : groups) {
    std::vector<std::string> cells{group.dataset,
                                   group.label,
                                   group.is_fake ? "fake" : "real",
                                   group.split,
                                   group.compression,
                                   std::to_string(group.videos),
                                   std::to_string(group.frames)};
    const std::string least = std::to_string(group.min_frames);
    const std::string most = std::to_string(group.max_frames);
    if (is_wide) {
      cells.insert(cells.end(), {least, median_text(group.median_frames), most});
    } else {
      cells.push_back(least == most ? least : least + "-" + most);
    }
    if (is_wide) cells.push_back(group.is_fake ? std::to_string(group.without_real) : "-");
    table.add(std::move(cells));
  }
  return table.text(width, 4);
}

}  // namespace

namespace {

std::string verdict(const DataCheck& check) {
  if (!check.ok()) return "The data has the problems named above.\n";
  if (check.is_sound()) return "The data is sound.\n";
  if (check.has_compared) return "The data has no faults, but see the warning above.\n";
  return "No fault was found. The images were not opened: check-data finds broken and equal "
         "ones.\n";
}

}  // namespace

std::string to_text(const DataCheck& check, std::size_t named_files, std::size_t width) {
  std::string text;
  if (check.synthetic) {
    text += "Synthetic forgeries: numbers on this data say nothing about real deepfakes.\n\n";
  }
  std::size_t videos = 0, frames = 0;
  for (const GroupCount& group : check.groups) {
    videos += group.videos;
    frames += group.frames;
  }
  text += groups_text(check.groups, width) + '\n';
  if (!check.videos_by_frames.empty()) {
    text += "Frames per video\n" + histogram(check.videos_by_frames) + '\n';
  }
  append_files(text, check.bad_files, named_files, "index files that cannot be used");
  append_files(text, check.odd_entries, named_files, "entries that are no videos");
  append_files(text, check.empty_entries, named_files, "note, empty entries");
  append_files(text, check.unknown_labels, named_files, "unknown labels, their videos not counted");
  append_files(text, check.without_frames, named_files, "videos without a frame");
  append_files(text, check.repeated, named_files, "videos that list frames more than once");
  append_files(text, check.contradictions, named_files, "labels other than their group's");
  append_files(text, check.same_content, named_files, "the same images in two splits");
  append_files(text, check.copies, named_files, "note, the same images under two names");
  append_files(text, check.val_is_test, named_files,
               "note, the validation split is the test split");
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
  append_files(text, check.empty_splits, named_files, "warning, empty splits");
  text += std::to_string(videos) + " videos, " + std::to_string(frames) + " frames, fingerprint " +
          check.fingerprint + '\n';
  return text + verdict(check);
}

}  // namespace deepfake
