#!/usr/bin/env bash
# Real faces: the five commands of docs/deepfake.md, word for word but for a smaller training, and
# scripts/demo_photos.sh --quick. Skipped where dlib, its landmarks or its photographs are missing.
#
#   real_faces_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/program.sh" "$1"
project=$(cd "$tests/../.." && pwd)

skip() {
  echo "SKIPPED: $*"
  exit 77
}
photos=/usr/share/doc/libdlib19.1/examples
! "$program" --version | grep -q "without dlib" || skip "built without dlib (libdlib-dev)"
[ -f /usr/share/dlib/shape_predictor_68_face_landmarks.dat ] || skip "no landmarks (libdlib-data)"
[ -f "$photos/faces/bald_guys.jpg" ] || skip "no photographs (libdlib19.1)"
weights=$project/out/backbones/resnet34_1000_imagenet_classifier.dnn

# Ten videos of ten people.
mkdir -p videos/real
for picture in "$photos"/johns/*/*_0[0-9]*1.jpg "$photos"/faces/2*.jpg; do
  person=$(basename "$(dirname "$picture")")-$(basename "$picture" .jpg)
  python3 "$tests/still_video.py" "$picture" "videos/real/${person//_/-}.avi" 4
done

# As in the documentation, but that the program is the one to test, its training is small, and the
# weights are those that are there.
sed -n '/^## If you have only real videos/,/^## Commands/s/^    //p' "$project/docs/deepfake.md" >commands.sh
[ "$(grep -c . commands.sh)" -eq 6 ] || fail "docs/deepfake.md has no five commands: $(cat commands.sh)"
# shellcheck disable=SC2034  # all.sh uses it
small=(--epochs 1 --steps-per-epoch 2 --pairs 1)
cat >all.sh <<'END'
roga-deepfake() {
  local more=()
  [ "$1" != train ] || more=("${small[@]}")
  "$program" "$@" "${more[@]}" >"$1.txt" 2>"$1.err" || exit 1
}
END
sed "s|\$(scripts/fetch_backbone.sh)|$weights|; s|--size 227|--size 64|" commands.sh >>all.sh
if [ ! -f "$weights" ]; then
  echo "real_faces_test: no weights (scripts/fetch_backbone.sh), the network begins at random"
  sed -i 's|--weights "$weights"||' all.sh
fi
# shellcheck source=/dev/null
(source all.sh) || fail "a command of docs/deepfake.md failed: $(cat ./*.err)"
says "dlib-resnet-34 with" runs/roga/train.log
says "are trained" runs/roga/train.log
grep -qE "landmarks of ([0-9]+) of \1 real videos" runs/roga/train.log ||
  fail "training does not see all landmarks: $(cat runs/roga/train.log)"
[ ! -f "$weights" ] || says "resnet34_1000_imagenet_classifier.dnn: " runs/roga/train.log
says "Forgeries made while training" report.html
[ "$(grep -cE "(real|fake)" predict.txt)" -ge 8 ] || fail "predict judges too few: $(cat predict.txt)"

ROGA_DEEPFAKE=$program "$project/scripts/demo_photos.sh" --quick --output "$folder/photos" >demo.txt 2>&1 ||
  fail "demo_photos.sh: $(tail -n 20 demo.txt)"
says "Photographs of few people: " demo.txt
says "OtherSource" photos/runs/report.html
grep -A 1 "<body>$" photos/runs/report.html | grep -q "Photographs of few people: [1-9][0-9]* to train" ||
  fail "the report of demo_photos.sh does not begin with the people: $(head -c 3000 photos/runs/report.html)"
! grep -q "<img " photos/runs/report.html || fail "the report of demo_photos.sh shows pictures"
