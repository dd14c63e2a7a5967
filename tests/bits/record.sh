#!/usr/bin/env bash
# Does a change of the code change a bit? Builds and records, before it and after it, digests of
# what every recipe computes and what its steps cost (bits.txt), of random cases (fuzz.txt) and of
# small trainings with the deepfake example (demo.txt). Records of different processors or versions
# of LibTorch do not compare. Takes about three minutes, and the builds.
#
#   tests/bits/record.sh FOLDER
#   tests/bits/record.sh --compare OLD NEW    prints the differences; exits with 1 if there are any
set -euo pipefail

case "${1:-}" in
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --compare)
    [ $# -eq 3 ] || { echo "record.sh: --compare needs two folders; see --help" >&2; exit 2; }
    status=0
    for file in bits.txt fuzz.txt demo.txt; do
      diff "$2/$file" "$3/$file" || { echo "$file differs"; status=1; }
    done
    [ "$status" -ne 0 ] || echo "no difference"
    exit "$status"
    ;;
  -*) echo "record.sh: unknown option $1; see --help" >&2; exit 2 ;;
esac
[ $# -eq 1 ] || { echo "record.sh: needs a folder; see --help" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."

scripts/install_dependencies.sh
# A compiler of LibTorch code takes up to 2 GB: no more of them than cores.
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"
export OMP_NUM_THREADS=1 LC_ALL=C
cmake --preset dev > /dev/null
cmake --build --preset dev --target roga_bits roga_fuzz_fuzz roga-deepfake
build=$PWD/build/dev

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$build/tests/roga_bits" > bits.txt
for seed in 1 2 3; do
  "$build/tests/roga_fuzz" --seed "$seed" --cases 1500 --digests
done > fuzz.txt

deepfake() { "$build/examples/deepfake/roga-deepfake" "$@" > log.txt 2>&1 || { cat log.txt >&2; exit 1; }; }
# line NAME...: the names, and a digest of what comes in.
line() { echo "$*" "$(sha256sum | cut -c 1-16)"; }
# The columns that no clock writes.
without_times() {
  awk -F, 'NR == 1 { for (i = 1; i <= NF; ++i) keep[i] = $i != "img_s" && $i != "step_seconds" }
           { for (i = 1; i <= NF; ++i) if (keep[i]) printf "%s,", $i; print "" }' "$1"
}
deepfake make-data --output data --preset quick
{
  cat data/dataset_json/*.json | line data index
  find data/rgb -type f -print0 | sort -z | xargs -0 cat | line data frames
  line data audit < data/audit.csv
  for method in erm sam roga roga_adaptive looksam; do
    deepfake train --data data --run "$method" --optimizer "$method" --base adamw --seed 1 \
      --epochs 2 --steps-per-epoch 10 --pairs 2 --log-steps 1 --threads 1
    without_times "$method/history.csv" | line "$method" history
    for checkpoint in best last; do
      deepfake evaluate --run "$method" --checkpoint "$checkpoint"
      line "$method" "$checkpoint" eval < "$method/eval.csv"
      cat "$method"/scores/*.csv | line "$method" "$checkpoint" scores
      deepfake export --run "$method" --checkpoint "$checkpoint" --output detector.pt
      line "$method" "$checkpoint" weights < detector.pt
    done
  done
} > demo.txt
mv bits.txt fuzz.txt demo.txt "$folder"
