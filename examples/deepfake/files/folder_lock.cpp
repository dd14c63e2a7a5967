// SPDX-License-Identifier: MIT
#include "files/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace deepfake {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const std::string name = (folder / "lock").string();
  file_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) {
    throw std::runtime_error(name +
                             ": cannot be opened: " + std::generic_category().message(errno));
  }
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    std::array<char, 24> owner{};
    const ssize_t read = ::read(file_, owner.data(), owner.size() - 1);
    ::close(file_);
    file_ = -1;
    if (reason != EWOULDBLOCK) return;  // a file system without locks
    throw std::runtime_error(folder.string() + ": another process " +
                             (read > 0 ? "(" + std::string(owner.data()) + ") " : std::string()) +
                             "works in that run; wait for it, or name another folder");
  }
  const std::string owner = std::to_string(::getpid());
  // For the message alone: that it cannot be written is no fault.
  if (::ftruncate(file_, 0) == 0 && ::write(file_, owner.data(), owner.size()) < 0) return;
}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace deepfake
