// SPDX-License-Identifier: MIT
// completion: names of commands and options for bash.
#include <iostream>
#include <string>

#include "commands/commands.hpp"

namespace deepfake {

void add_completion(CLI::App& program) {
  auto* command = program.add_subcommand("completion", "Print completion of options for bash");
  command->footer(
      "Example: roga-deepfake completion "
      ">~/.local/share/bash-completion/completions/roga-deepfake");
  command->callback([&program] {
    std::string commands, cases;
    for (const CLI::App* one : program.get_subcommands({})) {
      commands += one->get_name() + ' ';
      cases += "    " + one->get_name() + ") words=\"";
      for (const CLI::Option* option : one->get_options()) {
        for (const std::string& name : option->get_lnames()) cases += "--" + name + ' ';
      }
      cases += "\" ;;\n";
    }
    std::cout << "_roga_deepfake() {\n"
                 "  local word=${COMP_WORDS[COMP_CWORD]} words=\""
              << commands
              << "--help --version\"\n"
                 "  [ \"$COMP_CWORD\" -gt 1 ] && case ${COMP_WORDS[1]} in\n"
              << cases
              << "  esac\n"
                 "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                 "}\n"
                 "complete -o default -F _roga_deepfake roga-deepfake\n";
  });
}

}  // namespace deepfake
