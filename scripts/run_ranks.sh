#!/usr/bin/env bash
# Runs a program as several ranks on this machine, with the variables of torchrun: RANK, LOCAL_RANK,
# WORLD_SIZE, MASTER_ADDR and MASTER_PORT. If one rank fails, the others are stopped, and its status
# is this one's.
#
#   run_ranks.sh N PROGRAM [ARGUMENTS]
#
# For several machines set NODES, NODE (0, 1, ...), MASTER_ADDR and MASTER_PORT, and run it on each.
set -euo pipefail
case "${1:-}" in
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
if [ $# -lt 2 ] || ! [[ "$1" =~ ^[1-9][0-9]*$ ]]; then
  echo "run_ranks.sh: needs a number of ranks and a program; see --help" >&2
  exit 2
fi
count=$1
shift

free_port() {
  local port
  for port in $(shuf -i 20000-60000 -n 50); do
    # Who answers has taken it.
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo "$port"; return; }
  done
  echo "run_ranks.sh: no free port; set MASTER_PORT" >&2
  return 1
}
export MASTER_ADDR="${MASTER_ADDR:-127.0.0.1}"
MASTER_PORT="${MASTER_PORT:-$(free_port)}"
export MASTER_PORT
export WORLD_SIZE=$((count * ${NODES:-1}))

ranks=()
stop() {
  trap - INT TERM
  [ "${#ranks[@]}" -eq 0 ] || kill "${ranks[@]}" 2> /dev/null || true
}
trap 'stop; wait || true; exit 130' INT TERM  # they may have a checkpoint to write
for ((r = 0; r < count; ++r)); do
  RANK=$((${NODE:-0} * count + r)) LOCAL_RANK=$r "$@" &
  ranks+=($!)
done
status=0
for ((left = count; left > 0; --left)); do
  wait -n || { status=$?; break; }
done
[ "$status" -eq 0 ] || stop
wait || true
exit "$status"
