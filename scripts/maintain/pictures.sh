#!/usr/bin/env bash
# Draws docs/figures/report.png and gradcam.png from what scripts/demo.sh has trained: the first screen
# of its report, and where the detector looks in test frames. Needs Chromium, which it installs.
#
#   scripts/maintain/pictures.sh [FOLDER]    out/demo if not given
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

folder=${1:-out/demo}
report=$(realpath "$folder/runs/report.html")
[ -f "$report" ] || { echo "pictures.sh: no $report; run scripts/demo.sh first" >&2; exit 1; }
scripts/install_dependencies.sh pictures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work" \
  --window-size=1100,900 --screenshot=docs/figures/report.png "file://$report" 2> "$work/log" ||
  { cat "$work/log" >&2; exit 1; }
program=build/dev/examples/deepfake/roga-deepfake
run=$(find "$folder/runs" -maxdepth 1 -name 'roga*' -type d | sort | head -n 1)
"$program" gradcam --run "$run" --per-domain 2
python3 scripts/maintain/contact_sheet.py "$run/gradcam" docs/figures/gradcam.png
