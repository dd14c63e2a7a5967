#!/usr/bin/env bash
# Kills a training at random moments and expects the bits of an uninterrupted one.
#   kill_test.sh TRAINER [KILLS]
set -euo pipefail
trainer=$1
kills=${2:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1

mkdir "$work/whole"
start=$(date +%s%N)
expected=$("$trainer" "$work/whole")
length=$((($(date +%s%N) - start) / 1000000))  # ms
echo "uninterrupted: $expected in $length ms"

RANDOM=${SEED:-1}
count=0
run=0
while [ "$count" -lt "$kills" ]; do
  run=$((run + 1))
  mkdir -p "$work/$run"
  while :; do
    "$trainer" "$work/$run" > "$work/out" &
    pid=$!
    # Anywhere in what an uninterrupted run takes.
    sleep "$(printf '0.%04d' $((RANDOM % 10000)) | awk -v ms="$length" '{ print $1 * ms / 1000 }')"
    if [ "$count" -lt "$kills" ] && kill -KILL "$pid" 2> /dev/null; then
      wait "$pid" 2> /dev/null || true
      count=$((count + 1))
      continue
    fi
    wait "$pid"
    break
  done
  actual=$(cat "$work/out")
  echo "run $run, $count kills so far: $actual"
  [ "$actual" = "$expected" ] || { echo "the resumed run differs" >&2; exit 1; }
done
