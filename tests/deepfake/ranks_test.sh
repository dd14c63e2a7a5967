#!/usr/bin/env bash
# Training on several processes: the run is that of one process, whatever fails on one rank ends
# all, and whoever dies, the run goes on from its checkpoint. Whatever hangs fails.
#
#   ranks_test.sh PROGRAM LAUNCHER COMPARE_WEIGHTS
# shellcheck source-path=SCRIPTDIR
launcher=$(realpath "$2")
compare=$(realpath "$3")
source "$(dirname "$0")/program.sh" "$1"
limit=${LIMIT:-120}  # seconds that nothing here takes, on a busy machine either

run make-data --output data --preset quick --size 32 --train-identities 4 --val-identities 14 \
  --test-identities 4 --unseen-identities 4
cat >settings.json <<'END_OF_SETTINGS'
{"epochs": 2, "steps-per-epoch": 5, "pairs": 4, "width": 8, "size": 32, "checkpoint-steps": 1,
 "log-steps": 2, "lr": 0.001, "warmup-steps": 2}
END_OF_SETTINGS
options=(--data data --config settings.json --optimizer roga)

# Ranks by hand, without a launcher that ends the others: rank R's output is in R.txt.
port=20000
ranks=()
start() {  # COUNT ARGUMENTS
  local count=$1 r
  shift
  # Who answers has taken it.
  port=$((port + 1 + RANDOM % 1000))
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  ranks=()
  for ((r = 0; r < count; ++r)); do
    RANK=$r WORLD_SIZE=$count MASTER_ADDR=127.0.0.1 MASTER_PORT=$port \
      "$program" train "${@//@RANK@/$r}" >"$r.txt" 2>&1 &
    ranks+=($!)
  done
}
# They end with these statuses, in time.
end() {  # STATUS...
  local r begin=$SECONDS expected=("$@") status
  for r in "${!ranks[@]}"; do
    while kill -0 "${ranks[$r]}" 2>/dev/null; do
      [ $((SECONDS - begin)) -lt "$limit" ] || {
        kill -9 "${ranks[@]}" 2>/dev/null || true
        fail "rank $r hangs: $(cat "$r.txt")"
      }
      sleep 0.1
    done
    status=0
    wait "${ranks[$r]}" 2>/dev/null || status=$?
    [ "${expected[$r]}" = any ] || [ "$status" -eq "${expected[$r]}" ] ||
      fail "rank $r ended with $status, not ${expected[$r]}: $(cat "$r.txt")"
  done
}
# Rank $1 ended with one line, which says $2.
told() {
  grep '^roga-deepfake: ' "$1.txt" >line.txt || fail "rank $1 says nothing: $(cat "$1.txt")"
  [ "$(wc -l <line.txt)" -eq 1 ] || fail "rank $1 has no one line: $(cat line.txt)"
  says "$2" line.txt
}
# Waits for checkpoint $1 to change.
await() {
  local begin=$SECONDS
  cp "$1" before.pt 2>/dev/null || : >before.pt
  until [ -s "$1" ] && ! cmp -s "$1" before.pt; do
    [ $((SECONDS - begin)) -lt "$limit" ] || fail "no checkpoint comes: $(cat 0.txt)"
    sleep 0.05
  done
}

# 1. The number of ranks changes rounding alone. One rounding of the first weights says what that
# does to a step of one process, and the ranks may do ten times that. Where a number lies so near a
# ReLU's kink that rounding decides on which side it is, it does more: of the roundings the least
# counts, and after four steps, where such a number has been met, the ranks may be apart by two
# percent of what training does; there one rounding does half a percent.
anew=(--data data --config settings.json --base sgd --lr 0.02 --epochs 1)
few=("${anew[@]}" --optimizer roga --steps-per-epoch 4)
begun=(--weights begun/checkpoints/last.pt)
run train "${options[@]}" --steps-per-epoch 1 --epochs 1 --run begun
run train "${few[@]}" "${begun[@]}" --run one
step=("${anew[@]}" --optimizer roga --steps-per-epoch 1)
run train "${step[@]}" "${begun[@]}" --run step
apart() { "$compare" "$1/checkpoints/last.pt" "$2/checkpoints/last.pt"; }
for seed in 1 2 3 4 5; do
  "$compare" --round "$seed" begun/checkpoints/last.pt begun/rounded.pt
  run train "${step[@]}" --weights begun/rounded.pt --run "rounded$seed"
  apart "rounded$seed" step
