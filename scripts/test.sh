#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; then the library's tests once more under
# AddressSanitizer and UndefinedBehaviorSanitizer.
#
#   scripts/test.sh [--no-sanitizers]
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizers=1
for argument in "$@"; do
  case "$argument" in
    --no-sanitizers) sanitizers=0 ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "test.sh: unknown option $argument; see --help" >&2; exit 2 ;;
  esac
done

scripts/install_dependencies.sh
# Needed to cache what is compiled with a precompiled header.
export CCACHE_SLOPPINESS="pch_defines,time_macros"
export OMP_NUM_THREADS=1

cmake --preset dev
cmake --build --preset dev
ctest --preset dev
if [ "$sanitizers" -eq 1 ]; then
  cmake --preset asan
  cmake --build --preset asan --target roga_tests
  ctest --preset asan --tests-regex '^library$'
fi
