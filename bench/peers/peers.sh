#!/usr/bin/env bash
# SAM by this library beside the usual loop in Python, on the same version of LibTorch: milliseconds
# and ratios to plain training, in turns in one run. Takes a minute and writes the table of
# docs/performance.md.
#
#   bench/peers/peers.sh [--rounds N] [--page]
#   --page only writes the table of bench/results/peers.json
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=15
only_page=0
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=${2:?--rounds needs a value}; shift ;;
    --page) only_page=1 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "peers.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done
results=bench/results/peers.json
if [ "$only_page" -eq 0 ]; then
  scripts/install_dependencies.sh peers
  cmake --preset dev -DROGA_BUILD_BENCH=ON > /dev/null
  cmake --build --preset dev --target peers_steps
  # Debian's own Python has the package; others that come first on the path may not.
  OMP_NUM_THREADS=1 /usr/bin/python3 bench/peers/peers.py build/dev/bench/peers_steps "$results" \
    --rounds "$rounds"
fi
mkdir -p out
python3 bench/peers/peers.py --table "$results" > out/peers.md
python3 scripts/maintain/fill.py docs/performance.md peers=out/peers.md