done >roundings.txt
yardstick=$(sort -g roundings.txt | sed -n 1p)  # of one that has met no kink
moved=$(apart begun one)
near() {  # RUN OTHER LIMIT
  awk -v a="$(apart "$1" "$2")" -v b="$3" 'BEGIN { exit !(a <= b) }' ||
    fail "$1 ends $(apart "$1" "$2") from one process, more than $3"
}
times() { awk -v a="$1" -v b="$2" 'BEGIN { print a * b }'; }
awk -v a="$yardstick" -v b="$moved" 'BEGIN { exit !(a > 0 && a < 1e-5 * b) }' ||
  fail "no yardstick: $(cat roundings.txt)"
for count in 2 3 4; do  # 3 do not divide 4 pairs
  for steps in 1 4; do
    timeout "$limit" "$launcher" "$count" "$program" train "${anew[@]}" --optimizer roga \
      "${begun[@]}" --steps-per-epoch "$steps" --run "ranks$count.$steps" >out.txt 2>err.txt ||
      fail "$count ranks: $(cat err.txt)"
    [ "$(wc -l <out.txt)" -eq 1 ] || fail "other ranks than the first write: $(cat out.txt)"
  done
  echo "$count ranks: $(apart "ranks$count.1" step) after a step, where rounding does $yardstick;" \
    "$(apart "ranks$count.4" one) after four, where training does $moved"
  near "ranks$count.1" step "$(times 10 "$yardstick")"
  near "ranks$count.4" one "$(times 0.02 "$moved")"
  grep -q "\"world_size\": $count" "ranks$count.4/config.json" || fail "config.json knows no ranks"
  cut -d, -f1-7 "ranks$count.4/eval.csv" >a.txt
  cut -d, -f1-7 one/eval.csv | cmp - a.txt || fail "validation on $count ranks: other frames"
done
grep -q '"world_size": 1' one/config.json || fail "config.json knows no world_size"
# Validation scores: the very same weights give the very same scores on any number of ranks.
for count in 1 3; do
  timeout "$limit" "$launcher" "$count" "$program" train "${options[@]}" --lr 1e-30 \
    --weight-decay 0 --norm group --epochs 1 --steps-per-epoch 1 --run "still$count" \
    >out.txt 2>err.txt || fail "$(cat err.txt)"
done
cmp still1/eval.csv still3/eval.csv || fail "validation depends on the number of ranks"
cmp still1/calibration.json still3/calibration.json || fail "other scores on 3 ranks"
# Forgeries made while training, and what frozen stages make of an image, are those of one process.
forged=(--protocol none --pseudo "self-blend,region-swap")
kept=(--no-augment --train-only blocks.5 classifier --cache-frozen)
for kind in forged kept; do
  declare -n those=$kind
  run train "${step[@]}" "${begun[@]}" "${those[@]}" --run "$kind"
  timeout "$limit" "$launcher" 3 "$program" train "${step[@]}" "${begun[@]}" "${those[@]}" \
    --run "${kind}3" >out.txt 2>err.txt || fail "$kind on 3 ranks: $(cat err.txt)"
  near "${kind}3" "$kind" "$(times 10 "$yardstick")"
  cut -d, -f1-7 "${kind}3/eval.csv" >a.txt
  cut -d, -f1-7 "$kind/eval.csv" | cmp - a.txt || fail "$kind: validation on 3 ranks has other frames"
done
cmp forged/pseudo/self-blend_0.png forged3/pseudo/self-blend_0.png || fail "other forgeries on 3 ranks"
# Averaged weights, and a network with group norm.
for count in 1 2; do
  timeout "$limit" "$launcher" "$count" "$program" train "${few[@]}" --norm group --ema 0.9 \
    --run "group$count" >out.txt 2>err.txt || fail "group norm: $(cat err.txt)"
done
distance=$("$compare" group2/checkpoints/best.pt group1/checkpoints/best.pt)
awk -v a="$distance" 'BEGIN { exit !(a < 1e-5) }' || fail "group norm, average: $distance apart"
# Dropout and stochastic depth: masks follow the row's place in the whole batch. One rounding does
# 2e-5 here, and masks of other rows 4e-2.
for count in 1 2; do
  timeout "$limit" "$launcher" "$count" "$program" train "${anew[@]}" --model efficientnet-b4 \
    --pairs 2 --steps-per-epoch 1 --optimizer erm --run "masks$count" >out.txt 2>err.txt ||
    fail "$(cat err.txt)"
done
near masks2 masks1 1e-3
# Stopped on four ranks, resumed on two.
for attempt in 1 2 3 4 5; do
  start 4 "${few[@]}" "${begun[@]}" --run "stopped$attempt"
  await "stopped$attempt/checkpoints/last.pt"
  kill -INT "${ranks[1]}"  # one is asked, all stop
  end any any any any
  ! grep -q "continue with --resume" 0.txt || break
