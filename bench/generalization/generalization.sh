#!/usr/bin/env bash
# Does it generalise? Searches each plan of bench/generalization for settings on validation images,
# trains the chosen ones with five or ten seeds, on all cores, and writes docs/results_tables.md.
# Goes on where it was stopped; all plans take hours.
#
#   bench/generalization/generalization.sh [--seeds N] [--page] [PLAN ...]
#   PLAN is a file of bench/generalization without .json; all if none is given
#   --seeds N (10) is for the plans that do not name a number themselves
#   --page only writes the page, from the committed results
set -euo pipefail
cd "$(dirname "$0")/../.."

seeds=10
only_page=0
plans=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=${2:?--seeds needs a value}; shift ;;
    --page) only_page=1 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "generalization.sh: unknown option $1; see --help" >&2; exit 2 ;;
    *) plans+=("$1") ;;
  esac
  shift
done
# The inner angles take the settings that the search of the outer ones has chosen.
if [ "${#plans[@]}" -eq 0 ]; then plans=(styles rotated faces manipulations quality inner noise factors metric norms coloured); fi

for plan in "${plans[@]}"; do
  [ -f "bench/generalization/$plan.json" ] ||
    { echo "generalization.sh: no plan $plan; see --help" >&2; exit 2; }
done

scripts/install_dependencies.sh bench
cmake --preset dev -DROGA_BUILD_BENCH=ON > /dev/null
cmake --build --preset dev --target generalization
program=build/dev/bench/generalization/generalization
[[ $only_page -eq 1 || " ${plans[*]} " != *" styles "* ]] || scripts/fetch_emoji.sh
if [[ $only_page -eq 0 && " ${plans[*]} " =~ " "(faces|manipulations|quality)" " ]]; then
  cmake --build --preset dev --target roga-deepfake
  build/dev/examples/deepfake/roga-deepfake make-data --output out/demo/data --preset demo
fi
results=bench/generalization/results
mkdir -p "$results" out
cores=$(env -u OMP_NUM_THREADS nproc)  # which heeds it
export OMP_NUM_THREADS=1
# Takes in what the processes have written, also those of a run that was killed.
gather() {
  touch "$results/$1.jsonl"
  find out -name "$1.[0-9]*.jsonl" -exec awk 1 {} + | cat - "$results/$1.jsonl" | sort -u > out/all.jsonl
  mv out/all.jsonl "$results/$1.jsonl"
  rm -f out/"$1".[0-9]*.jsonl
}
# Under an instruction set; under the machine's own if none is named.
under() {
  local name=$1
  shift
  case "$name" in
    "") "$@" ;;
    avx2) ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell ONEDNN_MAX_CPU_ISA=AVX2 "$@" ;;
    avx512)
      if ! grep -q avx512bw /proc/cpuinfo; then
        echo "generalization.sh: left out avx512, which this processor does not have" >&2
        return 0
      fi
      ATEN_CPU_CAPABILITY=avx512 OPENBLAS_CORETYPE=SkylakeX ONEDNN_MAX_CPU_ISA=AVX512_CORE "$@"
      ;;
    *) echo "generalization.sh: unknown instruction set $name" >&2; return 1 ;;
  esac
}
# Each process appends to a file of its own, which begins with what is done. All end before the
# script does, or it would take their files from them when it is started again.
train() {
  local file=$1 running=()
  shift
  gather "$file"
  for ((part = 0; part < cores; ++part)); do
    cp "$results/$file.jsonl" "out/$file.$part.jsonl"
    "$program" run --output "out/$file.$part.jsonl" --part "$part" --parts "$cores" "$@" &
    running+=($!)
  done
  trap 'kill "${running[@]}" 2> /dev/null || true' EXIT
  local process failed=0
  for process in "${running[@]}"; do wait "$process" || failed=1; done
  trap - EXIT
  gather "$file"
  return "$failed"
}
if [ "$only_page" -eq 0 ]; then "$program" chain --seeds 10 > "$results/chain.md"; fi
python3 scripts/maintain/fill.py docs/results_tables.md chain="$results/chain.md"
# A plan's own words on something, or the default's, a line each.
of_plan() {
  python3 -c 'import json, sys
value = json.load(open(sys.argv[1])).get(sys.argv[2], sys.argv[3:])
print(*value if isinstance(value, list) else [value], sep="\n")' "$@"
}
: > out/differences.jsonl  # for the picture, of every plan that has results
differences() {  # PLAN OPTIONS...
  "$program" differences "$results/$1.jsonl" "${@:2}" \
    --against ERM SAM "ERM averaged" "SAM averaged" "RoGA, random groups" \
    "RoGA, random groups averaged" >> out/differences.jsonl
}
for plan in "${plans[@]}"; do
  file=bench/generalization/$plan.json
  search=$(of_plan "$file" search "$plan")
  mapfile -t rules < <(of_plan "$file" rules validation)
  mapfile -t sets < <(of_plan "$file" arithmetics "")
  chosen=()
  if grep -q '"grid"' "$file"; then chosen=(--chosen-by "$results/$search.search.jsonl"); fi
  if [ "$only_page" -eq 0 ]; then
    # Seeds of their own, so that no setting is chosen on what it is judged by.
    if [ "${#chosen[@]}" -gt 0 ] && [ "$search" = "$plan" ]; then
      if [[ " ${rules[*]} " == *" leave-out "* ]]; then
        train "$plan.search" --plan "$file" --first-seed 100 --seeds 1 --leave-out
      else
        train "$plan.search" --plan "$file" --first-seed 100 --seeds 2
      fi
    fi
    for set in "${sets[@]}"; do
      under "$set" train "$plan" --plan "$file" --seeds "$(of_plan "$file" seeds "$seeds")" \
        ${chosen[@]+"${chosen[@]}"}
    done
  fi
  [ -s "$results/$plan.jsonl" ] || continue
  mapfile -t baselines < <(of_plan "$file" against ERM SAM)
  parts=()
  for rule in "${rules[@]}"; do
    part=$plan
    [ "$rule" = validation ] || part=$plan.$rule
    by=()
    if [ "${#chosen[@]}" -gt 0 ]; then by=("${chosen[@]}" --rule "$rule"); fi
    "$program" table "$results/$plan.jsonl" ${by[@]+"${by[@]}"} --against "${baselines[@]}" > "out/$part.md"
    parts+=("$part=out/$part.md")
    if [ "${#chosen[@]}" -gt 0 ] && [ "$search" = "$plan" ]; then
      "$program" choices "$results/$plan.search.jsonl" --rule "$rule" > "out/$part.search.md"
      parts+=("$part.search=out/$part.search.md")
    fi
  done
  if [ "$plan" = quality ]; then
    "$program" curves "$results/$plan.jsonl" "${chosen[@]}" | python3 bench/generalization/curves.py
  fi
  python3 scripts/maintain/fill.py docs/results_tables.md "${parts[@]}"
done
for plan in styles rotated faces manipulations quality coloured; do
  [ -s "$results/$plan.jsonl" ] || continue
  differences "$plan" --chosen-by "$results/$plan.search.jsonl"
done
[ ! -s out/differences.jsonl ] || python3 bench/generalization/forest.py < out/differences.jsonl
