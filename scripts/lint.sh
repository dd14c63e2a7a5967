#!/usr/bin/env bash
# Runs clang-tidy over all headers of the library, through a file that uses every recipe, and over
# the files that are named. Wants a configured preset dev.
#
#   scripts/lint.sh [FILE.cpp...]
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/dev/compile_commands.json ] || cmake --preset dev > /dev/null
clang-tidy -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option \
  tests/conformance/rules.cpp "$@"
