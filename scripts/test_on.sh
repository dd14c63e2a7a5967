#!/usr/bin/env bash
# Builds and tests roga on another Debian release, in a chroot that is kept for the next time. Needs
# root and debootstrap.
#
#   scripts/test_on.sh RELEASE [--all]
#
# RELEASE is a Debian release: bookworm, trixie, forky, ... Without --all the examples and their
# tests are left out. ROGA_CHROOTS names the folder that keeps the chroots (default: build/chroots).
set -euo pipefail
cd "$(dirname "$0")/.."

release=
examples=OFF
for argument in "$@"; do
  case "$argument" in
    --all) examples=ON ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "test_on.sh: unknown option $argument; see --help" >&2; exit 2 ;;
    *) release=$argument ;;
  esac
done
[ -n "$release" ] || { echo "test_on.sh: which Debian release? See --help" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "test_on.sh: a chroot needs root" >&2; exit 1; }

chroot=${ROGA_CHROOTS:-build/chroots}/$release
if [ ! -d "$chroot" ]; then
  command -v debootstrap > /dev/null ||
    { echo "test_on.sh: debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
  # debootstrap knows no release newer than itself; sid's script serves all of them.
  rm -rf "$chroot.partial"
  mkdir -p "$chroot.partial"
  debootstrap --variant=minbase "$release" "$chroot.partial" http://deb.debian.org/debian sid
  mv "$chroot.partial" "$chroot"
fi
# Mirrors that are frozen at a date serve lists that have expired.
echo 'Acquire::Check-Valid-Until "false";' > "$chroot/etc/apt/apt.conf.d/90roga"

if ! mountpoint -q "$chroot/proc"; then
  mount -t proc proc "$chroot/proc"
  trap 'umount "$chroot/proc"' EXIT
fi
rm -rf "$chroot/roga/source"
mkdir -p "$chroot/roga/source"
tar --exclude=./.git --exclude=./build --exclude=./out --exclude=./runs -c . |
  tar -x -C "$chroot/roga/source"
chmod -R a-w "$chroot/roga/source"

chroot "$chroot" sh -euc '
  cd /roga/source
  scripts/install_dependencies.sh
  export CMAKE_BUILD_PARALLEL_LEVEL='"${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"'
  cmake --preset dev -B /roga/build -DROGA_BUILD_EXAMPLES='$examples'
  cmake --build /roga/build
  ctest --test-dir /roga/build --output-on-failure --no-tests=error'
