// SPDX-License-Identifier: MIT
// Synthetic faces, real and forged: each manipulation to train on is a domain.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "generalization/problem.hpp"
#include "synthetic/dataset.hpp"

namespace generalization {

inline constexpr int side_of_faces = 64;

/// 8-bit RGB, a real frame and its forgery at the same place of either list.
struct FacePairs {
  std::vector<cv::Mat> real, forged;
};

/// @param manipulation a label of the index; all of them if empty
/// @throws std::runtime_error if there is no such data
FacePairs read_pairs(const std::filesystem::path& data, const deepfake::Place& place,
                     const std::string& manipulation = {});

/// Of such pairs, one logit for each image; without domains yet.
Problem problem_of_pairs();

/// All reals, then all forgeries.
Domain domain_of(const std::string& name, const FacePairs& pairs);

/// "unseen", or the manipulations FF-DF, FF-F2F, FF-FS and FF-NT.
std::vector<std::string> face_domains(const std::string& family);

/// Family faces: trained on four manipulations, tested on the four sets of other manipulations, of
/// other people. Family manipulations: trained on three, tested on the fourth, of the test people.
/// The data says who is in which split; the seed changes nothing here.
/// @throws std::runtime_error if there are no such faces
Problem faces_problem(const ProblemOptions& options);

}  // namespace generalization
