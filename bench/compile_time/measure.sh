#!/usr/bin/env bash
# What roga's headers cost to compile beside the LibTorch optimizer header that they wrap. Prints a
# line of JSON: seconds of the compiler's own time, the least of all turns, which take the files one
# after the other; for g++ also without its garbage collection, whose last round falls into some
# files and not into others that are a little smaller.
#
#   measure.sh [REPETITIONS]    needs CXX (c++) and LibTorch where the compiler or CXXFLAGS finds it
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
repetitions=${1:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

torch=/usr/include/torch/csrc/api/include
flags=(-std=c++20 -O2 -Iinclude -isystem "$torch" -isystem /usr/include/eigen3)
read -r -a more <<<"${CXXFLAGS:-}"
include() { printf '#include <%s>\n' "$@"; }
plain=(torch/optim/sgd.h)
# clang 14 needs this header before LibTorch 1.13's others.
if "${CXX:-c++}" --version | grep -qi clang; then plain=(ATen/core/ivalue.h "${plain[@]}"); fi
steps_with() {  # RECIPE
  cat <<CPP
at::Tensor step_of_$1(std::vector<at::Tensor> parameters, torch::optim::Optimizer::LossClosure loss) {
  auto optimizer = roga::wrap<torch::optim::SGD>(roga::recipes::$1(), std::move(parameters),
                                                 torch::optim::SGDOptions(0.1));
  return optimizer.step(std::move(loss));
}
CPP
}
one=("${plain[@]}" roga/optimizer.hpp roga/recipes/sam.hpp)
include "${plain[@]}" > "$work/libtorch.cpp"
include "${plain[@]}" roga/roga.hpp > "$work/roga.cpp"
include "${one[@]}" > "$work/sam.cpp"
{ include "${one[@]}"; steps_with sam; } > "$work/sam_step.cpp"
{ include "${one[@]}" roga/recipes/roga.hpp; steps_with sam; } > "$work/first_step.cpp"
{ include "${one[@]}" roga/recipes/roga.hpp; steps_with sam; steps_with roga; } > "$work/both_steps.cpp"
include "${plain[@]}" Eigen/Cholesky > "$work/eigen.cpp"
include torch/torch.h > "$work/torch_all.cpp"
files=(libtorch roga sam sam_step first_step both_steps eigen torch_all)
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
  printf ', "%s": {' "$kind"
  separator=
  for name in "${files[@]}"; do
    printf '%s"%s": %s' "$separator" "$name" "$(least "$name.$kind")"
    separator=', '
  done
  printf '}'
done
printf '}\n'
