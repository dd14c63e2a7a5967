#!/usr/bin/env bash
# Installs the packages that building, testing and the demo need, those that are missing only.
# With the word `bench`, `lint`, `matrix` or `peers` also those of that script, with `faces` also dlib,
# which aligns faces for the deepfake example, with `docs` only those of the site, with `chroots` or
# `pictures` only what makes those. Without root or a sudo that asks nothing, tells what to ask for. With
# CMAKE_PREFIX_PATH or Torch_DIR in the environment LibTorch comes from there, not from a package.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

packages=(g++ cmake ninja-build ccache libopenblas0-pthread libeigen3-dev catch2
          nlohmann-json3-dev libcli11-dev libopencv-dev opencv-data zlib1g-dev python3 libgloo-dev)
[ -n "${CMAKE_PREFIX_PATH:-}${Torch_DIR:-}" ] || packages+=(libtorch-dev)
[ "${1:-}" != lint ] || packages+=(clang-format clang-tidy codespell)
[ "${1:-}" != matrix ] || packages+=(clang pkg-config)
[ "${1:-}" != faces ] || packages+=(libdlib-dev libdlib-data)
[ "${1:-}" != peers ] || packages+=(libbenchmark-dev python3-torch)
[ "${1:-}" != docs ] || packages=(doxygen doxygen-awesome-css mkdocs-material)
[ "${1:-}" != chroots ] || packages=(debootstrap)
[ "${1:-}" != pictures ] || packages=(chromium fonts-dejavu-core)
[ "${1:-}" != bench ] || packages+=(libbenchmark-dev dataset-fashion-mnist librsvg2-bin)

if ! command -v dpkg-query > /dev/null; then
  echo "No Debian or Ubuntu: please see to these yourself: ${packages[*]}" >&2
  exit 0
fi
missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
    missing+=("$package")
  fi
done
[ "${#missing[@]}" -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2> /dev/null; then
    echo "These packages are missing, and only root can install them:" >&2
    echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends "${missing[@]}"
