#!/usr/bin/env bash
# Measures compile times with the compilers that the project supports, and writes a line for each to
# bench/results/compile_time.jsonl: g++ and clang++ of this machine, and g++ of newer Debian releases
# in chroots (ROGA_CHROOTS, default build/chroots), which scripts/maintain/test_on.sh makes.
#
#   compilers.sh [REPETITIONS]
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
repetitions=${1:-7}
results=bench/results/compile_time.jsonl
export CCACHE_DISABLE=1
for compiler in g++ clang++; do
  command -v "$compiler" > /dev/null || { echo "compilers.sh: no $compiler here" >&2; continue; }
  CXX=$compiler bench/compile_time/measure.sh "$repetitions"
done > "$results.new"
for release in trixie forky; do
  chroot=${ROGA_CHROOTS:-build/chroots}/$release
  [ -d "$chroot" ] || { echo "compilers.sh: no chroot of $release" >&2; continue; }
  mkdir -p "$chroot/measured/bench"
  cp -r include "$chroot/measured/"
  cp -r bench/compile_time "$chroot/measured/bench/"
  chroot "$chroot" env CXX=g++ /measured/bench/compile_time/measure.sh "$repetitions"
done >> "$results.new"
mv "$results.new" "$results"
