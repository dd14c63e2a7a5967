#!/usr/bin/env bash
# Formats the tree; with --check only tells what is not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=-i
[ "${1:-}" = --check ] && mode="--dry-run -Werror"
# shellcheck disable=SC2086
git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format $mode
