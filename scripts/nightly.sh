#!/usr/bin/env bash
# The long forms of what scripts/test.sh does in short: random worlds, damaged checkpoints, kills,
# libFuzzer where clang is there, and the mutation check. Takes about two hours on two cores.
#
#   scripts/nightly.sh [SEED]    the seed is the date by default
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
seed=${1:-$(date +%Y%m%d)}
echo "seed $seed"

scripts/install_dependencies.sh
cmake --preset dev
cmake --build --preset dev
tests=build/dev/tests
OMP_NUM_THREADS=1 "$tests/roga_fuzz" --seed "$seed" --cases 300000
OMP_NUM_THREADS=1 "$tests/roga_fuzz_checkpoint" --seed "$seed" --cases 50000
SEED=$seed tests/kill/kill_test.sh "$tests/kill_trainer" 50

if command -v clang++ > /dev/null; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/corpus"
  OMP_NUM_THREADS=1 "$tests/roga_fuzz_checkpoint" --write "$work/corpus/good.pt"
  clang++ -std=c++20 -O1 -w -fsanitize=fuzzer,address -DROGA_LIBFUZZER -Iinclude -Itests \
    -isystem /usr/include/torch/csrc/api/include -isystem /usr/include/eigen3 \
    tests/fuzz/checkpoint.cpp -o "$work/fuzz" -ltorch -ltorch_cpu -lc10
  ASAN_OPTIONS=detect_leaks=1:detect_container_overflow=0 OMP_NUM_THREADS=1 \
    "$work/fuzz" -seed="$((seed % 2147483647))" -runs=100000 -max_len=100000 "$work/corpus"
else
  echo "no clang++: libFuzzer was left out"
fi
scripts/mutate.sh
