// SPDX-License-Identifier: MIT
// What dlib writes of a network: its layers in the order in which data meets them, each with a name
// before its numbers. Only convolutions, affine layers and the last, full one have any.
#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "networks/dlib_resnet34.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the numbers are taken as they lie");

class DlibFile {
 public:
  explicit DlibFile(const fs::path& file) : file_(file.string()) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error(file_ + ": cannot be opened");
    bytes_.assign(std::istreambuf_iterator<char>(stream), {});
  }

  /// Goes behind the next name of a layer with numbers: con, affine or fc, without its version.
  /// Tensors have to be read, lest a name be found within.
  std::optional<std::string_view> next_layer() {
    for (; at_ + 2 < bytes_.size(); ++at_) {
      if (bytes_[at_] != 1) continue;  // a text's length takes one byte
      const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes_[at_ + 1]));
      const std::string_view text = std::string_view(bytes_).substr(at_ + 2, length);
      for (const auto& [name, kind] : known_) {
        if (text != name) continue;
        at_ += 2 + length;
        return kind;
      }
    }
    return std::nullopt;
  }

  std::int64_t integer() {
    const auto first = static_cast<unsigned char>(byte());
    const int size = first & 0x7f;
    if (size > 8) fail("is damaged");
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(byte())} << (8 * i);
    }
    const auto number = static_cast<std::int64_t>(value);
    return (first & 0x80) != 0 ? -number : number;
  }

  /// All numbers of a tensor, one after the other.
  at::Tensor tensor() {
    if (integer() != 2) fail("has tensors of an unknown version");
    std::int64_t count = 1;
    for (int axis = 0; axis < 4; ++axis) {
      const std::int64_t size = integer();
      if (size < 0 || size > (1 << 24) || count * size > (1 << 28)) fail("is damaged");
      count *= size;
    }
    const std::size_t size = static_cast<std::size_t>(count) * sizeof(float);
    if (bytes_.size() - at_ < size) fail("is cut off");
    const at::Tensor numbers = at::empty({count});
    std::memcpy(numbers.data_ptr<float>(), bytes_.data() + at_, size);
    at_ += size;
    return numbers;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(file_ + ": dlib's file of a network " + what +
                             "; scripts/fetch_backbone.sh fetches the one that is known");
  }

 private:
  char byte() {
    if (at_ >= bytes_.size()) fail("is cut off");
    return bytes_[at_++];
  }

  struct Name {
    std::string_view name, kind;
  };
  static constexpr std::array<Name, 6> known_{{{"con_4", "con"},
                                               {"con_5", "con"},
                                               {"affine_", "affine"},
                                               {"affine_2", "affine"},
                                               {"fc_2", "fc"},
                                               {"fc_3", "fc"}}};
  std::string file_;
  std::string bytes_;
  std::size_t at_ = 0;
};

/// A convolution and the affine layer behind it.
struct Place {
  std::string conv, affine;
  std::int64_t in, out, kernel;
};

std::vector<Place> places() {
  std::vector<Place> all{{"stem.conv", "stem.affine", 3, 64, 7}};
  constexpr std::array<int, 4> blocks{3, 4, 6, 3};
  std::int64_t channels = 64;
  for (std::size_t s = 0; s < blocks.size(); ++s) {
    for (int b = 0; b < blocks[s]; ++b) {
      const std::string block = "stage" + std::to_string(s + 1) + '.' + std::to_string(b) + '.';
      const std::int64_t out = 64 << s;
      all.push_back({block + "conv1", block + "affine1", channels, out, 3});
      all.push_back({block + "conv2", block + "affine2", out, out, 3});
      channels = out;
    }
  }
  return all;
}

}  // namespace

bool is_dlib_network(const fs::path& file) {
  std::string begin(4096, '\0');
  std::ifstream(file, std::ios::binary)
      .read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return begin.find("\x01\x15input_rgb_image_sized") != std::string::npos ||
         begin.find("\x01\x0finput_rgb_image") != std::string::npos;
}

std::map<std::string, at::Tensor> read_dlib_resnet34(const fs::path& path) {
  DlibFile file(path);
  std::map<std::string, at::Tensor> tensors;
  const auto expect = [&](std::string_view kind) {
    if (file.next_layer() != kind) file.fail("is not that of ResNet-34: its layers differ");
  };
  const auto parts = [&](const at::Tensor& all, std::int64_t first, std::int64_t second) {
    if (all.numel() != first + second) file.fail("is not that of ResNet-34: its sizes differ");
    return std::pair(all.slice(0, 0, first), all.slice(0, first));
  };
  for (const Place& place : places()) {
    expect("con");
    const auto [filters, biases] =
        parts(file.tensor(), place.out * place.in * place.kernel * place.kernel, place.out);
    tensors[place.conv + ".weight"] =
        filters.view({place.out, place.in, place.kernel, place.kernel});
    tensors[place.conv + ".bias"] = biases;
    expect("affine");
    const auto [scale, shift] = parts(file.tensor(), place.out, place.out);
    tensors[place.affine + ".weight"] = scale;
    tensors[place.affine + ".bias"] = shift;
  }
  expect("fc");
  const std::int64_t classes = file.integer(), width = file.integer();
  if (classes != 1000 || width != 512) file.fail("is not that of ResNet-34: its head differs");
  const auto [weight, bias] = parts(file.tensor(), width * classes, classes);
  tensors["fc.weight"] = weight.view({width, classes}).t().contiguous();
  tensors["fc.bias"] = bias;
  return tensors;
}

}  // namespace deepfake
