// SPDX-License-Identifier: MIT
// Reads DeepfakeBench's index of a data set: JSON files that list each video's frames.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace deepfake {

struct Video {
  std::string dataset = {};      ///< first level of the index, the file's name: FF-DF, Celeb-DF-v2
  std::string label = {};        ///< label name: FF-real, FF-DF, CelebDFv2_fake
  std::string domain = {};       ///< what an optimizer treats as one domain: as a rule the label
  std::string split = {};        ///< train, val or test
  std::string compression = {};  ///< raw, c23, c40; empty where the index has no such level
  std::string name = {};         ///< 071 or 071_054 (target_source)
  bool is_fake = false;
  std::vector<std::filesystem::path> frames = {};  ///< by frame number
  /// Manipulation masks, one per frame and an empty path where there is none; or no entry at all.
  std::vector<std::filesystem::path> masks = {};
  /// For a fake, the position in Index::videos of the real video that it was made from, if listed.
  std::optional<std::size_t> real_partner = {};
  /// The kind of a fake that training forges from its partner's frames; empty for all others.
  std::string pseudo = {};
};

/// What the index files list and a loaded Index lacks. The videos here hold no frames.
struct Faults {
  struct MissingFrames {
    Video video;
    std::size_t count = 0;  ///< of its listed frames
  };
  struct OddEntry {
    std::string dataset;
    std::string text;       ///< names the place and what is odd about it
    bool is_empty = false;  ///< null, {}, [] or a split without a frame: nothing is lost
  };
  std::vector<OddEntry> odd_entries;     ///< left out: they are no videos
  std::vector<OddEntry> bad_files;       ///< index files left out, for others could be read
  std::vector<OddEntry> contradictions;  ///< own label other than the group's; kept as it says
  std::vector<MissingFrames> repeated_frames;  ///< listed more than once, used once
  std::vector<Video> unknown_labels;           ///< left out: their label tells no class
  std::vector<Video> without_frames;           ///< left out: no frame is listed, or none exists
  std::vector<Video> across_splits;            ///< left out: people on both sides of a new split
  std::vector<MissingFrames> missing_frames;   ///< of the videos that stay
};

struct Index {
  std::vector<Video> videos;
  bool synthetic = false;  ///< forgeries by make-data: the data's synthetic.json says so
  std::filesystem::path rgb_dir;
  Faults faults;
};

/// A frame of an index: positions in its videos and in that video's frames.
struct FrameRef {
  std::size_t video = 0;
  std::size_t frame = 0;
  bool operator==(const FrameRef&) const = default;
};

/// Where a data set's parts lie.
struct DataFolder {
  std::vector<std::filesystem::path> index_files;  ///< one JSON file per data set, sorted
  std::filesystem::path rgb_dir;                   ///< what relative frame paths start from
  bool synthetic = false;
};

/// Finds the index and the frames under @p path: a folder with dataset_json/ and rgb/, a
/// DeepfakeBench checkout (preprocessing/dataset_json/ and datasets/rgb/), a folder of index files
/// or one such file beside rgb/. @p rgb_dir, if not empty, overrides the frames' folder.
/// @throws std::runtime_error that says what was looked for.
DataFolder locate_data(const std::filesystem::path& path,
                       const std::filesystem::path& rgb_dir = {});

/// Which videos and frames to use. Empty fields select everything.
struct Selection {
  std::vector<std::string> datasets =
      {};  ///< a name may end in _raw, _c23 or _c40: in that compression
  std::string split = {};
  std::string compression = {};           ///< of data sets whose index has that level
  std::vector<std::string> domains = {};  ///< manipulations to keep; reals always stay
  std::size_t frames_per_video = 0;  ///< evenly spaced over the video, not its first ones; 0: all
};

/// What somebody's own label means.
struct LabelMeaning {
  bool is_fake = false;
  std::string domain = {};  ///< of a fake; the label's name if empty
  bool operator==(const LabelMeaning&) const = default;
};
using Labels = std::map<std::string, LabelMeaning>;

struct LoadOptions {
  Selection keep = {};         ///< the rest is not even held in memory
  Labels labels = {};          ///< they come before what class_of_label knows
  bool require_frames = true;  ///< an index none of whose frames exists is an error
  bool keep_missing = false;   ///< videos keep frames whose files do not exist
};

/// Reads the index files. Both nestings are understood: dataset, label, split, [compression,]
/// video. Single faults (see Faults) are left out and recorded. So is a file that is no index, none
/// of whose labels is known or none of whose frames exists; it is an error if no other can be read.
/// @throws std::runtime_error, one line that names the file and the entry.
Index load_index(const DataFolder& data, const LoadOptions& options = {});

/// The videos and faults of @p index that @p selection names. A video listed by several data sets
/// (the reals of FF-DF, FF-F2F, ...) appears once.
/// @throws std::runtime_error if nothing is left, if a named data set or manipulation does not
/// occur, or if one data set comes in several compressions and none was chosen.
Index select(const Index& index, const Selection& selection);

/// The videos that @p selection keeps, by data set, each with its own reals. Data sets without any
/// fake that is kept are left out.
std::vector<Index> by_dataset(const Index& index, const Selection& selection);

/// The data sets of @p index's videos, in the order of their names.
std::vector<std::string> dataset_names(const Index& index);
/// The manipulations among @p index's videos, in the order of their names.
std::vector<std::string> manipulations(const Index& index);
std::size_t count_frames(const Index& index);

/// @p count positions evenly spaced over 0 ... size - 1, ends included (numpy's linspace, rounded);
/// all of them if there are not more.
std::vector<std::size_t> evenly_spaced(std::size_t size, std::size_t count);

/// A real frame and the same frame of a fake made from it: positions in the videos' frame lists.
struct FramePair {
  std::size_t real = 0;
  std::size_t fake = 0;
};
/// Pairs frames with equal file stems.
std::vector<FramePair> pair_frames(const Video& real, const Video& fake);

/// 0 or 1 for DeepfakeBench's label names and for names that end in _real or _fake, _FakeA, ...
std::optional<int> class_of_label(const std::string& label);

/// Reads {"LABEL": "real" or "fake", or {"class": "fake", "domain": "NAME"}}.
/// @throws std::runtime_error naming the file and the label
Labels read_labels(const std::filesystem::path& file);
/// The same from text that holds such an object. @param where for messages
Labels labels_from(const std::string& json, const std::string& where);
/// What labels_from reads.
std::string to_json_text(const Labels& labels);

}  // namespace deepfake
