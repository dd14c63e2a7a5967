#!/usr/bin/env bash
# Installs what is missing, builds the deepfake example, renders the synthetic faces, trains a
# detector with ERM, SAM and RoGA, and compares them on test identities and on forgeries that none
# of them saw. Ends with a table and the path of the report.
#
#   scripts/demo.sh [--quick] [--output FOLDER] [--seeds "0 1 2"]
#
# --quick takes tiny data and a few steps: a check that everything works, not a result.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=demo
output=
seeds="0"
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) preset=quick ;;
    --output) output=${2:?--output needs a value}; shift ;;
    --seeds) seeds=${2:?--seeds needs a value}; shift ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "demo.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done
output=${output:-out/$preset}

scripts/install_dependencies.sh
export OMP_NUM_THREADS=1
cmake --preset dev
cmake --build --preset dev --target roga-deepfake

program=build/dev/examples/deepfake/roga-deepfake
options=(--settings examples/deepfake/demo.json)
[ "$preset" = quick ] && options+=(--epochs 1 --steps-per-epoch 4 --pairs 2 --timing-rounds 3)
mkdir -p "$output"
"$program" make-data --output "$output/data" --preset "$preset"
"$program" check-data --data "$output/data"
# shellcheck disable=SC2086  # several seeds are several words
"$program" compare --data "$output/data" --output "$output/runs" --jobs 2 --seeds $seeds "${options[@]}"
