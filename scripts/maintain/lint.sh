#!/usr/bin/env bash
# Spelling of everything that is text, the format of the code, and clang-tidy over all headers of
# the library, through a file that uses every recipe, and over the files that are named.
#
#   scripts/maintain/lint.sh [FILE.cpp...]
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
scripts/install_dependencies.sh lint

git ls-files | grep -vE '(\.json|\.jsonl|faults\.txt)$' | xargs codespell -L fo,fpr,te
scripts/maintain/format.sh --check
[ -f build/dev/compile_commands.json ] || cmake --preset dev > /dev/null
clang-tidy -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option \
  --extra-arg=-include --extra-arg=ATen/core/ivalue.h \
  tests/conformance/rules.cpp "$@"
