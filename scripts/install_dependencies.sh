#!/usr/bin/env bash
# Installs the packages that building, testing and the demo need, those that are missing only.
# An ordinary user is told what to ask for.
set -euo pipefail

packages=(g++ cmake ninja-build ccache libtorch-dev libopenblas0-pthread libeigen3-dev catch2
          nlohmann-json3-dev libcli11-dev libopencv-core-dev libopencv-imgproc-dev
          libopencv-imgcodecs-dev)

missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
    missing+=("$package")
  fi
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These packages are missing, and only root can install them:" >&2
  echo "    apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
