#!/usr/bin/env bash
# A backbone that was trained on ImageNet (scripts/fetch_backbone.sh): its last stage is tuned on emoji
# of three artists and tested on the fourth's, with ERM, SAM and RoGA, whose weights are averaged
# alike. What the frozen stages make of a picture is worked out once. One process for each core; goes
# on where it was stopped.
#
#   bench/backbone/backbone.sh [--seeds "0 1 2"] [--page] [OPTION ...]
#   --page only writes the table of docs/results_tables.md, from the committed results
#   OPTION is one of the program's: --size 64 --steps 200 --lr 1e-4 --rho 0.05 --device cpu
set -euo pipefail
cd "$(dirname "$0")/../.."

seeds="0 1 2"
only_page=0
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=${2:?--seeds needs a value}; shift ;;
    --page) only_page=1 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) break ;;
  esac
  shift
done
results=bench/results/backbone.jsonl
if [ "$only_page" -eq 0 ]; then
  scripts/install_dependencies.sh bench
  cmake --preset dev -DROGA_BUILD_BENCH=ON > /dev/null
  cmake --build --preset dev --target backbone_styles
  [ -s out/emoji/concepts.csv ] || scripts/fetch_emoji.sh
  weights=$(scripts/fetch_backbone.sh)
  export OMP_NUM_THREADS=1
  running=()
  # shellcheck disable=SC2086  # several seeds are several words
  set -- --weights "$weights" --seeds $seeds "$@"
  touch "$results"
  styles=(fluent google openmoji twitter)
  cores=$(env -u OMP_NUM_THREADS nproc)  # which heeds it
  ((cores < 4)) || cores=4
  for ((part = 0; part < cores; ++part)); do
    own=()
    for ((i = part; i < 4; i += cores)); do own+=("${styles[i]}"); done
    cp "$results" "out/backbone.$part.jsonl"
    build/dev/bench/backbone_styles --output "out/backbone.$part.jsonl" "$@" --held-out "${own[@]}" &
    running+=($!)
  done
  for process in "${running[@]}"; do wait "$process"; done
  cat out/backbone.[0-9]*.jsonl | sort -u > out/backbone.all.jsonl
  mv out/backbone.all.jsonl "$results"
  rm -f out/backbone.[0-9]*.jsonl
fi
mkdir -p out
python3 bench/backbone/table.py "$results" > out/backbone.md
python3 scripts/maintain/fill.py docs/results_tables.md backbone=out/backbone.md
