// SPDX-License-Identifier: MIT
// Loads the files of plain torch::optim optimizers.
#pragma once

#include <fstream>
#include <istream>
#include <roga/engine/archive.hpp>
#include <roga/engine/plain_archive.hpp>
#include <roga/engine/state.hpp>
#include <roga/optimizer.hpp>
#include <roga/tensor/torch.hpp>
#include <string>

namespace roga {
inline namespace v1 {
namespace detail {

/// A friend of the optimizer.
struct PlainReader {
  template <class Base, class P, class C, class A>
  static void read(RoGAOptimizer<Base, P, C, A>& optimizer,
                   torch::serialize::InputArchive& archive) {
    auto& engine = optimizer.engine_;
    engine.require_idle("load_plain()");
    read_undamaged([&] { read_plain(archive, optimizer, [&] { optimizer.Base::load(archive); }); });
    engine.state = {};
    engine.state.resumed = true;
    engine.skipped_in_a_row = 0;
    detail::forget_casts();
    optimizer.loaded_scale_.clear();
  }
};

}  // namespace detail

/// Reads the archive of a plain torch::optim optimizer, the format before LibTorch 1.5 included,
/// into a wrapper of such an optimizer: torch::load refuses such a file, and names this call.
///
/// States come from the file, and so do learning rates and the other group options, which
/// torch::load of LibTorch 1.13 leaves as they are. A file of the old format has none of these;
/// there the wrapper keeps its own. The recipe's memory starts empty, and its step count at 0. An
/// attached LossScaler stays as it is.
/// @throws c10::Error if the archive is damaged, of another kind of optimizer, for parameters of
/// another number or shape, or of a roga optimizer, which torch::load reads; nothing has changed
/// then
template <class Base, class P, class C, class A>
void load_plain(RoGAOptimizer<Base, P, C, A>& optimizer, torch::serialize::InputArchive& archive) {
  detail::PlainReader::read(optimizer, archive);
}
/// The same for a stream.
/// @param device the parameters' device, if the archive was written on another one
template <class Base, class P, class C, class A>
void load_plain(RoGAOptimizer<Base, P, C, A>& optimizer, std::istream& stream,
                c10::optional<at::Device> device = {}) {
  torch::serialize::InputArchive archive;
  detail::read_undamaged([&] { archive.load_from(stream, device); });
  load_plain(optimizer, archive);
}
/// The same for a file.
/// @throws c10::Error naming it also if it cannot be read
template <class Base, class P, class C, class A>
void load_plain(RoGAOptimizer<Base, P, C, A>& optimizer, const std::string& file,
                c10::optional<at::Device> device = {}) {
  std::ifstream stream(file, std::ios::binary);
  TORCH_CHECK(stream.good(), "roga: load_plain() cannot read the file ", file,
              "; check that it exists and is readable");
  load_plain(optimizer, stream, device);
}

}  // namespace v1
}  // namespace roga
