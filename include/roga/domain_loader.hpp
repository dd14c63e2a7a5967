// SPDX-License-Identifier: MIT
#pragma once

#include <c10/util/ArrayRef.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <roga/tensor/check.hpp>
#include <roga/tensor/shuffle.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// A data set in memory, or a batch of one: the first dimension of both tensors is the sample. Like
/// torch::data::Example<>, without its headers.
struct Samples {
  at::Tensor data;    ///< [N, ...]
  at::Tensor target;  ///< [N, ...], or undefined for samples without one

  /// N; 0 where there is no data.
  /// @throws c10::Error if data and target have different numbers of samples
  std::size_t size() const {
    if (!data.defined()) return 0;
    TORCH_CHECK(data.dim() > 0 && (!target.defined() || target.dim() > 0),
                "roga: Samples got a tensor without dimensions; the first dimension is the sample");
    TORCH_CHECK(!target.defined() || target.size(0) == data.size(0), "roga: Samples has ",
                data.size(0), " samples in its data and ", target.size(0), " in its target");
    return static_cast<std::size_t>(data.size(0));
  }
  /// These samples, in tensors of their own.
  Samples get_batch(c10::ArrayRef<std::size_t> indices) const {
    return {detail::rows_at(data, indices),
            target.defined() ? detail::rows_at(target, indices) : target};
  }
};

namespace detail {

/// The size of a data set: a plain number, or optional as in LibTorch.
template <class Dataset>
std::size_t size_of(const Dataset& dataset) {
  if constexpr (std::convertible_to<decltype(dataset.size()), std::size_t>) {
    return dataset.size();
  } else {
    const auto size = dataset.size();
    TORCH_CHECK(
        size.has_value(),
        "roga: DomainLoader got a data set whose size() has no value; it needs data sets that "
        "know their size()");
    return *size;
  }
}

}  // namespace detail

/// A data set with numbered samples: roga::Samples; any of LibTorch's with random access, with
/// transforms or without; one of your own with these two functions.
template <class T>
concept IndexedDataset = requires(T& dataset, const T& constant,
                                  const std::vector<std::size_t>& indices) {
  dataset.get_batch(indices);
  constant.size();
};

/// Options of a DomainLoader.
struct DomainLoaderOptions {
  std::int64_t batch_size = 32;  ///< samples of each domain in a step, >= 1
  std::uint64_t seed = 0;        ///< of the orders
};

/// Endless batches for a step over several domains: one of each, always of `batch_size` samples.
///
///     roga::DomainLoader loader(std::vector{first, second}, {.batch_size = 16, .seed = 1});
///     while (loader.step() < steps) {
///       for (const auto& batch : loader.next()) ...
///     }
///
/// Each domain goes through all of its samples in a random order, then in another one; small
/// domains start over more often. A batch that reaches the end of an order continues in the next.
/// So no sample is dropped, and the counts of any two samples of a domain differ by at most one.
/// Such a batch can hold a sample twice; every batch of a domain smaller than `batch_size` does.
///
/// The order of domain k in its epoch e is a function of (seed, k, e) and the domain's size, the
/// same on every platform. Nothing is drawn from LibTorch's generators; a transform of yours that
/// draws does so as anywhere else. Samples are read when `next` is called, in its thread.
/// Costs 8 bytes a sample, and a shuffle of them once per epoch and after a load.
template <IndexedDataset Dataset>
class DomainLoader {
 public:
  /// What a data set makes of a list of indices, such as Samples or torch::data::Example<>.
  using Batch =
      decltype(std::declval<Dataset&>().get_batch(std::declval<const std::vector<std::size_t>&>()));

  /// @param domains one data set for each domain; a domain is known by its position
  /// @throws c10::Error naming a domain without samples, or an option out of range
  explicit DomainLoader(std::vector<Dataset> domains, DomainLoaderOptions options = {})
      : domains_(std::move(domains)), batch_size_(options.batch_size), seed_(options.seed) {
    detail::require(batch_size_ >= 1, "batch_size", "at least 1", static_cast<double>(batch_size_));
    TORCH_CHECK(!domains_.empty(),
                "roga: DomainLoader got no domains; give it one data set for each");
    for (std::size_t k = 0; k < domains_.size(); ++k) {
      sizes_.push_back(static_cast<std::int64_t>(detail::size_of(domains_[k])));
      TORCH_CHECK(sizes_[k] > 0, "roga: DomainLoader got domain ", k,
                  " without samples; leave it out");
    }
    orders_.resize(domains_.size());
  }

