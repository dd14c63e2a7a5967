#!/usr/bin/env bash
# What has to be true before a version is tagged; stops at the first thing that is not, and ends
# with the commands that tag it. Changes nothing but the table in docs/testing.md.
#
#   scripts/maintain/release.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

number() { sed -n "s/#define ROGA_VERSION_$1 //p" include/roga/version.hpp; }
version=$(number MAJOR).$(number MINOR).$(number PATCH)
stop() { echo "release.sh: $*" >&2; exit 1; }

[ -z "$(git status --porcelain)" ] || stop "uncommitted changes: commit or stash them"
! git rev-parse -q --verify "refs/tags/v$version" > /dev/null ||
  stop "v$version is tagged: raise the version in include/roga/version.hpp"
grep -q "^version: $version$" CITATION.cff || stop "CITATION.cff does not say version: $version"
grep -qE "^## $version, [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
  stop "CHANGELOG.md has no heading '## $version, YYYY-MM-DD'"
grep -q "\"version\": \"$version\"" packaging/vcpkg/vcpkg.json ||
  stop "packaging/vcpkg/vcpkg.json does not say \"version\": \"$version\""
echo "$version: places agree. Now the checks; hours."
scripts/maintain/lint.sh
.ci/run < /dev/null
scripts/maintain/nightly.sh
scripts/maintain/matrix.sh
scripts/docs.sh
[ -z "$(git status --porcelain)" ] ||
  stop "the checks changed files (the table of releases in docs/testing.md?): look at them and commit"
echo "All is well. To release:"
echo "    git tag -a v$version -m 'roga $version' && git push origin v$version"
