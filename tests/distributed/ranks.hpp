// SPDX-License-Identifier: MIT
// Ranks of a test: processes on this machine with a process group between them.
#pragma once

#include "support/test.hpp"
// LibTorch comes first.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <poll.h>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <roga/distributed.hpp>
#include <string>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>
#include <vector>

namespace ranks {

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

using Gloo = c10d::ProcessGroupGloo;

inline c10::intrusive_ptr<Gloo::Options> gloo_options(std::chrono::milliseconds timeout) {
  auto options = Gloo::Options::create(timeout);
  options->devices.push_back(Gloo::createDeviceForHostname("127.0.0.1"));
  return options;
}

/// What a rank's work gets.
struct Rank {
  std::size_t number;
  std::size_t count;
  std::shared_ptr<roga::Communicator> group;
};

/// How a rank ended.
struct Ending {
  bool in_time = false;
  bool failed = false;  ///< the work threw
  std::string text;     ///< what the work returned, or the exception's words
};

/// What a rank does with its test; the words that it returns are compared by the test.
using Work = std::function<std::string(Rank&)>;

/// Runs the work on so many processes. This one must not have touched a tensor before.
/// @param limit in seconds; who is not back by then is killed
inline std::vector<Ending> run(std::size_t count, const Work& work, double limit = 60,
                               std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
  std::string folder = (std::filesystem::temp_directory_path() / "roga_ranks_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
  int go[2];
  if (pipe(go) != 0) throw std::runtime_error("no pipe");
  std::vector<pid_t> children;
  std::vector<int> outputs;
  for (std::size_t r = 0; r < count; ++r) {
    int out[2];
    if (pipe(out) != 0) throw std::runtime_error("no pipe");
    const pid_t child = fork();
    if (child == 0) {
      close(go[1]);
      close(out[0]);
      at::set_num_threads(1);
      std::string text;
      std::shared_ptr<roga::Communicator> kept;
      try {
        auto store =
            c10::make_intrusive<c10d::FileStore>(folder + "/store", static_cast<int>(count));
        Rank rank{r, count,
                  roga::communicator(c10::make_intrusive<Gloo>(
                      store, static_cast<int>(r), static_cast<int>(count), gloo_options(timeout)))};
        kept = rank.group;
        text = "+" + work(rank);
      } catch (const c10::Error& error) {
        text = std::string("-") + error.what_without_backtrace();
      } catch (const std::exception& error) {
        text = std::string("-") + error.what();
      }
      for (std::size_t done = 0; done < text.size();) {
        const auto wrote = write(out[1], text.data() + done, text.size() - done);
        if (wrote <= 0) break;
        done += static_cast<std::size_t>(wrote);
      }
      close(out[1]);
      char none = 0;  // stays until all are done: whoever leaves closes its connections
      static_cast<void>(!read(go[0], &none, 1));
      _exit(0);
    }
    close(out[1]);
    children.push_back(child);
    outputs.push_back(out[0]);
  }
  close(go[0]);
  const auto start = Clock::now();
  std::vector<Ending> endings(count);
  for (std::size_t open = count; open > 0;) {
    std::vector<pollfd> wait;
    for (std::size_t r = 0; r < count; ++r) {
      wait.push_back({.fd = endings[r].in_time ? -1 : outputs[r], .events = POLLIN, .revents = 0});
    }
    const double left = limit - seconds_since(start);
    if (left <= 0 || poll(wait.data(), wait.size(), static_cast<int>(left * 1000) + 1) <= 0) break;
    for (std::size_t r = 0; r < count; ++r) {
      if (endings[r].in_time || wait[r].revents == 0) continue;
      char buffer[4096];
      const auto got = read(outputs[r], buffer, sizeof buffer);
      if (got > 0) {
        endings[r].text.append(buffer, static_cast<std::size_t>(got));
      } else {
        endings[r].in_time = true;
        --open;
      }
    }
  }
  for (std::size_t r = 0; r < count; ++r) {
    if (!endings[r].in_time) kill(children[r], SIGKILL);
  }
  close(go[1]);
  for (std::size_t r = 0; r < count; ++r) {
    waitpid(children[r], nullptr, 0);
    close(outputs[r]);
    auto& text = endings[r].text;
    endings[r].failed = text.empty() || text.front() != '+';
    if (!text.empty()) text.erase(0, 1);
  }
  std::filesystem::remove_all(folder);
  return endings;
}

/// All came back in time and well, with the same words.
inline std::string agreed(const std::vector<Ending>& endings) {
  for (std::size_t r = 0; r < endings.size(); ++r) {
    INFO("rank " << r << ": " << endings[r].text);
    REQUIRE(endings[r].in_time);
    REQUIRE(!endings[r].failed);
    REQUIRE(endings[r].text == endings[0].text);
  }
  return endings[0].text;
}

}  // namespace ranks
