#!/usr/bin/env bash
# Builds and tests roga on another Debian release, in a chroot that is kept for the next time. Needs
# root. Ends with a row of the table of docs/testing.md.
#
#   scripts/maintain/test_on.sh RELEASE [--library] [--compiler g++|clang++]
#
# RELEASE is a Debian release: bookworm, trixie, forky, ... --library leaves out the examples, their
# tests and the quick demo. ROGA_CHROOTS names the folder that keeps the chroots (default:
# build/chroots).
set -euo pipefail
cd "$(dirname "$0")/../.."

release=
all=1
compiler=g++
while [ $# -gt 0 ]; do
  case "$1" in
    --library) all=0 ;;
    --compiler) compiler=${2:?--compiler needs a value}; shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "test_on.sh: unknown option $1; see --help" >&2; exit 2 ;;
    *) release=$1 ;;
  esac
  shift
done
[ -n "$release" ] || { echo "test_on.sh: which Debian release? See --help" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "test_on.sh: a chroot needs root" >&2; exit 1; }

chroot=${ROGA_CHROOTS:-build/chroots}/$release
if [ ! -d "$chroot" ]; then
  scripts/install_dependencies.sh chroots
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
# Files keep their times, so that a second run builds what has changed.
mkdir -p "$chroot/roga"
find "$chroot/roga" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
tar --exclude=./.git --exclude=./build --exclude=./out --exclude=./runs -c . |
  tar -x -C "$chroot/roga"

export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"
chroot "$chroot" env all=$all compiler="$compiler" release="$release" bash -euo pipefail -c '
  cd /roga
  scripts/install_dependencies.sh matrix
  examples=ON
  [ "$all" -eq 1 ] || examples=OFF
  build=build/dev
  [ "$compiler" = g++ ] || build=build/$compiler
  cmake --preset dev -B "$build" -DCMAKE_CXX_COMPILER="$compiler" -DROGA_BUILD_EXAMPLES=$examples
  cmake --build "$build"
  OMP_NUM_THREADS=1 ctest --test-dir "$build" --output-on-failure --no-tests=error -j 2 | tee build/ctest.log
  demo=", the library without the examples"
  [ "$all" -eq 0 ] || demo=
  if [ "$all" -eq 1 ] && [ "$compiler" = g++ ]; then
    scripts/demo.sh --quick | tail -n 3 | tee build/demo.log
    grep -q "^report: " build/demo.log
    demo=" and the quick demo"
  fi
  version() { dpkg-query -W -f "\${Version}" "$1" | sed -E "s/^[0-9]+://; s/[-+~].*//"; }
  printf "| %s | %s | %s | %s | %s | %s tests%s |\n" \
    "$(. /etc/os-release && echo "Debian ${VERSION_ID:-testing} $release")" \
    "$compiler $("$compiler" -dumpfullversion 2> /dev/null || "$compiler" -dumpversion)" \
    "$(version libtorch-dev)" "$(version libeigen3-dev)" "$(version catch2)" \
    "$(grep -oE "tests passed.* out of [0-9]+" build/ctest.log | grep -oE "[0-9]+$")" "$demo"'
