#!/usr/bin/env bash
# Training from real faces alone: on the synthetic demo's data, forgeries are made while training in
# three kinds, and the detector is tested on those of the data, with ERM, SAM and RoGA and five seeds.
# Takes hours; goes on where it was stopped. Ends with the table of `roga-deepfake compare`.
#
#   bench/pseudo.sh [--seeds "0 1 2 3 4"]
set -euo pipefail
cd "$(dirname "$0")/.."

seeds="0 1 2 3 4"
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=${2:?--seeds needs a value}; shift ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "pseudo.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done
scripts/install_dependencies.sh
jobs=$(env -u OMP_NUM_THREADS nproc)  # which heeds it
export OMP_NUM_THREADS=1
cmake --preset dev > /dev/null
cmake --build --preset dev --target roga-deepfake
program=build/dev/examples/deepfake/roga-deepfake
"$program" make-data --output out/demo/data --preset demo
# shellcheck disable=SC2086  # several seeds are several words
"$program" compare --data out/demo/data --output out/pseudo --settings examples/deepfake/pseudo.json \
  --jobs "$jobs" --seeds $seeds --timing-rounds 3
python3 bench/generalization/faces_lines.py out/pseudo > bench/results/pseudo.jsonl
