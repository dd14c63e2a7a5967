#!/usr/bin/env bash
# Draws docs/figures/report.png and gradcam.png from what scripts/demo.sh has trained: the first screen
# of its report, and where the detector looks. Needs Chromium, which it installs.
#
#   scripts/maintain/pictures.sh [FOLDER]    out/demo if not given
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

runs=${1:-out/demo}/runs
[ -f "$runs/report.html" ] ||
  { echo "pictures.sh: no $runs/report.html; run scripts/demo.sh first" >&2; exit 1; }
scripts/install_dependencies.sh pictures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
picture() {  # FILE HEIGHT REPORT: its first screen, without the paths of this machine
  sed -i "s|$PWD/||g" "$3"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/chromium" \
    --window-size="1100,$2" --screenshot="docs/figures/$1" "file://$3" 2> "$work/log" ||
    { cat "$work/log" >&2; exit 1; }
}
cp "$runs/report.html" "$work"
picture report.png 880 "$work/report.html"

program=build/dev/examples/deepfake/roga-deepfake
run=$(find "$runs" -maxdepth 1 -name 'roga*' -type d | sort | head -n 1)
"$program" gradcam --run "$run" --per-domain 4
"$program" report "$run" --output "$work/gradcam.html"
echo '<style>header, .notice, nav, section:not(#gradcam) { display: none; }</style>' >> "$work/gradcam.html"
picture gradcam.png 850 "$work/gradcam.html"
