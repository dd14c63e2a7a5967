// SPDX-License-Identifier: MIT
// Small data sets on disk for tests.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace deepfake::testing {

/// A new folder under the system's temporary one, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count{0};
    do {
      path_ = std::filesystem::temp_directory_path() /
              ("roga_deepfake_test_" + std::to_string(count++));
    } while (!std::filesystem::create_directory(path_));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

/// A 4 x 4 picture of one colour (blue, green, red).
inline void write_picture(const std::filesystem::path& file,
                          const cv::Scalar& colour = {30, 60, 90}) {
  std::filesystem::create_directories(file.parent_path());
  cv::imwrite(file.string(), cv::Mat(4, 4, CV_8UC3, colour));
}

/// The message of the std::runtime_error that @p call throws; empty if it throws none.
template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

inline bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// FaceForensics++ in miniature under FOLDER/rgb and FOLDER/dataset_json: FF-DF.json and
/// FF-F2F.json, each with the reals and one manipulation, in c23; videos 000 and 003 train, 010 and
/// 011 test.
class MiniatureFaceForensics {
 public:
  std::filesystem::path folder;
  int frames = 3;
  bool with_pictures = true;

  void write() const {
    write_dataset("FF-DF", "Deepfakes");
    write_dataset("FF-F2F", "Face2Face");
  }

  std::string frame_path(const std::string& sequence, const std::string& video, int frame) const {
    return "FaceForensics++/" + sequence + "/c23/frames/" + video + "/" +
           std::to_string(frame * 10) + ".png";
  }

 private:
  void write_dataset(const std::string& label, const std::string& method) const {
    nlohmann::json index;
    const auto add = [&](const std::string& of, const std::string& split, const std::string& name,
                         const std::string& sequence) {
      nlohmann::json& video = index[label][of][split]["c23"][name];
      video["label"] = of;
      video["frames"] = nlohmann::json::array();
      for (int n = frames; n-- > 0;) {  // not in order
        video["frames"].push_back(frame_path(sequence, name, n));
        if (with_pictures) write_picture(folder / "rgb" / frame_path(sequence, name, n));
      }
    };
    for (const auto& [split, a, b] : {std::tuple("train", "000", "003"), {"test", "010", "011"}}) {
      for (const std::string& real : {std::string(a), std::string(b)}) {
        add("FF-real", split, real, "original_sequences/youtube");
      }
      add(label, split, std::string(a) + "_" + b, "manipulated_sequences/" + method);
      add(label, split, std::string(b) + "_" + a, "manipulated_sequences/" + method);
    }
    write_text(folder / "dataset_json" / (label + ".json"), index.dump());
  }
};

}  // namespace deepfake::testing
