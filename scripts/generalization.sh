#!/usr/bin/env bash
# Does it generalise? Trains the plans of bench/generalization on all cores, one process each, and
# writes the tables of docs/results.md from the results. Goes on where it was stopped.
#
#   scripts/generalization.sh [--seeds N] [--table] [PLAN ...]    plans: rotated coloured; all if none
#   --table only makes the tables, from the committed results
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=5
only_table=0
plans=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=$2; shift ;;
    --table) only_table=1 ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "generalization.sh: unknown option $1; see --help" >&2; exit 2 ;;
    *) plans+=("$1") ;;
  esac
  shift
done
[ "${#plans[@]}" -gt 0 ] || plans=(rotated coloured)

scripts/install_dependencies.sh
if ! dpkg-query -W dataset-fashion-mnist zlib1g-dev > /dev/null 2>&1; then
  apt-get install -y -q --no-install-recommends dataset-fashion-mnist zlib1g-dev
fi
cmake --preset dev -DROGA_BUILD_BENCH=ON > /dev/null
cmake --build --preset dev --target generalization
program=build/dev/bench/generalization/generalization
results=bench/generalization/results
mkdir -p "$results" out
export OMP_NUM_THREADS=1
cores=$(OMP_NUM_THREADS='' nproc)
# Takes in what the processes have written, also those of a run that was killed.
gather() {
  touch "$results/$1.jsonl"
  find out -name "$1.[0-9]*.jsonl" -exec cat {} + | cat - "$results/$1.jsonl" | sort -u > out/all.jsonl
  mv out/all.jsonl "$results/$1.jsonl"
  rm -f out/"$1".[0-9]*.jsonl
}
if [ "$only_table" -eq 0 ]; then
  for plan in "${plans[@]}"; do
    gather "$plan"
    # Each process appends to a file of its own, which begins with what is done.
    for ((part = 0; part < cores; ++part)); do
      cp "$results/$plan.jsonl" "out/$plan.$part.jsonl"
      "$program" run --plan "bench/generalization/$plan.json" --output "out/$plan.$part.jsonl" \
        --seeds "$seeds" --part "$part" --parts "$cores" &
    done
    wait
    gather "$plan"
  done
fi
for plan in "${plans[@]}"; do
  "$program" table "$results/$plan.jsonl"
done
