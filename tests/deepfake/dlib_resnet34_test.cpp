// SPDX-License-Identifier: MIT
// dlib's ResNet-34 against dlib.
#include "networks/dlib_resnet34.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "dlib_faces_reference.hpp"
#include "dlib_imagenet_reference.hpp"
#include "images/image.hpp"
#include "images/resize.hpp"
#include "tiny_training.hpp"
#include "training/batch.hpp"
#include "training/pretrained.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using testing::DlibImageNet;
using testing::mentions;
using testing::message_of;
using testing::TemporaryFolder;

/// Where scripts/fetch_backbone.sh puts the weights, unless DEEPFAKE_BACKBONE names them.
fs::path weights_file() {
  const char* named = std::getenv("DEEPFAKE_BACKBONE");
  return named != nullptr ? named : DEEPFAKE_BACKBONE_FILE;
}

bool has_weights() {
  if (fs::exists(weights_file())) return true;
  WARN("SKIPPED: needs " << weights_file() << " (scripts/fetch_backbone.sh)");
  return false;
}

bool has_reference() {
  if (!has_weights()) return false;
  if (DlibImageNet::is_there()) return true;
  WARN("SKIPPED: built without dlib (libdlib-dev)");
  return false;
}

/// The network with the weights of the file, and its head of 1000 classes apart.
struct Classifier {
  std::shared_ptr<Detector> detector = dlib_resnet34();
  at::Tensor weight, bias;

  Classifier() {
    const LoadedWeights loaded = load_weights(*detector, weights_file());
    CHECK(loaded.missing.empty());
    CHECK(loaded.unfitting == std::vector<std::string>{"fc.weight", "fc.bias"});
    detector->normalise(*normalisation_named("dlib"));
    auto tensors = read_dlib_resnet34(weights_file());
    weight = tensors["fc.weight"];
    bias = tensors["fc.bias"];
    detector->eval();
  }
  /// @param images RGB in [-1, 1]
  at::Tensor logits(const at::Tensor& images) {
    const c10::NoGradGuard no_grad;
    return at::linear(detector->features(images).mean({2, 3}), weight, bias).squeeze(0);
  }
};

at::Tensor tensor_of(std::vector<float> numbers) {
  return torch::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}).clone();
}

cv::Mat photograph(const char* name) {
  return resized(read_image(testing::dlib_photographs() / name), 227);
}

TEST_CASE("dlib-resnet-34: as large as dlib's, and as coarse", "[network][dlib]") {
  const c10::NoGradGuard no_grad;
  ModelOptions options;
  options.model = "dlib-resnet-34";
  const auto detector = make_detector(options);
  // Counted in dlib's file.
  CHECK(count_parameters(*detector) - 513 + 513 * 1000 == 21631464);
  detector->eval();
  const auto side = [&](int size) { return detector->features(torch::zeros({1, 3, size, size})); };
  CHECK(side(227).sizes() == at::IntArrayRef({1, 512, 6, 6}));
  CHECK(side(256).sizes() == at::IntArrayRef({1, 512, 7, 7}));
  CHECK(detector->head(side(55)).sizes() == at::IntArrayRef({1}));
  std::string message;
  try {
    side(54);
  } catch (const c10::Error& error) {
    message = error.what_without_backtrace();
  }
  CHECK(mentions(message, "55 pixels or more, not 54 x 54; set --size"));
}

TEST_CASE("dlib-resnet-34: every part is trained", "[network][dlib]") {
  const auto detector = dlib_resnet34();
  // A branch that begins with a scale of zero hands no gradient on.
  for (auto& item : detector->named_parameters()) {
    const c10::NoGradGuard no_grad;
    if (item.key().ends_with("affine2.weight")) item.value().fill_(0.5);
  }
  detector->forward(torch::randn({2, 3, 64, 64})).sum().backward();
  for (const auto& item : detector->named_parameters()) {
    INFO(item.key());
    REQUIRE(item.value().grad().defined());
    CHECK(item.value().grad().abs().max().item<float>() > 0);
  }
}

