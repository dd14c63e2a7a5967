#!/usr/bin/env bash
# The long forms of what scripts/test.sh does in short: random worlds, damaged checkpoints, kills,
# the sanitizers over what is too slow to compile with them every time, libFuzzer where clang is
# there, ThreadSanitizer, and the mutation check. Takes about three hours on two cores.
#
#   scripts/maintain/nightly.sh [SEED]    the seed is the date by default
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
seed=${1:-$(date +%Y%m%d)}
echo "seed $seed"

scripts/install_dependencies.sh
cmake --preset dev
cmake --build --preset dev
tests=build/dev/tests
OMP_NUM_THREADS=1 "$tests/roga_fuzz" --seed "$seed" --cases 300000
OMP_NUM_THREADS=1 "$tests/roga_fuzz_checkpoint" --seed "$seed" --cases 50000
SEED=$seed tests/kill/kill_test.sh "$tests/kill_trainer" 50

# AddressSanitizer and UndefinedBehaviorSanitizer over the tests that instantiate every recipe, the
# fuzzers and the kills.
export OMP_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0
export UBSAN_OPTIONS=print_stacktrace=1
cmake -S . -B build/asan-full --preset asan -DROGA_TEST_EVERY_RECIPE=ON
cmake --build build/asan-full --target roga_tests roga_fuzz_fuzz roga_fuzz_checkpoint kill_trainer
sanitized=build/asan-full/tests
"$sanitized/roga_tests"
"$sanitized/roga_fuzz" --seed "$seed" --cases 3000
"$sanitized/roga_fuzz_checkpoint" --seed "$seed" --cases 500
tests/kill/kill_test.sh "$sanitized/kill_trainer" 10

# ThreadSanitizer sees roga's own code, which is all in headers; LibTorch is not built with it.
torch=/usr/include/torch/csrc/api/include
g++ -std=c++20 -O1 -g1 -w -fsanitize=thread -Iinclude -I. -isystem "$torch" \
  -isystem /usr/include/eigen3 tests/threads_test.cpp support/main.cpp \
  -o build/threads_tsan -ltorch -ltorch_cpu -lc10
build/threads_tsan "threads:*"

if command -v clang++ > /dev/null; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/corpus"
  OMP_NUM_THREADS=1 "$tests/roga_fuzz_checkpoint" --write "$work/corpus/good.pt"
  clang++ -std=c++20 -O1 -w -fsanitize=fuzzer,address -DROGA_LIBFUZZER -Iinclude -I. \
    -isystem /usr/include/torch/csrc/api/include -isystem /usr/include/eigen3 \
    tests/fuzz/checkpoint.cpp -o "$work/fuzz" -ltorch -ltorch_cpu -lc10
  ASAN_OPTIONS=detect_leaks=1:detect_container_overflow=0 OMP_NUM_THREADS=1 \
    ROGA_GOOD_CHECKPOINT=$work/corpus/good.pt "$work/fuzz" -artifact_prefix=build/ -seed="$((seed % 2147483647))" -runs=100000 -max_len=100000 "$work/corpus"
else
  echo "no clang++: libFuzzer was left out"
fi
scripts/maintain/mutate.sh
