// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <roga/engine/communicator.hpp>
#include <roga/tensor/gradient_list.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Adds up rows over the ranks: in buckets, of which one is packed while others travel. The buckets
/// are kept from step to step.
class Wire {
 public:
  explicit Wire(std::shared_ptr<Communicator> group) : group_(std::move(group)) {}

  /// Replaces each row by its sum over the ranks. A tensor that some ranks lack counts as zeros
  /// there; one that all lack stays undefined. Tensors are laid out as the parameters, so that what
  /// is computed from them has the same bits on all ranks.
  /// @param rows the same number on all ranks
  /// @param parameters that they are of
  /// @param reached by parameter: whether a rank has a tensor there in one of the rows
  void add_up(const std::vector<GradientList*>& rows, const std::vector<at::Tensor>& parameters,
              const std::vector<bool>& reached) {
    const c10::NoGradGuard no_grad;
    std::vector<Place> places;
    places.reserve(rows.size() * parameters.size());
    for (GradientList* row : rows) {
      row->resize(parameters.size());
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (!reached[i]) continue;
        places.push_back({&(*row)[i], &parameters[i], places.size()});
        lay_out(places.back());
      }
    }
    if (places.empty()) return;
    // The head of the first bucket counts how many ranks have each tensor.
    counts_ = at::empty({static_cast<std::int64_t>(places.size())}, at::kFloat);
    for (const auto& place : places) {
      counts_.data_ptr<float>()[place.index] = place.row->defined() ? 1.0F : 0.0F;
    }
    at::Tensor counts = counts_.to(parameters.front().device());
    Place of_counts{&counts, nullptr};
    std::vector<Place*> left{&of_counts};
    for (auto& place : places) left.push_back(&place);
    while (!left.empty()) left = add_up_like(left);
    finish();
  }

 private:
  static constexpr std::int64_t bucket_bytes = std::int64_t{12} << 20U;

  struct Place {
    at::Tensor* row;
    const at::Tensor* like;  ///< the parameter; none for the counts
    std::size_t index = 0;
  };
  struct Segment {
    Place* place;
    std::int64_t begin;      ///< in the tensor
    std::int64_t in_bucket;  ///< in the bucket
    std::int64_t length;
  };
  struct Bucket {
    at::Tensor numbers;
    std::vector<Segment> segments;
    std::int64_t used = 0;
    std::function<void()> wait;  ///< empty while nothing of it travels
  };

  static bool is_dense(const at::Tensor& x) {
    return x.layout() == at::kStrided && x.is_non_overlapping_and_dense();
  }
  /// In the parameter's own strides if these are a permutation of its memory.
  static at::Tensor new_like(const at::Tensor& parameter) {
    const auto options = parameter.options().requires_grad(false).layout(at::kStrided);
    if (!is_dense(parameter)) return at::empty(parameter.sizes(), options);
    return at::empty_strided(parameter.sizes(), parameter.strides(), options);
  }
  static void lay_out(Place& place) {
    at::Tensor& x = *place.row;
    if (!x.defined()) return;
    const bool as_it_is =
        is_dense(*place.like) ? x.strides() == place.like->strides() : x.is_contiguous();
    if (!as_it_is) x = new_like(*place.like).copy_(x);
  }
  static at::ScalarType wire_type(const at::Tensor& x) {
    return at::toRealValueType(x.scalar_type()) == at::kDouble ? at::kDouble : at::kFloat;
  }
  /// The real numbers of a dense tensor in the order of its memory.
  static at::Tensor line(const at::Tensor& x) {
    const auto real = x.is_complex() ? at::view_as_real(x) : x;
    return real.as_strided({real.numel()}, {1}, real.storage_offset());
  }
  static std::int64_t length_of(const Place& place) {
    const at::Tensor& x = place.like == nullptr ? *place.row : *place.like;
    return x.is_complex() ? 2 * x.numel() : x.numel();
  }

  /// Sends the places that have the type and device of the first.
  /// @return the others
  std::vector<Place*> add_up_like(const std::vector<Place*>& places) {
    auto sample = [](const Place& place) -> const at::Tensor& {
      return place.like == nullptr ? *place.row : *place.like;
    };
    const at::Tensor& first = sample(*places.front());
    const auto type = wire_type(first);
    std::vector<Place*> others;
    std::vector<Place*> these;
    std::int64_t total = 0;
    for (Place* place : places) {
      const bool fits =
          wire_type(sample(*place)) == type && sample(*place).device() == first.device();
      (fits ? these : others).push_back(place);
      if (fits && !travels_alone(*place)) total += length_of(*place);
    }
    const auto most = bucket_bytes / static_cast<std::int64_t>(c10::elementSize(type));
    const auto options = at::TensorOptions().dtype(type).device(first.device());
    Bucket* bucket = nullptr;
    for (Place* place : these) {
      if (travels_alone(*place)) {
        send_alone(*place);
        continue;
      }
      const std::int64_t length = length_of(*place);
      for (std::int64_t begin = 0; begin < length;) {
        if (bucket == nullptr) bucket = &next_bucket(std::min(most, total), options);
        const auto part = std::min(length - begin, std::min(most, total) - bucket->used);
        pack(*bucket, {place, begin, bucket->used, part});
        begin += part;
        if (bucket->used == std::min(most, total)) send(*std::exchange(bucket, nullptr));
      }
    }
    if (bucket != nullptr) send(*bucket);
    return others;
  }
  /// A large tensor needs no bucket: it is summed where it is.
  static bool travels_alone(const Place& place) {
    constexpr std::int64_t large = std::int64_t{4} << 20U;
    if (place.like == nullptr) return false;
    const auto type = at::toRealValueType(place.like->scalar_type());
    if (type != at::kFloat && type != at::kDouble) return false;
    return length_of(place) * static_cast<std::int64_t>(c10::elementSize(type)) >= large;
  }
  void send_alone(Place& place) {
    at::Tensor& row = *place.row;
    if (!row.defined()) row = new_like(*place.like).zero_();
    alone_.push_back({&place, group_->add_up(line(row))});
  }
  /// The bucket that was sent first.
  Bucket& next_bucket(std::int64_t size, const at::TensorOptions& options) {
    Bucket& bucket = buckets_.at(next_++ % buckets_.size());
    unpack(bucket);
    const bool fits = bucket.numbers.defined() && bucket.numbers.numel() >= size &&
                      bucket.numbers.scalar_type() == options.dtype() &&
                      bucket.numbers.device() == options.device();
    if (!fits) bucket.numbers = at::empty({size}, options);
    return bucket;
  }
  static void pack(Bucket& bucket, const Segment& segment) {
    const auto to = bucket.numbers.narrow(0, segment.in_bucket, segment.length);
    if (segment.place->row->defined()) {
      to.copy_(line(*segment.place->row).narrow(0, segment.begin, segment.length));
    } else {
      to.zero_();
    }
    bucket.segments.push_back(segment);
    bucket.used += segment.length;
  }
  void send(Bucket& bucket) {
    bucket.wait = group_->add_up(bucket.numbers.narrow(0, 0, bucket.used));
  }
  void unpack(Bucket& bucket) {
    if (!bucket.wait) return;
    std::exchange(bucket.wait, nullptr)();
    bucket.used = 0;
    for (const auto& segment : std::exchange(bucket.segments, {})) {
      const bool is_counts = segment.place->like == nullptr;
      at::Tensor& row = *segment.place->row;
      if (!row.defined()) {
        if (counts_.data_ptr<float>()[segment.place->index] == 0.0F) continue;
        row = new_like(*segment.place->like);
      }
      line(row)
          .narrow(0, segment.begin, segment.length)
          .copy_(bucket.numbers.narrow(0, segment.in_bucket, segment.length));
      if (is_counts) counts_.copy_(row);
    }
  }
  void finish() {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      unpack(buckets_.at(next_++ % buckets_.size()));
    for (auto& [place, wait] : std::exchange(alone_, {})) {
      wait();
      if (counts_.data_ptr<float>()[place->index] == 0.0F) *place->row = at::Tensor();
    }
  }

  std::shared_ptr<Communicator> group_;
  std::array<Bucket, 4> buckets_;
  std::size_t next_ = 0;
  std::vector<std::pair<Place*, std::function<void()>>> alone_;
  at::Tensor counts_;  ///< on the host: how many ranks have each tensor
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
