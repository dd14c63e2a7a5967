// SPDX-License-Identifier: MIT
#include "training/training_set.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "data/faults.hpp"
#include "data/fingerprint.hpp"
#include "data/identities.hpp"
#include "data/manipulation_names.hpp"
#include "data/pseudo_kinds.hpp"
#include "data/selection.hpp"
#include "data/val_split.hpp"
#include "training/sampler.hpp"

namespace deepfake {
namespace {

constexpr char ways_out[] =
    "; with --val-from-train 0.1 the validation split is made from training people, with "
    "--allow-shared-people the index is taken as it is";

/// People who are trained on and in another split, or in both others, in words.
std::vector<std::string> shared_people(const Index& index) {
  std::map<std::string, std::vector<std::string>> by_splits;
  for (const IdentityLeak& leak : identity_leaks(index)) {
    const std::set<std::string> splits{leak.first_split, leak.second_split};
    by_splits[*splits.begin() + " and " + *splits.rbegin()].push_back(leak.identity);
  }
  std::vector<std::string> lines;
  for (const auto& [splits, people] : by_splits) {
    lines.push_back("people in the splits " + splits + ", " + count_and_names(people));
  }
  return lines;
}

/// The compression that the data sets' names say, FaceForensics++_c40, if they all say one.
std::string compression_in(const std::vector<std::string>& datasets) {
  std::set<std::string> found;
  for (const std::string& name : datasets) found.insert(split_compression(name).compression);
  return found.size() == 1 ? *found.begin() : "";
}

/// The protocol with the manipulation by its own name, if it is known under the one given.
std::string with_own_name(const std::string& protocol, const Index& index) {
  const std::size_t colon = protocol.find(':');
  if (colon == std::string::npos) return protocol;
  const auto name = manipulation_named(protocol.substr(colon + 1), index);
  return name ? protocol.substr(0, colon + 1) + *name : protocol;
}

/// The manipulations that the protocol names; with kinds to make, there may be none.
std::vector<std::string> domains_of(const TrainOptions& options, const std::string& protocol,
                                    const Index& index) {
  if (protocol == "none") return {};
  const std::vector<std::string> there = manipulations(index);
  if (there.empty() && options.pseudo.empty()) {
    throw std::runtime_error(
        "the data has no forgeries to train on: make them from its real frames, --pseudo "
        "self-blend");
  }
  return protocol_domains(protocol, there);
}

/// Says what a reader has to know of them.
std::string pseudo_note(const std::vector<std::string>& kinds) {
  std::string text = "trained on forgeries made from real frames while training: ";
  for (std::size_t i = 0; i < kinds.size(); ++i) text += (i > 0 ? ", " : "") + kinds[i];
  return text + "; validated on forgeries of the same kinds";
}

void require_validation(const Index& index, const Selection& selection) {
  for (const std::string& dataset : selection.datasets) {
    const auto validates = [&](const Video& video) {
      return video.dataset == dataset && video.split == "val";
    };
    if (std::ranges::none_of(index.videos, validates)) {
      throw std::runtime_error("the data set " + dataset +
                               " has no videos in split val, which chooses the checkpoint: "
                               "--val-from-train 0.1 makes one from training people");
    }
  }
}

}  // namespace

std::filesystem::path labels_file(const std::filesystem::path& run) { return run / "labels.json"; }

Labels labels_of(const std::string& file, const std::filesystem::path& run) {
  if (!file.empty()) return read_labels(file);
  if (!run.empty() && std::filesystem::exists(labels_file(run))) {
    return read_labels(labels_file(run));
  }
  return {};
}

TrainingSet load_training_set(const TrainOptions& options, bool all_bytes) {
  TrainingSet set;
  set.labels = labels_of(options.labels);
  Index index = load_index(locate_data(options.data, options.rgb_dir), {.labels = set.labels});
  if (options.protocol == "none") index = only_real(std::move(index));
  Selection selection{.datasets = options.datasets, .compression = options.compression};
  if (selection.compression.empty()) selection.compression = compression_in(options.datasets);
  selection.split = "train";
  selection.datasets = dataset_names(select(index, selection));
  if (options.val_from_train > 0) {
    set.notes = split_off_validation(index, selection.datasets, options.val_from_train);
  }
  const Index chosen_videos = select(index, selection);
  set.protocol = with_own_name(options.protocol, chosen_videos);
  selection.domains = domains_of(options, set.protocol, chosen_videos);
  selection.frames_per_video = static_cast<std::size_t>(options.frames_per_video);

  set.train = select(index, selection);
  // Those that nobody asked for are of no concern.
  if (options.datasets.empty()) set.train.faults.bad_files = index.faults.bad_files;
  set.datasets = selection.datasets;
  set.domains = selection.domains;
  set.all = select(index, {.datasets = set.datasets, .compression = selection.compression});
  set.fingerprint = fingerprint(set.all, all_bytes);
  set.synthetic = index.synthetic;

  Selection all_splits = selection;
  all_splits.split.clear();
  const Index chosen = select(index, all_splits);
  if (options.allow_shared_people || options.val_from_train > 0) {
    // The test split of such data is published as it is; that it shares people is told.
    if (options.allow_shared_people) {
      set.notes.push_back("the splits are taken as the index has them, by --allow-shared-people");
    }
    for (const std::string& line : shared_people(chosen)) set.notes.push_back(line);
  } else {
    try {
      require_disjoint_identities(chosen);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(error.what() + std::string(ways_out));
    }
  }
  require_validation(chosen, selection);

  selection.split = "val";
  selection.frames_per_video = static_cast<std::size_t>(options.val_frames_per_video);
  set.val = by_dataset(index, selection);
  if (!options.pseudo.empty()) {
    add_pseudo_videos(set.train, options.pseudo);
    for (Index& part : set.val) add_pseudo_videos(part, options.pseudo);
    for (const std::string& kind : options.pseudo) set.domains.push_back(pseudo_domain(kind));
    set.notes.push_back(pseudo_note(options.pseudo));
  }
  return set;
}

}  // namespace deepfake
