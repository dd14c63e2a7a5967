#!/usr/bin/env bash
# What roga's headers cost to include beside the LibTorch optimizer header that they wrap. Prints
# JSON: seconds of the compiler's own time, medians, the files in turn.
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
printf '#include <torch/optim/sgd.h>\n#include <roga/optimizer.hpp>\n#include <roga/recipes/sam.hpp>\n' \
  >"$work/sam.cpp"
cat >"$work/torch_all.cpp" <<'END'
#include <torch/torch.h>
END
TIMEFORMAT=%U
for ((i = 0; i < repetitions; ++i)); do
  for name in libtorch roga sam torch_all; do
    { time "${CXX:-c++}" "${flags[@]}" ${more[@]+"${more[@]}"} -c "$work/$name.cpp" \
      -o "$work/$name.o"; } 2>>"$work/$name.times"
  done
done
median() { sort -n "$work/$1.times" | sed -n "$((repetitions / 2 + 1))p"; }
printf '{"libtorch": %s, "roga": %s, "sam": %s, "torch_all": %s, "repetitions": %s}\n' \
  "$(median libtorch)" "$(median roga)" "$(median sam)" "$(median torch_all)" "$repetitions"