done
for r in 0 1 2 3; do told $r "continue with --resume"; done
start 2 --run "stopped$attempt" --resume
end 0 0
near "stopped$attempt" one "$(times 0.02 "$moved")"

# 2. A rank is killed while it trains: the others end with one line. The run goes on to the bits of
# one that was never stopped.
base=("${options[@]}" --ema 0.9)
start 2 "${base[@]}" --run whole
end 0 0
for victim in 1 0; do
  start 2 "${base[@]}" --run "killed$victim" --resume
  await "killed$victim/checkpoints/last.pt"
  kill -9 "${ranks[$victim]}"
  expected=(1 1)
  expected[victim]=137
  end "${expected[@]}"
  told $((1 - victim)) "rank $((1 - victim)) of 2: lost another rank"
  start 2 "${base[@]}" --run "killed$victim" --resume
  end 0 0
  says "resumed after step" 0.txt
  cmp whole/checkpoints/best.pt "killed$victim/checkpoints/best.pt" ||
    fail "rank $victim was killed, and the resumed run has other weights"
  near "killed$victim" whole 0
  cmp whole/eval.csv "killed$victim/eval.csv" || fail "resumed run: other results"
done
# One of four, and on with two and one.
start 4 "${options[@]}" --epochs 4 --run other
await other/checkpoints/last.pt
kill -9 "${ranks[2]}"
end 1 1 137 1
for r in 0 1 3; do told $r "lost another rank"; done
start 2 --run other --resume
await other/checkpoints/last.pt
kill -9 "${ranks[0]}"
end 137 1
start 1 --run other --resume
end 0
python3 - <<'END_OF_PYTHON'
import json
ranks = json.load(open("other/config.json"))["record"]["ranks"]
assert [entry["world_size"] for entry in ranks] == [4, 2, 1], ranks
END_OF_PYTHON

# 3. What fails on one rank ends all, with its words.
cp -r data broken
video=broken/rgb/FaceForensics++/original_sequences/youtube/c23/frames/000
for frame in "$video"/*; do  # of the same size
  dd if=/dev/zero of="$frame" bs="$(stat -c %s "$frame")" count=1 conv=notrunc 2>/dev/null
done
mkdir data_of_rank
ln -s ../data data_of_rank/0
ln -s ../broken data_of_rank/1
start 2 --config settings.json --data data_of_rank/@RANK@ --run failed
end 1 1
told 1 "rank 1 of 2: FaceForensics++"
told 1 "none of its frames can be read"
told 0 "rank 0 of 2: rank 1 failed: FaceForensics++"
mkdir -p full
: >full/checkpoints
start 2 "${base[@]}" --run full
end 1 1
told 0 "rank 0 of 2: "
told 1 "rank 1 of 2: rank 0 failed: "

# 4. A rank that hangs is waited for until the limit.
start 2 "${base[@]}" --epochs 50 --run hung --rank-timeout 5
await hung/checkpoints/last.pt
kill -STOP "${ranks[1]}"
begin=$SECONDS
while kill -0 "${ranks[0]}" 2>/dev/null; do
  [ $((SECONDS - begin)) -lt "$limit" ] || break
  sleep 0.1
done
kill -9 "${ranks[1]}"
end 1 137
told 0 "more than 5 s (--rank-timeout)"
start 2 "${base[@]}" --run absent --rank-timeout 2
kill -9 "${ranks[1]}"
end 1 137
told 0 "rank 0 of 2"

# 5. What does not go together is refused by all.
start 2 "${base[@]}" --seed @RANK@ --run no
end 1 1
for r in 0 1; do told $r "ranks 0 and 1 have option seed 0 and 1"; done
cp -r data fewer
echo >>"$(find fewer/rgb/FaceForensics++ -name '*.png' | sort | tail -n 1)"
ln -sfn ../fewer data_of_rank/1
start 2 --config settings.json --data data_of_rank/@RANK@ --run no
end 1 1
told 1 "ranks 0 and 1 have other data"
start 2 "${base[@]}" --pairs 1 --run no
end 1 1
told 1 "option pairs must be 2 or more"
start 2 "${base[@]}" --run whole
end 1 1
told 0 "a run is there already"
told 1 "rank 0 failed: "
[ ! -e no ] || fail "a run that was refused leaves a folder"
export WORLD_SIZE=2
refuses "the variable RANK is missing" train "${options[@]}" --run no
RANK=2 refuses "must be a whole number from 0 to 1, not '2'" train "${options[@]}" --run no
RANK=1 refuses "the variable MASTER_ADDR is missing" train "${options[@]}" --run no
WORLD_SIZE=few refuses "the variable WORLD_SIZE must be" train "${options[@]}" --run no
echo "several processes: all as it should be"
