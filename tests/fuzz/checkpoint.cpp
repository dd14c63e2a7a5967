// SPDX-License-Identifier: MIT
// The checkpoint reader on damaged and foreign archives. With libFuzzer it is a fuzz target;
// without it, a program that damages a good file in a fixed number of random ways:
//   roga_fuzz_checkpoint [--seed S] [--cases N]
#include "support/torch.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <roga/checkpoint.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/folder.hpp"
#include "support/problems.hpp"

namespace {

namespace fs = std::filesystem;

/// An optimizer with memory, numbers and two groups, after two steps.
struct Subject {
  problems::Network net{2};
  decltype(roga::wrap<torch::optim::Adam>(roga::recipes::fsam(), std::vector<at::Tensor>{},
                                          torch::optim::AdamOptions())) optimizer =
      roga::wrap<torch::optim::Adam>(roga::recipes::fsam(), net.parameters(),
                                     torch::optim::AdamOptions(0.01));
  Subject() { step(2); }
  void step(int steps) {
    for (int i = 0; i < steps; ++i) optimizer.step(net.closures());
  }
};

const fs::path& scratch() {
  static const fs::path folder = [] {
    auto path = fs::temp_directory_path() / ("roga_fuzz_" + std::to_string(::getpid()));
    fs::create_directories(path);
    return path;
  }();
  return folder;
}

std::string good_file() {
  Subject subject;
  roga::save_checkpoint(subject.optimizer, scratch() / "good.pt");
  std::ifstream stream(scratch() / "good.pt", std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// What two more steps give where nothing was loaded.
const std::vector<at::Tensor>& expected() {
  static const std::vector<at::Tensor> weights = [] {
    Subject subject;
    subject.step(2);
    return problems::copy(subject.net.parameters());
  }();
  return weights;
}

void fail(const std::string& what) {
  std::cerr << what << "\n";
  std::abort();
}

/// Bytes that save_checkpoint has not written must be refused with a c10::Error and change nothing.
void check(const std::string& bytes, const std::string& good) {
  if (bytes == good) return;
  std::ofstream(scratch() / "bad.pt", std::ios::binary) << bytes;
  Subject subject;
  try {
    roga::load_checkpoint(subject.optimizer, scratch() / "bad.pt");
    fail("a damaged checkpoint was read");
  } catch (const c10::Error&) {
  }
  subject.step(2);
  if (!problems::same_bits(subject.net.parameters(), expected())) {
    fail("a checkpoint that could not be read changed the optimizer");
  }
}

}  // namespace

#ifdef ROGA_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  at::set_num_threads(1);
  // Every process writes other bytes, for states are keyed by address: the seed of the corpus, not
  // what this process would write, is the file that may be read.
  static const std::string good = [] {
    std::ifstream stream(std::getenv("ROGA_GOOD_CHECKPOINT"), std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }();
  check(std::string(reinterpret_cast<const char*>(data), size), good);
  return 0;
}
#else
int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::size_t cases = 1500;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--seed") seed = std::stoull(argv[i + 1]);
    if (name == "--cases") cases = std::stoull(argv[i + 1]);
    if (name == "--write") {  // a seed corpus for libFuzzer
      std::ofstream(argv[i + 1], std::ios::binary) << good_file();
      support::remove_folder(scratch());
      return 0;
    }
  }
  at::set_num_threads(1);
  const std::string good = good_file();
  std::mt19937_64 draw(seed);
  std::cout << "seed " << seed << ", " << cases << " damaged files\n";
  for (std::size_t number = 0; number < cases; ++number) {
    std::string bad = good;
    switch (draw() % 4) {
      case 0:  // truncated
        bad.resize(draw() % bad.size());
        break;
      case 1:  // a flipped bit
        bad[draw() % bad.size()] ^= static_cast<char>(1U << (draw() % 8));
        break;
      case 2: {  // a hole
        const std::size_t at = draw() % bad.size();
        bad.replace(at, std::min<std::size_t>(draw() % 64, bad.size() - at), draw() % 64, '\0');
        break;
      }
      default: {  // several bytes
        for (int i = 0; i < 8; ++i) bad[draw() % bad.size()] = static_cast<char>(draw());
      }
    }
    try {
      check(bad, good);
    } catch (const std::exception& error) {
      std::cout << "damaged file " << number << " of seed " << seed
                << " threw something else than a c10::Error: " << error.what() << "\n";
      return 1;
    }
  }
  support::remove_folder(scratch());
  std::cout << "no violation\n";
}
#endif
