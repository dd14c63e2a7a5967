// SPDX-License-Identifier: MIT
// The network as dlib's example dnn_imagenet_ex declares it.
#include "dlib_imagenet_reference.hpp"

#include <stdexcept>

#if ROGA_HAS_DLIB
#include <dlib/dnn.h>
#endif

namespace deepfake::testing {

#if ROGA_HAS_DLIB

namespace {

template <int N, int stride, typename Below>
using block = dlib::affine<
    dlib::con<N, 3, 3, 1, 1, dlib::relu<dlib::affine<dlib::con<N, 3, 3, stride, stride, Below>>>>>;
template <int N, typename Below>
using same = dlib::relu<dlib::add_prev1<block<N, 1, dlib::tag1<Below>>>>;
template <int N, typename Below>
using half = dlib::relu<dlib::add_prev2<
    dlib::avg_pool<2, 2, 2, 2, dlib::skip1<dlib::tag2<block<N, 2, dlib::tag1<Below>>>>>>>;
template <typename Below>
using stage4 = same<512, same<512, half<512, Below>>>;
template <typename Below>
using stage3 = same<256, same<256, same<256, same<256, same<256, half<256, Below>>>>>>;
template <typename Below>
using stage2 = same<128, same<128, same<128, half<128, Below>>>>;
template <typename Below>
using stage1 = same<64, same<64, same<64, Below>>>;
using Stem = dlib::max_pool<
    3, 3, 2, 2,
    dlib::relu<dlib::affine<dlib::con<64, 7, 7, 2, 2, dlib::input_rgb_image_sized<227>>>>>;
using Network = dlib::loss_multiclass_log<
    dlib::fc<1000, dlib::avg_pool_everything<stage4<stage3<stage2<stage1<Stem>>>>>>>;

std::vector<float> numbers_of(const dlib::tensor& tensor) {
  return {tensor.host(), tensor.host() + tensor.size()};
}

}  // namespace

struct DlibImageNet::Net {
  Network network;
  std::vector<std::string> labels;
};

bool DlibImageNet::is_there() { return true; }

DlibImageNet::DlibImageNet(const std::filesystem::path& file) : net_(std::make_unique<Net>()) {
  dlib::deserialize(file.string()) >> net_->network >> net_->labels;
}

std::vector<float> DlibImageNet::logits(const cv::Mat& rgb) {
  dlib::matrix<dlib::rgb_pixel> image(rgb.rows, rgb.cols);
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const auto& pixel = rgb.at<cv::Vec3b>(y, x);
      image(y, x) = {pixel[0], pixel[1], pixel[2]};
    }
  }
  dlib::resizable_tensor input;
  net_->network.to_tensor(&image, &image + 1, input);
  return numbers_of(net_->network.subnet().forward(input));
}

std::vector<float> DlibImageNet::logits(const std::vector<float>& numbers, int side) {
  dlib::resizable_tensor input(1, 3, side, side);
  std::copy(numbers.begin(), numbers.end(), input.host());
  return numbers_of(net_->network.subnet().forward(input));
}

const std::vector<std::string>& DlibImageNet::labels() const { return net_->labels; }

#else

struct DlibImageNet::Net {};
bool DlibImageNet::is_there() { return false; }
DlibImageNet::DlibImageNet(const std::filesystem::path&) {
  throw std::logic_error("built without dlib");
}
std::vector<float> DlibImageNet::logits(const cv::Mat&) { return {}; }
std::vector<float> DlibImageNet::logits(const std::vector<float>&, int) { return {}; }
const std::vector<std::string>& DlibImageNet::labels() const {
  static const std::vector<std::string> none;
  return none;
}

#endif

DlibImageNet::~DlibImageNet() = default;

}  // namespace deepfake::testing
