#!/usr/bin/env bash
# What roga's headers cost to include beside the LibTorch optimizer header that they wrap. Prints
# JSON: seconds of the compiler's own time, the least of all turns; for g++ also without its
# garbage collection, whose last round falls into some files and not into others that are a little
# smaller.
#
#   measure.sh [REPETITIONS]    needs CXX (c++) and LibTorch where the compiler or CXXFLAGS finds it
set -euo pipefail
cd "$(dirname "$0")/../.."
repetitions=${1:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

torch=/usr/include/torch/csrc/api/include
flags=(-std=c++20 -O2 -Iinclude -isystem "$torch" -isystem /usr/include/eigen3)
read -r -a more <<<"${CXXFLAGS:-}"
echo '#include <torch/optim/sgd.h>' >"$work/libtorch.cpp"
printf '#include <torch/optim/sgd.h>\n#include <roga/roga.hpp>\n' >"$work/roga.cpp"
printf '#include <torch/optim/sgd.h>\n#include <Eigen/Cholesky>\n' >"$work/eigen.cpp"
printf '#include <torch/optim/sgd.h>\n#include <roga/optimizer.hpp>\n#include <roga/recipes/sam.hpp>\n' \
  >"$work/sam.cpp"
echo '#include <torch/torch.h>' >"$work/torch_all.cpp"
files=(libtorch roga sam eigen torch_all)
TIMEFORMAT=%U
compile() {  # NAME KIND FLAG...
  { time "${CXX:-c++}" "${flags[@]}" ${more[@]+"${more[@]}"} "${@:3}" -c "$work/$1.cpp" \
    -o "$work/$1.o"; } 2>>"$work/$1.$2.times"
}
kinds=(default)
if "${CXX:-c++}" --version | grep -qi 'g++\|gcc\|Free Software'; then kinds+=(no_collection); fi
for ((i = 0; i < repetitions; ++i)); do
  for name in "${files[@]}"; do
    compile "$name" default
    if [ "${#kinds[@]}" -gt 1 ]; then
      compile "$name" no_collection --param ggc-min-expand=100000 --param ggc-min-heapsize=8000000
    fi
  done
done
least() { sort -n "$work/$1.times" | head -n 1; }
printf '{"repetitions": %s, "compiler": "%s"' "$repetitions" "$("${CXX:-c++}" --version | head -1)"
for kind in "${kinds[@]}"; do
  printf ',\n "%s": {' "$kind"
  separator=
  for name in "${files[@]}"; do
    printf '%s"%s": %s' "$separator" "$name" "$(least "$name.$kind")"
    separator=', '
  done
  printf '}'
done
printf '}\n'
