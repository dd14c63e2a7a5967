#!/usr/bin/env bash
# Puts each fault of tests/mutation/faults.txt into a copy of the headers and builds the conformance
# program of that rule alone; the trajectories must notice. Ends with a count, and fails if a fault
# survived.
#
#   scripts/maintain/mutate.sh [PATTERN]    only faults whose line matches the pattern (grep -E)
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

jobs=$(nproc)  # before OMP_NUM_THREADS, which nproc heeds
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1
cmake --preset dev > /dev/null
cmake --build --preset dev --target compare_trajectories > /dev/null

export flags="-std=c++20 -O0 -w -isystem /usr/include/torch/csrc/api/include
              -isystem ${EIGEN_INCLUDE:-/usr/include/eigen3}"
cat > "$work/once.hpp" <<'HEADER'
#include <ATen/core/ivalue.h>
#include <ATen/ATen.h>
#include <torch/optim/sgd.h>
#include <Eigen/Dense>
HEADER
# shellcheck disable=SC2086  # several flags are several words
g++ $flags -x c++-header "$work/once.hpp" -o "$work/once.hpp.gch"
g++ -std=c++20 -O0 -c tests/conformance/conformance.cpp -o "$work/conformance.o"

# One fault: prints caught, SURVIVED, or why it could not be tried.
try_fault() {  # NUMBER LINE
  local number=$1 line=$2 dir rule file from to
  dir=$work/$number
  rule=${line%% @@ *}; line=${line#* @@ }
  file=${line%% @@ *}; line=${line#* @@ }
  from=${line%% @@ *}; to=${line#* @@ }
  [ "$to" = "$line" ] && to=
  mkdir -p "$dir" && cp -r include "$dir/include"
  if ! FROM=$from TO=$to perl -0777 -pi -e '
      BEGIN { $from = $ENV{FROM}; $from =~ s/\s+/ /g; $pattern = join "\\s+", map quotemeta, split / /, $from; }
      $count = () = /$pattern/g; s/$pattern/$ENV{TO}/;
      END { exit($count == 1 ? 0 : 1) }' "$dir/include/roga/$file"; then
    echo "STALE     $rule: $file does not hold once: $from"
  elif ! g++ $flags -include "$work/once.hpp" -DROGA_ONLY_RULE="\"$rule\"" \
      -I"$dir/include" tests/conformance/rules.cpp "$work/conformance.o" \
      -o "$dir/program" -ltorch -ltorch_cpu -lc10 2> "$dir/errors"; then
    echo "UNBUILT   $rule: $file: $to: $(grep -m1 error "$dir/errors" | cut -c1-160)"
  else
    local survived=1
    for trajectories in trajectories more_trajectories; do
      build/dev/tests/compare_trajectories "$dir/program" \
        "tests/conformance/$trajectories.json" "$rule" > /dev/null 2>&1 || survived=0
    done
    if [ $survived -eq 1 ]; then
      echo "SURVIVED  $rule: $file: $from -> $to"
    else
      echo "caught    $rule: $file: $from -> $to"
    fi
  fi
  rm -rf "$dir"
}
export -f try_fault
export work

grep -vE '^(#|$)' tests/mutation/faults.txt | { grep -E "${1:-.}" || true; } | nl -w1 -s' ' |
  xargs -d '\n' -P "$jobs" -I{} bash -c 'set +e; line=$1; try_fault "${line%% *}" "${line#* }"' _ {} |
  tee "$work/results"
total=$(wc -l < "$work/results")
caught=$(grep -c '^caught' "$work/results" || true)
echo "$caught of $total faults caught"
[ "$total" -gt 0 ] && [ "$caught" -eq "$total" ]
