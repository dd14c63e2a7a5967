// SPDX-License-Identifier: MIT
#pragma once

#include <c10/util/Exception.h>
#include <torch/version.h>

#include <string>
#include <vector>

namespace support {

/// LibTorch's warnings of this thread, kept instead of printed while in scope.
class Warnings : c10::WarningHandler {
 public:
  const std::vector<std::string>& lines() const { return lines_; }

#if TORCH_VERSION_MAJOR < 2
  void process(const c10::SourceLocation&, const std::string& message, bool) override {
    lines_.push_back(message);
  }

 private:
  std::vector<std::string> lines_;
  c10::Warning::WarningHandlerGuard guard_{this};
#else
  void process(const c10::Warning& warning) override { lines_.push_back(warning.msg()); }

 private:
  std::vector<std::string> lines_;
  c10::WarningUtils::WarningHandlerGuard guard_{this};
#endif
};

}  // namespace support
