#!/usr/bin/env bash
# Formats the tree; with --check only tells what is not formatted.
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in
  '') mode=-i ;;
  --check) mode="--dry-run -Werror" ;;
  -h | --help) sed -n 2p "$0" | sed 's/^# //'; exit 0 ;;
  *) echo "format.sh: unknown option $1; see --help" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086
git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format $mode
