#!/usr/bin/env bash
# Measures what docs/performance.md and docs/performance_tables.md show, and writes these pages from
# the results. Half an hour.
#
#   bench/performance.sh [--page] [FILTER]
#   --page only writes the pages, from bench/results; FILTER: a regular expression over all rows of
#   step_cost (WORKLOAD/RECIPE/DOMAINS, with 1, 2, 4 and 8 domains), printed and not kept
set -euo pipefail
cd "$(dirname "$0")/.."
only_page=0
filter=
for argument in "$@"; do
  case "$argument" in
    --page) only_page=1 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "performance.sh: unknown option $argument; see --help" >&2; exit 2 ;;
    *) filter=$argument ;;
  esac
done
if [ "$only_page" -eq 0 ]; then
  scripts/install_dependencies.sh bench
  cmake --preset dev -DROGA_BUILD_BENCH=ON > /dev/null
  cmake --build --preset dev --target step_cost
  export OMP_NUM_THREADS=1
  step_cost=build/dev/bench/step_cost
  if [ -n "$filter" ]; then
    exec "$step_cost" --benchmark_filter="$filter" --benchmark_counters_tabular=true
  fi
  results=bench/results
  mkdir -p "$results"
  rows='^(resnet|transformer|small_network).*/[14]/|^small_network/(sam|roga|roga_pooled)/|^(parameters|tensors|domains|kernels)/'
  measure() {
    "$step_cost" --benchmark_filter="$2" --benchmark_out="$results/$1.new" \
      --benchmark_out_format=json
    python3 bench/performance.py keep "$results/$1.new"
    mv "$results/$1.new" "$results/$1"
  }
  measure step_cost.json "$rows"
  measure step_cost_around.json \
    '^(small_network|many_tensors)/(erm|sam|roga_pooled)(_domains)?/[14]/|^average_|^loop/'
  CCACHE_DISABLE=1 bench/compile_time/measure.sh > "$results/compile_time.json.new"
  mv "$results/compile_time.json.new" "$results/compile_time.json"
fi
python3 bench/performance.py
