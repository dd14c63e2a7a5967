#!/usr/bin/env bash
# With a LibTorch that has CUDA and a device for it: builds, runs the tests, and measures what
# docs/performance_tables.md shows of the device, into bench/results/step_cost_cuda.json.
#
#   bench/cuda.sh [--tests | --bench]    both without a word
#
# LibTorch is found through CMAKE_PREFIX_PATH, or else in python3's torch. Also needed are the CUDA
# toolkit of its version and the packages that scripts/install_dependencies.sh bench names; nothing is
# installed.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=1
bench=1
case "${1:-}" in
  --tests) bench=0 ;;
  --bench) tests=0 ;;
  '') ;;
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "cuda.sh: unknown option $1; see --help" >&2; exit 2 ;;
esac

: "${CMAKE_PREFIX_PATH:=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)')}"
export CMAKE_PREFIX_PATH OMP_NUM_THREADS=1
cmake -S . -B build/cuda -G Ninja -DCMAKE_BUILD_TYPE=Release -DROGA_BUILD_EXAMPLES=OFF -DROGA_BUILD_BENCH=ON
if [ "$bench" -eq 1 ]; then cmake --build build/cuda --target step_cost; fi
if [ "$tests" -eq 1 ]; then
  cmake --build build/cuda --target roga_tests roga_conformance compare_trajectories
  build/cuda/tests/roga_tests
  for file in trajectories more_trajectories; do
    build/cuda/tests/compare_trajectories build/cuda/tests/roga_conformance "tests/conformance/$file.json"
  done
fi
if [ "$bench" -eq 1 ]; then
  results=bench/results/step_cost_cuda.json
  whole='^resnet18_network/.*/[14]/|^small_network/(erm|sam|roga|roga_pooled)/[14]/'
  lists='^resnet50/(erm|sam|asam|gsam|sagm|fsam|roga|roga_pooled|pcgrad|cagrad|sam_on)/[14]/|^(resnet18|transformer)/(sam|asam|roga)/[14]/'
  rows="$whole|$lists|^kernels/|^parameters/"
  build/cuda/bench/step_cost --device=cuda \
    --benchmark_filter="$rows" \
    --benchmark_context="device=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1),libtorch=$(python3 -c 'import torch; print(torch.__version__)')" \
    --benchmark_out="$results.new" --benchmark_out_format=json
  python3 bench/performance.py keep "$results.new"
  mv "$results.new" "$results"
fi
