// SPDX-License-Identifier: MIT
// What a detector was trained on, kept in its run's folder, so that no test calls it unseen.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/index.hpp"

namespace deepfake {

/// A forgery as it was tested. Several data sets may list the same one: FF-DF of FaceForensics++
/// and FF-DF of FF-DF.json.
struct TestedForgery {
  std::string label = {};
  std::string compression = {};
  std::string source = {};  ///< the folder that its videos lie in; empty: unknown
};
/// Equal folders, or equal labels that speak for themselves (FF-DF, not fake).
bool is_same(const TestedForgery& a, const TestedForgery& b);

/// Mean over manipulations, in which each counts once, however many data sets list it.
class ManipulationMean {
 public:
  void add(const TestedForgery& manipulation, double value);
  std::size_t count() const { return entries_.size(); }
  double mean() const;  ///< NaN without a value

 private:
  struct Entry {
    TestedForgery manipulation;
    double sum = 0;
    double count = 0;
  };
  std::vector<Entry> entries_;
};

/// What training and test share, in words: a line for all manipulations of which the same holds.
class Overlaps {
 public:
  void add(const std::string& manipulation, bool is_trained, const std::string& overlap);
  std::vector<std::string> lines() const;

 private:
  using Entry = std::pair<std::string, std::vector<std::string>>;
  std::vector<Entry> entries_;
};

/// A video of the training split, as RUN/trained_on.csv keeps it.
struct TrainedVideo {
  std::string dataset;
  std::string label;
  std::string name;
  std::string people;  ///< as identities() tells them, "071/054"
  std::string folder;  ///< that its manipulation's videos lie in
  std::string first_frame;
  std::string content;  ///< of the first frame: size and hash
  bool is_fake = false;
  std::string domain = {};  ///< the label, or what --labels calls it
};

/// Writes RUN/trained_on.csv.
void write_trained_on(const std::filesystem::path& run, const Index& train);

/// A first frame of a video of @p train that is not the one that RUN/trained_on.csv knows; empty if
/// there is none.
std::string changed_first_frame(const std::filesystem::path& run, const Index& train);

/// How one manipulation of a test relates to training.
struct Relation {
  bool is_trained = false;
  std::string source = {};   ///< see TestedForgery
  std::string overlap = {};  ///< what both share and the names do not tell; else empty
};

/// Decides by labels and by where frames come from, never by names of data sets.
class TrainedOn {
 public:
  /// @param labels of the fakes that @p run was trained on; all that is known of older runs
  TrainedOn(const std::filesystem::path& run, std::vector<std::string> labels);

  /// Whether the run has the list. Without it labels alone decide.
  bool has_list() const { return has_list_; }

  /// @param index all splits of what is tested: where the test's people are others, it is the
  /// training videos listed beside them that tell
  /// @param test the videos of one data set that are tested
  /// @param domain the manipulation
  Relation to(const Index& index, const Index& test, const std::string& domain) const;

 private:
  bool has_list_ = false;
  std::vector<std::string> labels_;
  std::vector<TrainedVideo> videos_;
};

}  // namespace deepfake
