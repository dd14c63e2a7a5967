// SPDX-License-Identifier: MIT
#pragma once

#include <exception>

namespace roga {
inline namespace v1 {
namespace detail {

/// Runs several pieces of work even if some throw; finish() throws the first exception.
class AllOfThem {
 public:
  template <class Work>
  bool attempt(Work&& work) {
    try {
      work();
      return true;
    } catch (...) {
      if (!first_) first_ = std::current_exception();
      return false;
    }
  }
  void finish() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::exception_ptr first_;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
