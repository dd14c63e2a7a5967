#!/usr/bin/env bash
# Training from real faces alone: on the synthetic demo's data, forgeries are made while training in
# three kinds, and the detector is tested on those of the data, with ERM, SAM and RoGA and five seeds.
# Takes an hour on one core; goes on where it was stopped. Writes the table of docs/results_tables.md.
#
#   bench/pseudo/pseudo.sh [--seeds "0 1 2 3 4"] [--page]
#   --page only writes the table, from the committed results
set -euo pipefail
cd "$(dirname "$0")/../.."

seeds="0 1 2 3 4"
only_page=0
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=${2:?--seeds needs a value}; shift ;;
    --page) only_page=1 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "pseudo.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done
results=bench/results/pseudo.jsonl
if [ "$only_page" -eq 0 ]; then
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
  python3 bench/pseudo/faces_lines.py out/pseudo > "$results"
fi
mkdir -p out
python3 bench/pseudo/table.py "$results" > out/pseudo.md
python3 scripts/maintain/fill.py docs/results_tables.md pseudo=out/pseudo.md
