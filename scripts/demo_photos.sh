#!/usr/bin/env bash
# Real photographs from a Debian package: aligns their faces, trains a detector from the real faces
# alone on forgeries that are made while training, and tests it on other people, other kinds of
# forgery and photographs from another source. A ResNet-34 that was trained on ImageNet is tuned in
# its affine layers and last stage, with ERM, SAM and RoGA. Takes about eight minutes on two cores, ends
# with a table and the path of the report.
#
#   scripts/demo_photos.sh [--quick] [--output FOLDER] [--seeds "0 1 2"]
#
# --quick trains for two steps on small images: a check that everything works, not a result.
#
# The photographs are examples of dlib (package libdlib19.1), whose rights are not stated: keep them,
# and pictures made of them, to yourself. The report holds none. The landmarks (libdlib-data) were
# trained on 300-W, whose pictures exclude commercial use.
# ROGA_DEEPFAKE names a program that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=
output=
seeds="0"
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) quick=1 ;;
    --output) output=${2:?--output needs a value}; shift ;;
    --seeds) seeds=${2:?--seeds needs a value}; shift ;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "demo_photos.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done
output=${output:-out/photos${quick:+-quick}}

export OMP_NUM_THREADS=1
program=${ROGA_DEEPFAKE:-}
if [ -z "$program" ]; then
  scripts/install_dependencies.sh faces
  cmake --preset dev
  cmake --build --preset dev --target roga-deepfake
  program=build/dev/examples/deepfake/roga-deepfake
fi
mkdir -p "$output"

# Photographs: where the package is installed, else out of the package.
photos=/usr/share/doc/libdlib19.1/examples
if [ ! -f "$photos/faces/bald_guys.jpg" ]; then
  packages=$(realpath "$output")/packages
  mkdir -p "$packages"
  (cd "$packages" && apt-get download -q libdlib19.1 && dpkg-deb -x libdlib19.1_*.deb .)
  photos=$packages$photos
fi

options=(--settings examples/deepfake/demo_photos.json)
size=128
backbone=out/backbones/resnet34_1000_imagenet_classifier.dnn
if [ -n "$quick" ]; then
  size=64
  options+=(--epochs 1 --steps-per-epoch 2 --pairs 1 --timing-rounds 1)
  [ -f "$backbone" ] || echo "demo_photos.sh: --quick goes without the backbone's weights"
else
  backbone=$(scripts/fetch_backbone.sh)
fi
[ ! -f "$backbone" ] || options+=(--weights "$backbone")

# A photograph's people are in one split, and nobody is in two photographs. Those of the VOC data set
# are the source to train on, the others the source that is left out.
photographs() {  # FOLDER NAMES...
  local folder=$output/sources/$1
  mkdir -p "$folder"
  shift
  for name in "$@"; do ln -sf "$photos/faces/$name.jpg" "$folder/"; done
}
photographs trained/train/real 2008_001009 2008_001322 2008_002079 2008_002506 2008_007676
photographs trained/val/real 2007_007763 2009_004587
photographs people/test/real 2008_002470 2008_004176
photographs elsewhere/test/real bald_guys Tom_Cruise_avp_2014_4
for man in "$photos"/johns/*; do  # a folder of photographs each
  ln -sfn "$man" "$output/sources/elsewhere/test/real/$(basename "$man")"
done

"$program" import --from "$output/sources/trained" --output "$output/data" --name Photographs \
  --align dlib --people each

# Others, forged by make-data in kinds that training does not make.
forged() {  # NAME FOLDER OPTIONS...
  local name=$1 faces=$output/faces/$2 made=$output/forged/$2 kinds=$output/kinds/$2
  "$program" import --from "$output/sources/$2" --output "$faces" --name faces --align dlib "${@:3}"
  "$program" make-data --photos "$faces/rgb/faces/test/real/frames" --no-crop --output "$made" \
    --size 256 --frames 4
  mkdir -p "$kinds/test"
  local sequences
  sequences=$(realpath "$made")/rgb/FaceForensics++
  ln -sfn "$sequences/original_sequences/youtube/c23/frames" "$kinds/test/real"
  for kind in Deepfakes Face2Face FaceSwap NeuralTextures; do
    ln -sfn "$sequences/manipulated_sequences/$kind/c23/frames" "$kinds/test/$kind"
  done
  "$program" import --from "$kinds" --output "$output/data" --name "$name"
}
forged OtherPeople people --people each
forged OtherSource elsewhere --people one
"$program" check-data --data "$output/data"

people() { find "$output/$1" -mindepth 1 -maxdepth 1 -type d | wc -l; }
notice="Photographs of few people: $(people data/rgb/Photographs/train/real/frames) to train on,\
 $(people data/rgb/Photographs/val/real/frames) to choose on,\
 $(people faces/people/rgb/faces/test/real/frames) to test on,\
 and $(people faces/elsewhere/rgb/faces/test/real/frames) from another source.\
 Every forgery was made by this program, and forged faces have less fine detail than real ones, which\
 alone tells many of them apart. These numbers compare methods on a small example: they do\
 not show how a detector does on deepfakes, on videos, or on people in general."
# shellcheck disable=SC2086  # several seeds are several words
"$program" compare --data "$output/data" --datasets Photographs --size "$size" \
  --output "$output/runs" --jobs 2 --seeds $seeds --notice "$notice" --no-pictures "${options[@]}"
echo "$notice"
