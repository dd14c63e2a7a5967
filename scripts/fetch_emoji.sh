#!/usr/bin/env bash
# Fetches what four artists drew for the same emoji, out of packages of npm, as a set of real pictures
# in four styles:
#
#   scripts/fetch_emoji.sh [--output FOLDER]
#
# FOLDER (out/emoji if not given) gets google/, twitter/ and openmoji/ with CODE.png, fluent/ with
# CODE.webp, and concepts.csv with a line `code,category` for each of the 1,852 concepts that all four
# drew, in nine categories. Takes 156 MB of downloads and needs npm and rsvg-convert (librsvg2-bin).
# Licences: Google's Apache 2.0, Twitter's CC BY 4.0, OpenMoji's CC BY-SA 4.0, Fluent's MIT.
set -euo pipefail
cd "$(dirname "$0")/.."

output=out/emoji
while [ $# -gt 0 ]; do
  case "$1" in
    --output) output=${2:?--output needs a value}; shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "fetch_emoji.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done
[ ! -s "$output/concepts.csv" ] || exit 0
for command in npm rsvg-convert; do
  command -v "$command" > /dev/null || {
    echo "fetch_emoji.sh: needs $command; install ${command/rsvg-convert/librsvg2-bin}" >&2
    exit 1
  }
done

mkdir -p "$output/packages"
output=$(cd "$output" && pwd)
cd "$output/packages"
fetch() {  # PACKAGE@VERSION SHA256 FOLDER MEMBERS...
  local package=$1 sum=$2 folder=$3 file=${1#@}
  file=${file//\//-}
  file=${file//@/-}.tgz
  echo "$sum  $file" | sha256sum --check --status 2> /dev/null || npm pack --silent "$package" > /dev/null
  echo "$sum  $file" | sha256sum --check --status || {
    echo "fetch_emoji.sh: $file of npm is not the one expected; remove it and try again" >&2
    exit 1
  }
  mkdir -p "$folder"
  tar -xzf "$file" -C "$folder" --strip-components=1 "${@:4}"
}
fetch emoji-datasource-google@16.0.0 fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438 \
  google package/emoji.json package/img/google/64
fetch emoji-datasource-twitter@16.0.0 f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877 \
  twitter package/img/twitter/64
fetch openmoji@17.0.0 55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68 \
  openmoji package/color/svg
fetch @lobehub/fluent-emoji-3d@1.1.0 c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58 \
  fluent package/assets

# A concept is known by its code points; packages differ in whether they write FE0F, "as a picture".
python3 - "$output" << 'END'
import json, pathlib, shutil, sys
output = pathlib.Path(sys.argv[1])
packages = output / "packages"
folders = {"google": packages / "google/img/google/64", "twitter": packages / "twitter/img/twitter/64",
           "openmoji": packages / "openmoji/color/svg", "fluent": packages / "fluent/assets"}
plain = lambda code: "-".join(part for part in code.lower().split("-") if part != "fe0f")
files = {style: {plain(file.stem): file for file in sorted(folder.iterdir())}
         for style, folder in folders.items()}
concepts = {}
for emoji in json.loads((packages / "google/emoji.json").read_text()):
    code = plain(emoji["unified"])
    if all(code in of_style for of_style in files.values()):
        concepts[code] = emoji["category"]
(packages / "svg").mkdir(exist_ok=True)
for style, of_style in files.items():
    target = packages / "svg" if style == "openmoji" else output / style
    target.mkdir(exist_ok=True)
    for code in concepts:
        shutil.copyfile(of_style[code], target / (code + of_style[code].suffix))
(output / "concepts.part").write_text(
    "code,category\n" + "".join(f"{code},{concepts[code]}\n" for code in sorted(concepts)))
END
mkdir -p "$output/openmoji"
# shellcheck disable=SC2016  # expanded by the inner shell
find svg -name '*.svg' -print0 | xargs -0 -P "$(nproc)" -I '{}' sh -c \
  'rsvg-convert -w 64 -h 64 -o "$1/$(basename "$2" .svg).png" "$2"' sh "$output/openmoji" '{}'
cd "$output"
rm -r packages
mv concepts.part concepts.csv  # last: what is there is whole
echo "fetch_emoji.sh: $(($(wc -l < concepts.csv) - 1)) concepts in four styles in $output" >&2