  /// A batch of each domain. If a data set throws, the position has not changed.
  std::vector<Batch> next() {
    std::vector<Batch> batches;
    batches.reserve(domains_.size());
    for (std::size_t k = 0; k < domains_.size(); ++k) {
      batches.push_back(domains_[k].get_batch(indices(k)));
    }
    drawn_ += batch_size_;
    ++step_;
    return batches;
  }

  /// Number of domains, K.
  std::size_t domains() const { return domains_.size(); }
  /// How often `next` has been called, calls before a load included.
  std::int64_t step() const { return step_; }
  /// How often all samples of this domain have come.
  std::int64_t epoch(std::size_t domain) const { return drawn_ / sizes_.at(domain); }

  /// Writes position, seed and the domains' sizes. `torch::save` and `save_checkpoint` work, too.
  void save(torch::serialize::OutputArchive& archive) const {
    std::vector<std::int64_t> numbers{1, step_, drawn_, static_cast<std::int64_t>(seed_)};
    numbers.insert(numbers.end(), sizes_.begin(), sizes_.end());
    auto tensor = at::zeros({static_cast<std::int64_t>(numbers.size())}, at::kLong);
    std::copy(numbers.begin(), numbers.end(), tensor.template data_ptr<std::int64_t>());
    archive.write(entry, tensor);
  }
  /// Continues from there with the archive's seed, at the same sample even if the batch size
  /// differs.
  /// @throws c10::Error if the archive is of something else, or of domains of other sizes; nothing
  /// has changed then
  void load(torch::serialize::InputArchive& archive) {
    at::Tensor tensor;
    TORCH_CHECK(archive.try_read(entry, tensor), "roga: this archive has no '", entry,
                "' entry: it was not saved by a DomainLoader");
    TORCH_CHECK(tensor.scalar_type() == at::kLong && tensor.dim() == 1 && tensor.numel() >= 4,
                "roga: the checkpoint of the DomainLoader is not a list of whole numbers");
    tensor = tensor.cpu().contiguous();
    const auto* numbers = tensor.template data_ptr<std::int64_t>();
    TORCH_CHECK(numbers[0] == 1 && numbers[1] >= 0 && numbers[2] >= 0 && numbers[2] <= most_drawn,
                "roga: the checkpoint of the DomainLoader is of a later version, or damaged");
    const std::vector<std::int64_t> sizes(numbers + 4, numbers + tensor.numel());
    TORCH_CHECK(sizes == sizes_, "roga: the checkpoint is of a loader over ",
                at::IntArrayRef(sizes), " samples, this one has ", at::IntArrayRef(sizes_));
    step_ = numbers[1];
    drawn_ = numbers[2];
    seed_ = static_cast<std::uint64_t>(numbers[3]);
    orders_.assign(domains_.size(), {});
  }

 private:
  /// The order of a domain's samples in one epoch.
  struct EpochOrder {
    std::int64_t epoch = -1;
    std::vector<std::size_t> places;
  };
  static constexpr const char* entry = "domain_loader";
  static constexpr std::int64_t most_drawn = std::int64_t{1} << 62;

  std::vector<std::size_t> indices(std::size_t k) {
    std::vector<std::size_t> chosen;
    chosen.reserve(static_cast<std::size_t>(batch_size_));
    for (std::int64_t i = drawn_; i < drawn_ + batch_size_; ++i) {
      const std::int64_t epoch = i / sizes_[k];
      if (orders_[k].epoch != epoch) {
        const auto number = static_cast<std::uint64_t>(epoch);
        orders_[k] = {epoch, detail::permutation(static_cast<std::size_t>(sizes_[k]),
                                                 {seed_, seed_ >> 32U, k, number, number >> 32U})};
      }
      chosen.push_back(orders_[k].places[static_cast<std::size_t>(i % sizes_[k])]);
    }
    return chosen;
  }

  std::vector<Dataset> domains_;
  std::vector<std::int64_t> sizes_;
  std::vector<EpochOrder> orders_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t step_ = 0;
  std::int64_t drawn_ = 0;  // samples of each domain
};

/// For torch::save and save_checkpoint.
template <class Dataset>
torch::serialize::OutputArchive& operator<<(torch::serialize::OutputArchive& archive,
                                            const DomainLoader<Dataset>& loader) {
  loader.save(archive);
  return archive;
}
/// For torch::load and load_checkpoint.
template <class Dataset>
torch::serialize::InputArchive& operator>>(torch::serialize::InputArchive& archive,
                                           DomainLoader<Dataset>& loader) {
  loader.load(archive);
  return archive;
}

}  // namespace v1
}  // namespace roga
