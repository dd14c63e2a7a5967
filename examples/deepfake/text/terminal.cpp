// SPDX-License-Identifier: MIT
#include "text/terminal.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <streambuf>
#include <string>

namespace deepfake {
namespace {

int real_stderr = STDERR_FILENO;
int caught = -1;  // an anonymous file
off_t kept_until = 0;

void write_all(int file, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(file, data, size);
    if (written <= 0) return;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

/// Writes at once, as std::cerr does.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int file) : file_(file) {}

 protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char one = traits_type::to_char_type(c);
    write_all(file_, &one, 1);
    return c;
  }
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    write_all(file_, data, static_cast<std::size_t>(size));
    return size;
  }

 private:
  int file_;
};

/// What the C library says of an abort must not be lost. Only calls that a signal may interrupt.
void show_on_abort(int) {
  std::array<char, 4096> tail;
  const off_t end = ::lseek(caught, 0, SEEK_END);
  const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(tail.size()));
  const ssize_t count = ::pread(caught, tail.data(), tail.size(), begin);
  if (count > 0) write_all(real_stderr, tail.data(), static_cast<std::size_t>(count));
  std::signal(SIGABRT, SIG_DFL);
}

}  // namespace

void catch_decoder_noise() {
  if (caught >= 0) return;
  const int own = ::dup(STDERR_FILENO);
  const int file = ::memfd_create("decoder messages", MFD_CLOEXEC);
  if (own < 0 || file < 0 || ::dup2(file, STDERR_FILENO) < 0) return;  // as it was
  real_stderr = own;
  caught = file;
  static DescriptorBuffer buffer(real_stderr);
  std::cerr.rdbuf(&buffer);
  std::signal(SIGABRT, show_on_abort);
}

bool is_terminal() { return ::isatty(real_stderr) == 1; }

void keep_decoder_noise(const std::filesystem::path& log) {
  if (caught < 0 || !std::filesystem::is_directory(log.parent_path())) return;
  const off_t end = ::lseek(caught, 0, SEEK_END);
  constexpr off_t most = 1 << 20;  // the rest is more of the same
  std::string text(static_cast<std::size_t>(std::min(end - kept_until, most)), '\0');
  const ssize_t count = ::pread(caught, text.data(), text.size(), kept_until);
  kept_until = end;
  if (count <= 0) return;
  text.resize(static_cast<std::size_t>(count));
  std::ofstream file(log, std::ios::app);
  std::istringstream lines(text);
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && seen.insert(line).second) file << "decoder: " << line << '\n';
  }
}

NoiseKeeper::~NoiseKeeper() {
  try {
    keep_decoder_noise(log_);
  } catch (const std::exception&) {
    return;  // no reason to fail
  }
}

}  // namespace deepfake