TEST_CASE("dlib-resnet-34: a file that is another's or damaged is named", "[weights][dlib]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "net.dnn";
  const std::string begin = "\x01\x02\x01\x15input_rgb_image_sized";
  const auto detector = dlib_resnet34();
  const auto message = [&](const std::string& rest) {
    testing::write_text(file, begin + rest);
    return message_of([&] { load_weights(*detector, file); });
  };
  CHECK(mentions(message("nothing"), "net.dnn: dlib's file of a network is not that of ResNet-34"));
  CHECK(mentions(message("\x01\x05"
                         "con_4"),
                 "is cut off"));
  CHECK(mentions(message(std::string("\x01\x05"
                                     "con_4\x01\x02\x01\x02\x01\x01\x01\x01\x01\x01",
                                     17) +
                         std::string(8, '\0')),
                 "its sizes differ"));
  CHECK(mentions(message(std::string("\x01\x05"
                                     "con_4\x01\x02\x01\x09\x01\x01\x01\x01\x01\x01",
                                     17) +
                         std::string(8, '\0')),
                 "is cut off"));
  CHECK(mentions(message("\x01\x07"
                         "affine_"),
                 "its layers differ; scripts/fetch_backbone.sh"));
}

TEST_CASE("dlib-resnet-34: gives what dlib gives", "[network][dlib][slow]") {
  if (!has_reference()) return;
  DlibImageNet dlib(weights_file());
  Classifier own;
  const auto generator = at::detail::createCPUGenerator(5);
  // At 256 pixels the shortcuts are larger than what they are added to.
  for (const int side : {227, 256}) {
    const at::Tensor images = torch::rand({1, 3, side, side}, generator) * 2 - 1;
    const at::Tensor mean = torch::tensor({122.782, 117.001, 104.298}).view({3, 1, 1});
    const at::Tensor ready = (((images + 1) * 127.5 - mean) / 256).to(at::kFloat).contiguous();
    const float* first = ready.data_ptr<float>();
    const at::Tensor expected =
        tensor_of(dlib.logits(std::vector<float>(first, first + ready.numel()), side));
    const double largest = expected.abs().max().item<double>();
    const double difference = (own.logits(images) - expected).abs().max().item<double>();
    INFO("side " << side << ", largest " << largest << ", difference " << difference);
    CHECK(largest > 1);
    CHECK(difference < 1e-5 * std::max(1.0, largest));
  }
}

TEST_CASE("dlib-resnet-34: the five likeliest labels of photographs are dlib's",
          "[network][dlib][photos][slow]") {
  if (!has_reference()) return;
  const auto photographs = {"faces/dogs.jpg", "mmod_cars_test_image2.jpg"};
  if (!fs::exists(testing::dlib_photographs() / *photographs.begin())) {
    WARN("SKIPPED: needs dlib's photographs (libdlib19.1)");
    return;
  }
  DlibImageNet dlib(weights_file());
  REQUIRE(dlib.labels().size() == 1000);
  Classifier own;
  for (const char* name : photographs) {
    const cv::Mat photo = photograph(name);
    const at::Tensor expected = tensor_of(dlib.logits(photo));
    const at::Tensor given = own.logits(to_tensor(std::array{photo}));
    const auto labels = [&](const at::Tensor& logits) {
      const at::Tensor best = std::get<1>(logits.topk(5));
      std::string names;
      for (int i = 0; i < 5; ++i) {
        names += dlib.labels()[static_cast<std::size_t>(best[i].item<std::int64_t>())] + ' ';
      }
      return names;
    };
    WARN(name << ": " << labels(given));
    CHECK(labels(given) == labels(expected));
    CHECK((given - expected).abs().max().item<double>() <
          1e-5 * std::max(1.0, expected.abs().max().item<double>()));
  }
}

}  // namespace
}  // namespace deepfake
