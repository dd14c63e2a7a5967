#!/usr/bin/env bash
# Builds and tests roga on every Debian release that it supports, and with clang, in chroots. Leaves
# a table in build/matrix.md and, where nothing was named, in docs/testing.md. Hours on two cores the
# first time. Needs root.
#
#   scripts/maintain/matrix.sh [RELEASE[:COMPILER] ...]    default: bookworm bookworm:clang++ trixie forky
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

whole=0
[ $# -gt 0 ] || { whole=1; set -- bookworm bookworm:clang++ trixie forky; }
mkdir -p build
{
  echo '| release | compiler | LibTorch | Eigen | Catch2 | passed |'
  echo '| --- | --- | --- | --- | --- | --- |'
} > build/matrix.md
for target in "$@"; do
  IFS=: read -r release compiler <<<"$target"
  scripts/maintain/test_on.sh "$release" --compiler "${compiler:-g++}" | tee "build/matrix.$target.log"
  tail -n 1 "build/matrix.$target.log" | grep '^| Debian' >> build/matrix.md
done
[ "$whole" -eq 0 ] || python3 scripts/maintain/fill.py docs/testing.md matrix=build/matrix.md
