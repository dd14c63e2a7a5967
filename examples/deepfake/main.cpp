// SPDX-License-Identifier: MIT
// roga-deepfake: trains a deepfake detector with the methods of the roga library.
#include <c10/util/Exception.h>
#include <torch/version.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <memory>
#include <opencv2/core/utility.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/core/version.hpp>
#include <regex>
#include <roga/version.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "commands/commands.hpp"
#include "networks/freed_memory.hpp"
#include "text/table.hpp"
#include "text/terminal.hpp"
#include "text/unknown_name.hpp"
#include "text/wrap.hpp"

namespace {

/// Refuses a sub-command or option that does not exist, with the nearest one that does: CLI11 only
/// says that the word was not expected.
void check_names(const CLI::App& program, std::span<char*> words) {
  if (words.empty() || words.front()[0] == '-') return;
  std::vector<std::string> commands;
  const CLI::App* command = nullptr;
  for (const CLI::App* known : program.get_subcommands({})) {
    commands.push_back(known->get_name());
    if (commands.back() == words.front()) command = known;
  }
  if (command == nullptr) {
    throw std::runtime_error(deepfake::unknown_name("command", words.front(), commands));
  }
  std::vector<std::string> options;
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  for (const std::string word : words.subspan(1)) {
    const std::string name = word.substr(0, word.find('='));
    if (name.starts_with("--") && name.size() > 2 &&
        std::ranges::find(options, name) == options.end()) {
      throw std::runtime_error(deepfake::unknown_name("option", name, options));
    }
  }
}

/// Help in the width of a terminal.
class HelpText : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    return deepfake::wrapped(Formatter::make_help(app, std::move(name), mode),
                             deepfake::terminal_width);
  }
};

std::string version_text() {
  return "roga-deepfake " + std::to_string(ROGA_VERSION_MAJOR) + '.' +
         std::to_string(ROGA_VERSION_MINOR) + '.' + std::to_string(ROGA_VERSION_PATCH) +
         ", LibTorch " TORCH_VERSION ", OpenCV " CV_VERSION ", " + deepfake::face_alignment();
}

int fail(std::string message) {
  while (message.ends_with('\n')) message.pop_back();
  std::ranges::replace(message, '\n', ' ');
  std::cerr << "roga-deepfake: " << message << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  deepfake::keep_freed_memory();
  // Broken files are named by the program, in a line each; what decoders say goes to the log.
  deepfake::catch_decoder_noise();
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::setNumThreads(0);  // images are prepared in threads of our own
  CLI::App program(
      "Train a deepfake detector that holds on forgeries it never saw. Data: DeepfakeBench's "
      "layout, "
      "or synthetic faces of its own.",
      "roga-deepfake");
  program.formatter(std::make_shared<HelpText>());
  program.require_subcommand(1);
  program.set_version_flag("--version", version_text());
  program.footer(
      "Exit status: 0 if all was done; 1 if the command was refused, failed or was stopped, and of "
      "check-data if the data has faults. A failure is one line on the error output.");
  deepfake::add_make_data(program);
  deepfake::add_import(program);
  deepfake::add_check_data(program);
  deepfake::add_train(program);
  deepfake::add_evaluate(program);
  deepfake::add_compare(program);
  deepfake::add_predict(program);
  deepfake::add_gradcam(program);
  deepfake::add_robustness(program);
  deepfake::add_export(program);
  deepfake::add_report(program);
  deepfake::add_completion(program);
  try {
    check_names(program, std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& help) {
    return program.exit(help);
  } catch (const CLI::ParseError& error) {
    // CLI11 names the largest double in full.
    static const std::regex endless("not in range [0-9.]+ to 1797[0-9.]+");
    return fail(std::regex_replace(error.what(), endless, "is too small") + "; see --help");
  } catch (const c10::Error& error) {
    return fail(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
