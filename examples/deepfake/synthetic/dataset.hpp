// SPDX-License-Identifier: MIT
// Writes people's videos and their forgeries in DeepfakeBench's layout, with its index. Where the
// faces come from, a renderer or photographs, is the caller's business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "synthetic/face.hpp"
#include "synthetic/manipulation.hpp"
#include "synthetic/publish.hpp"

namespace deepfake {

/// What every synthetic set needs, wherever its faces come from.
struct SetOptions {
  std::filesystem::path output;
  std::uint64_t seed = 1;
  int image_size = 64;
  int frames_per_video = 4;
  int threads = 2;     ///< the result does not depend on it
  bool force = false;  ///< replace a synthetic set that was made with other options
};

/// A set of forged videos that are never trained on.
struct UnseenSet {
  std::string_view dataset;
  Manipulation manipulation;
  bool shifted_population;  ///< other people, light and camera; rendered faces only
};
inline constexpr std::array unseen_sets{
    UnseenSet{"Synthetic-SBI", Manipulation::self_blend, false},
    UnseenSet{"Synthetic-FWA", Manipulation::face_warp, false},
    UnseenSet{"Synthetic-Partial", Manipulation::partial_swap, false},
    UnseenSet{"Synthetic-Shift", Manipulation::shifted_swap, true}};

/// Where a kind of video goes, and what it is called.
struct Kind {
  std::string label;
  std::string folder;  ///< under rgb/, holds frames/ and masks/
};

struct FakeKind {
  Manipulation manipulation;
  Kind kind;
};

/// One split of one data set.
struct Place {
  std::string dataset, split, compression;  ///< no compression: the index has no such level
  Kind real;
  std::vector<FakeKind> fakes;
};
Place training_place(const std::string& split);
Place unseen_place(const UnseenSet& set);

std::string person_name(int number);  ///< at least three digits

/// Pairs positions of similar colours, so that swaps are not given away by colour alone. The last
/// one of an odd number stays alone.
std::vector<std::pair<std::size_t, std::size_t>> pair_alike(std::span<const cv::Vec3f> colours);

/// One person's real video before publishing, and how to forge it.
struct Footage {
  std::string name;
  std::string source;  ///< name of the person whose face goes into swaps
  std::vector<Face> frames;
  std::vector<PublishOptions> publishing;  ///< of each frame and all its forgeries
  std::function<Forgery(Manipulation, std::size_t frame)> forge;
};

/// People who swap faces among themselves. `film` is called in the thread that writes the videos.
struct Job {
  Place place;
  std::vector<std::pair<std::string, std::string>> pairs;  ///< for the split's list of pairs
  std::function<std::vector<Footage>()> film;
};

struct SyntheticSummary {
  struct Count {
    std::size_t videos = 0, frames = 0;
  };
  /// dataset -> label -> split
  std::map<std::string, std::map<std::string, std::map<std::string, Count>>> counts;
  std::size_t identities = 0;
  std::vector<std::string> left_out;  ///< what could not be used, one line each
  bool reused = false;                ///< a complete set with the same options was there already
};

/// Called after each job, from one thread at a time.
using ProgressCallback = std::function<void(std::size_t done, std::size_t total)>;

/// OpenCV's own threads would fight with ours.
class SingleThreadedOpenCv {
 public:
  SingleThreadedOpenCv();
  ~SingleThreadedOpenCv();
  SingleThreadedOpenCv(const SingleThreadedOpenCv&) = delete;
  SingleThreadedOpenCv& operator=(const SingleThreadedOpenCv&) = delete;

 private:
  int before_;
};

/// Makes output/rgb and output/dataset_json. What is written does not depend on the number of
/// threads.
/// @return the counts; the rest is left to the caller
SyntheticSummary write_dataset(const std::filesystem::path& output, const std::vector<Job>& jobs,
                               int threads, const ProgressCallback& progress);

/// @throws std::runtime_error "make-data: WHAT is VALUE; it must be RULE" unless it is good
void require_option(bool good, const std::string& what, int value, const char* rule);
/// The options that all sources of faces share.
void check_frame_options(int image_size, int frames_per_video, int threads);

}  // namespace deepfake
