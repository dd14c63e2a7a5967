// SPDX-License-Identifier: MIT
#pragma once

#include <c10/util/StringUtil.h>

#include <cstddef>
#include <cstdint>
#include <roga/tensor/torch.hpp>
#include <string>

namespace roga {
inline namespace v1 {
namespace detail {

/// @param which of the user's losses: "SharedForward returned losses"
/// @throws c10::Error unless they are real floating-point numbers
template <class... Words>
void check_loss_type(const at::Tensor& losses, const Words&... which) {
  const auto type = losses.scalar_type();
  if (c10::isFloatingType(type)) return;
  TORCH_CHECK(
      false, "roga: ", which..., " of type ", c10::toString(type),
      "; a loss is a real floating-point number: ",
      c10::isComplexType(type)
          ? "take its real part, torch::real(loss)"
          : "compute it from the model's floating-point outputs, not from labels or counts");
}
/// @param giver,verb "the closure of domain", "returned"
/// @throws c10::Error unless a domain's loss is one real floating-point number
inline void check_loss(const at::Tensor& loss, const char* giver, std::size_t domain,
                       const char* verb) {
  TORCH_CHECK(loss.defined() && loss.numel() == 1, "roga: ", giver, " ", domain, " ", verb, " ",
              loss.defined() ? c10::str("a tensor of ", loss.numel(), " elements")
                             : std::string("an undefined tensor"),
              "; it must be the loss, one number");
  check_loss_type(loss, giver, " ", domain, " ", verb, " a loss");
}
/// @throws c10::Error unless it is the loss of a pass over several domains: each domain's, [K], or
/// their mean
inline void check_pooled_loss(const at::Tensor& loss, std::size_t domains, const char* giver) {
  const auto count = static_cast<std::int64_t>(domains);
  TORCH_CHECK(loss.defined() && (loss.numel() == 1 || (loss.dim() == 1 && loss.numel() == count)),
              "roga: ", giver, " gave ",
              loss.defined() ? c10::str("a tensor of shape ", loss.sizes())
                             : std::string("an undefined tensor"),
              "; it must be the loss of each present domain, a [", domains,
              "] tensor, or their mean, one number");
  check_loss_type(loss, giver, " gave a loss");
}
/// @throws c10::Error unless these are the losses of a shared forward, [K]
inline void check_shared_losses(const at::Tensor& losses) {
  TORCH_CHECK(losses.defined() && losses.dim() == 1 && losses.numel() > 0,
              "roga: SharedForward must return a [K] tensor of per-domain losses, got ",
              losses.defined() ? c10::str("one of shape ", losses.sizes()) : "an undefined one");
  check_loss_type(losses, "SharedForward returned the losses of ", losses.numel(),
                  " domains as numbers");
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
