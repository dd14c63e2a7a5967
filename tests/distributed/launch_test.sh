#!/usr/bin/env bash
# launch_test.sh LAUNCHER EXAMPLE: the example by itself and on three ranks ends with the same loss,
# and the launcher passes a failure on.
set -euo pipefail
launcher=$1
example=$2

loss() { sed -n 's/^ranks [0-9]*: loss \([0-9.]*\).*/\1/p'; }
alone=$("$example" | loss)
three=$(timeout 120 "$launcher" 3 "$example" | loss)
two=$(timeout 120 "$launcher" 2 "$example" | loss)
[ -n "$alone" ] || { echo "the example printed no loss" >&2; exit 1; }
[ "$alone" = "$three" ] && [ "$alone" = "$two" ] ||
  { echo "losses: $alone alone, $two on two ranks, $three on three" >&2; exit 1; }

# One rank fails before it joins: the others do not wait for it for long.
begin=$SECONDS
status=0
timeout 60 "$launcher" 2 bash -c '[ "$RANK" = 0 ] || exit 7; exec "$0"' "$example" \
  > /dev/null 2>&1 || status=$?
[ "$status" -eq 7 ] || { echo "the launcher returned $status for a rank's 7" >&2; exit 1; }
[ $((SECONDS - begin)) -lt 30 ] || { echo "the launcher waited" >&2; exit 1; }
echo "loss $alone on one, two and three ranks"
