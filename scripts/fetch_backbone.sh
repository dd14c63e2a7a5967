#!/usr/bin/env bash
# Fetches a backbone trained on ImageNet, dlib's ResNet-34, out of the source package `dlib` of
# Debian 12, and prints the path of the file, which `roga-deepfake train --weights` reads:
#
#   scripts/fetch_backbone.sh [--output FOLDER]
#
# Takes 209 MB of downloads and leaves 87 MB in FOLDER (out/backbones if not given). Works on any
# Debian or its kin, whatever its release, without root; installs nothing. The weights are declared
# CC0 1.0 by their author; ImageNet's pictures, which they were trained on, are for non-commercial
# research.
set -euo pipefail
cd "$(dirname "$0")/.."

output=out/backbones
while [ $# -gt 0 ]; do
  case "$1" in
    --output) output=${2:?--output needs a value}; shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "fetch_backbone.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done

version=19.24+dfsg-1
archive=dlib_19.24+dfsg.orig-dlib-models.tar.bz2
archive_sha256=735a840226bbc6e7418b9c8796a979abf1c1cea04b4ee276ca890d8f571453a8
member=dlib-models-19.24+dfsg/resnet34_1000_imagenet_classifier.dnn
member_sha256=399bbdef8114d0ae69ff6a36810df1f0f9265a237b64da1eeb211da9bf1cc950
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

is_right() {  # FILE SHA256
  [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status
}
say() { echo "fetch_backbone.sh: $*" >&2; }

mkdir -p "$output"
output=$(cd "$output" && pwd)
file=$output/$(basename "$member")
if ! is_right "$file" "$member_sha256"; then
  command -v apt-get > /dev/null || {
    say "needs apt-get, that is, Debian or its kin; take $member from Debian's source package dlib $version, and put it into $output"
    exit 1
  }
  [ -f "$keyring" ] || { say "$keyring is missing; install debian-archive-keyring"; exit 1; }
  work=$(mktemp -d "$output/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # A list and a state of its own: the system's sources stay as they are.
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  chmod 755 "$work"
  echo "deb-src [signed-by=$keyring] $mirror bookworm main" > "$work/sources.list"
  apt=(apt-get -q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=-
       -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=)
  "${apt[@]}" update >&2
  (cd "$work" && "${apt[@]}" source --download-only "dlib=$version" >&2)
  is_right "$work/$archive" "$archive_sha256" || {
    say "$archive is not the one that is known: its checksum differs; nothing was kept"
    exit 1
  }
  say "unpacking $(basename "$member")"
  # The first of its kind is the only one: no need to read the other 100 MB.
  tar -xjf "$work/$archive" -C "$work" --no-same-owner --occurrence=1 "$member"
  is_right "$work/$member" "$member_sha256" || {
    say "$(basename "$member") is not the one that is known: its checksum differs; nothing was kept"
    exit 1
  }
  mv "$work/$member" "$file"
fi
say "dlib's ResNet-34, CC0 1.0 by its author (Davis E. King); trained on ImageNet, whose pictures are for non-commercial research"
echo "$file"
