# What the tests of the program share. Begins in a new folder, which goes at the end.
#   source program.sh PROGRAM
set -euo pipefail
program=$(realpath "$1")
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
run() {
  "$program" "$@" >out.txt 2>err.txt || fail "'$*' gave $?: $(cat err.txt)"
}
# Bad input: exit status 1, one line, which mentions $1.
refuses() {
  local expected=$1 status=0
  shift
  "$program" "$@" >out.txt 2>err.txt || status=$?
  [ "$status" -eq 1 ] || fail "'$*' exited with $status, not 1: $(cat err.txt)"
  grep -qF -- "$expected" err.txt || fail "'$*' did not say '$expected': $(cat err.txt)"
  [ "$(grep -c '^roga-deepfake: ' err.txt)" -eq 1 ] || fail "'$*' has no one line: $(cat err.txt)"
  ! grep -qE 'frame #|terminate called|Exception raised' err.txt || fail "'$*' shows a stack trace"
}
# The output, or file $2, mentions $1.
says() {
  grep -qF -- "$1" "${2:-out.txt}" || fail "${2:-output} does not say '$1': $(head -c 3000 "${2:-out.txt}")"
}
