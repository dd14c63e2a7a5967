// SPDX-License-Identifier: MIT
#include "detection/gradcam.hpp"

#include <ATen/ops/sigmoid.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <map>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

#include "data/faults.hpp"
#include "files/folder_lock.hpp"
#include "files/left_out.hpp"
#include "files/replace_file.hpp"
#include "images/image.hpp"
#include "images/resize.hpp"
#include "text/progress.hpp"
#include "training/batch.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

struct Choice {
  const Index* part;
  std::size_t video;
};

/// Some videos of each label of each data set, evenly spaced.
std::vector<Choice> choose(const std::vector<Index>& parts, std::size_t per_domain) {
  std::vector<Choice> chosen;
  for (const Index& part : parts) {
    std::map<std::string, std::vector<std::size_t>> by_label;
    for (std::size_t v = 0; v < part.videos.size(); ++v) {
      by_label[part.videos[v].label].push_back(v);
    }
    for (const auto& [label, videos] : by_label) {
      for (const std::size_t n : evenly_spaced(videos.size(), per_domain)) {
        chosen.push_back({&part, videos[n]});
      }
    }
  }
  return chosen;
}

std::string file_name(std::size_t number, const Video& video) {
  std::string name = std::to_string(number);
  name.insert(0, 4 - std::min<std::size_t>(4, name.size()), '0');
  name += '_' + video.label + '_' + video.name + ".png";
  for (char& letter : name) {
    if (letter == '/' || letter == '\\') letter = '_';
  }
  return name;
}

void require_feature_maps(const Detector& detector) {
  if (!detector.has_feature_maps()) {
    throw std::runtime_error(
        "the network has no feature maps to weigh: give the TorchScript methods features(images) "
        "and head(features)");
  }
}

}  // namespace

HeatMap grad_cam(Detector& detector, const cv::Mat& image) {
  require_feature_maps(detector);
  detector.eval();
  const at::Device device = detector.parameters().front().device();
  const std::array<cv::Mat, 1> images{image};
  at::Tensor features, logit, gradient;
  {
    const c10::AutoGradMode enable(true);
    {
      const c10::NoGradGuard no_grad;  // nothing before the feature maps is differentiated
      features = detector.features(to_tensor(images).to(device));
    }
    features = features.detach().requires_grad_();
    logit = detector.head(features);
    gradient = torch::autograd::grad({logit.sum()}, {features}).front();
  }
  at::Tensor cam = (gradient.mean({2, 3}, /*keepdim=*/true) * features.detach()).sum(1).relu();
  const double peak = cam.max().item<double>();
  if (peak > 0) cam = cam / peak;
  cam = cam.squeeze(0).to(at::kCPU, at::kFloat).contiguous();
  const cv::Mat small(static_cast<int>(cam.size(0)), static_cast<int>(cam.size(1)), CV_32F,
                      cam.data_ptr<float>());
  HeatMap map;
  cv::resize(small, map.heat, image.size(), 0, 0, cv::INTER_LINEAR);
  map.prob = at::sigmoid(logit.detach()).item<double>();
  return map;
}

cv::Mat side_by_side(const cv::Mat& image, const HeatMap& map) {
  cv::Mat bytes, colours, rgb, blended, pair;
  map.heat.convertTo(bytes, CV_8U, 255);
  cv::applyColorMap(bytes, colours, cv::COLORMAP_JET);
  cv::cvtColor(colours, rgb, cv::COLOR_BGR2RGB);
  cv::addWeighted(image, 0.55, rgb, 0.45, 0, blended);
  cv::hconcat(image, blended, pair);
  return pair;
}

std::vector<GradCamRow> write_grad_cams(const GradCamOptions& options) {
  const DetectorTest test = open_test(options);
  require_feature_maps(*test.trained.detector);
  const FolderLock lock(test.trained.run);
  // Beside the old pictures until all are there: a failure leaves those, and no half folder.
  const fs::path fresh = test.trained.run / "gradcam.new";
  const fs::path pictures = fresh / "gradcam";
  fs::remove_all(fresh);
  fs::create_directories(pictures);
  std::vector<GradCamRow> rows;
  try {
    const auto chosen = choose(test.parts, options.per_domain);
    Progress progress("gradcam", static_cast<std::int64_t>(chosen.size()));
    progress.keep(test.trained.run / "train.log");
    std::optional<FaceCutter> cutter;
    if (options.faces) cutter.emplace(*options.faces);
    std::vector<fs::path> broken;
    std::vector<LeftOut> lost;
    std::int64_t done = 0;
    std::int64_t faceless = 0;
    for (const auto& [part, v] : chosen) {
      progress.update(++done);
      const Video& video = part->videos[v];
      const fs::path& frame = video.frames[video.frames.size() / 2];
      cv::Mat image;
      try {
        image = read_image(frame);
      } catch (const std::runtime_error&) {
        broken.push_back(frame);
        lost.push_back({"", video.dataset, "broken image", frame.string(), "skipped"});
        continue;
      }
      if (cutter) {
        const std::vector<FoundFace> faces = cutter->faces(image);
        if (faces.empty()) {
          lost.push_back({"", video.dataset, "frame without a face", frame.string(), "skipped"});
          ++faceless;
          continue;
        }
        image = cutter->cut(image, faces.front()).image;
      }
      image = resized(image, test.trained.options.model.size);
      const HeatMap map = grad_cam(*test.trained.detector, image);
      const std::string name = file_name(rows.size(), video);
      const auto png = encode_png(side_by_side(image, map));
      replace_file(pictures / name, {reinterpret_cast<const char*>(png.data()), png.size()});
      rows.push_back({name, video.dataset, video.domain, video.name, frame.stem().string(),
                      video.is_fake ? 1 : 0, map.prob, video.compression});
    }
    const std::string faults = broken_text(broken, "skipped");
    if (!faults.empty()) progress.print(faults);
    if (faceless > 0) {
      progress.print(std::to_string(faceless) + (faceless == 1 ? " frame" : " frames") +
                     " without a face skipped");
    }
    if (rows.empty()) {
      throw std::runtime_error(faceless > 0 ? "no face was found in any frame; try without --align"
                                            : "no frame could be read for gradcam: " + faults);
    }
    write_gradcam_index(fresh, rows);
    replace_left_out(test.trained.run, "gradcam", std::move(lost));
  } catch (...) {
    fs::remove_all(fresh);
    throw;
  }
  fs::remove_all(test.trained.run / "gradcam");
  fs::rename(pictures, test.trained.run / "gradcam");
  fs::remove_all(fresh);
  return rows;
}

}  // namespace deepfake
