// SPDX-License-Identifier: MIT
#include <charconv>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "training/ranks.hpp"

#if DEEPFAKE_HAS_GLOO
#include <chrono>
#include <roga/distributed.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

namespace deepfake {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

/// @throws std::runtime_error if it is no whole number in [least, most]
int number(const char* name, const std::string& text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw std::runtime_error("the variable " + std::string(name) + " must be a whole number from " +
                             std::to_string(least) + " to " + std::to_string(most) + ", not '" +
                             text + "'");
  }
  return value;
}

std::string required(const char* name, int size) {
  const auto value = variable(name);
  if (!value) {
    throw std::runtime_error("the variable " + std::string(name) +
                             " is missing, and WORLD_SIZE is " + std::to_string(size) +
                             ": start the ranks with torchrun or scripts/run_ranks.sh, or unset "
                             "WORLD_SIZE to train in one process");
  }
  return *value;
}

#if DEEPFAKE_HAS_GLOO
using Gloo = c10d::ProcessGroupGloo;

auto device_for(const std::string& master) {
  if (const auto interface = variable("GLOO_SOCKET_IFNAME")) {
    return Gloo::createDeviceForInterface(*interface);
  }
  // All on one machine: its name in the network does not matter.
  if (master == "localhost" || master.starts_with("127.")) {
    return Gloo::createDeviceForHostname("127.0.0.1");
  }
  return Gloo::createDefaultDevice();
}

Ranks joined(int rank, int size, const std::string& master, int port, int seconds) {
  const std::string limit = std::to_string(seconds) + " s (--rank-timeout)";
  try {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(port);
    options.timeout = std::chrono::seconds(seconds);
    // torchrun keeps a store of its own there.
    options.isServer = rank == 0 && variable("TORCHELASTIC_USE_AGENT_STORE").value_or("") != "True";
    const auto store = c10::make_intrusive<c10d::TCPStore>(master, options);
    store->setTimeout(options.timeout);
    // Which lives on where it starts the ranks again.
    const std::string attempt =
        "roga-deepfake/" + variable("TORCHELASTIC_RESTART_COUNT").value_or("0") + '/';
    const auto gloo = Gloo::Options::create(options.timeout);
    gloo->devices.push_back(device_for(master));
    const auto group = [&](const char* name) {
      return roga::communicator(c10::make_intrusive<Gloo>(
          c10::make_intrusive<c10d::PrefixStore>(attempt + name, store), rank, size, gloo));
    };
    auto steps = group("steps");
    return {std::move(steps), group("layers"), limit};
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const c10::Error*>(&error);
    const std::string words = known != nullptr ? known->what_without_backtrace() : error.what();
    throw std::runtime_error(
        "rank " + std::to_string(rank) + " of " + std::to_string(size) +
        " cannot join the others at MASTER_ADDR " + master + ", MASTER_PORT " +
        std::to_string(port) + ": not all of them came within " + limit +
        ", or the port is taken; start all ranks with the same address and a free port (" +
        words.substr(0, words.find('\n')) + ')');
  }
}
#else
Ranks joined(int, int size, const std::string&, int, int) {
  throw std::runtime_error("WORLD_SIZE is " + std::to_string(size) +
                           ", and this roga-deepfake was built without c10d and Gloo: build it "
                           "where LibTorch has them and libgloo-dev is installed, or unset "
                           "WORLD_SIZE to train in one process");
}
#endif

}  // namespace

Ranks join_ranks(int seconds) {
  const auto count = variable("WORLD_SIZE");
  if (!count) return {};
  const int size = number("WORLD_SIZE", *count, 1, 1 << 20);
  if (size == 1) return {};
  const int rank = number("RANK", required("RANK", size), 0, size - 1);
  const std::string master = required("MASTER_ADDR", size);
  const int port = number("MASTER_PORT", required("MASTER_PORT", size), 1, 65535);
  return joined(rank, size, master, port, seconds);
}

}  // namespace deepfake
