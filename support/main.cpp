// SPDX-License-Identifier: MIT
#include "support/torch.hpp"
#undef CHECK
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

int main(int argc, char** argv) {
  at::set_num_threads(1);
  return Catch::Session().run(argc, argv);
}
