// SPDX-License-Identifier: MIT
// roga-deepfake: trains a deepfake detector with the methods of the roga library.
#include <c10/util/Exception.h>

#include <exception>
#include <iostream>

#include "commands/commands.hpp"

int main(int argc, char** argv) {
  CLI::App program(
      "Train a deepfake detector that holds on forgeries it never saw. Data: DeepfakeBench's layout, "
      "or synthetic faces of its own.",
      "roga-deepfake");
  program.require_subcommand(1);
  deepfake::add_make_data(program);
  deepfake::add_check_data(program);
  deepfake::add_train(program);
  deepfake::add_evaluate(program);
  deepfake::add_compare(program);
  deepfake::add_report(program);
  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return program.exit(error);
  } catch (const c10::Error& error) {
    std::cerr << "roga-deepfake: " << error.what_without_backtrace() << "\n";
  } catch (const std::exception& error) {
    std::cerr << "roga-deepfake: " << error.what() << "\n";
  }
  return 1;
}
