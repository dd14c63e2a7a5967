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
# A compiler of LibTorch code takes up to 2 GB: no more of them than cores.
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"
# One after the other: half of the tests are builds, which use all cores by themselves.
cmake --workflow --preset dev
[ "$sanitizers" -eq 0 ] || cmake --workflow --preset asan
