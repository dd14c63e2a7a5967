// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace deepfake {

/// Keeps other processes out of a folder while it lives: an advisory lock (flock) on FOLDER/lock,
/// which the system releases when the process dies, however it does.
class FolderLock {
 public:
  /// @throws std::runtime_error naming the folder and the process that works there.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace deepfake
