#!/bin/bash
# SPDX-License-Identifier: MIT
# bench/scaling.sh DANQING [SIZE [MODEL [ROUNDS]]]: seconds of a step of one process and of two ranks, one thread each, in turn:
# the same picture (strong scaling), and one of twice the pixels for the two (weak). Steps are counted from the log, so that what
# comes before the first does not count. Needs mpirun and two processors that nobody else uses.
set -euo pipefail

danqing=$1 size=${2:-2048} model=${3:-compact}
samples=$(cd "$(dirname "${BASH_SOURCE[0]}")/../examples/samples" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
options=(--threads 1 --min-size 0 -n 4 --optimizer adam --model "$model" -q)

# The least seconds between two steps of the last run.
step() {
    awk -F, 'NR > 2 { d = $6 - before; if (!least || d < least) least = d } { before = $6 } END { print least }' "$work/log.csv"
}
paint() { "$@" paint "$samples/portrait1.png" "$samples/night.png" "${options[@]}" --size "$side" --log "$work/log.csv" \
    -o "$work/out.png"; }
ranks=(mpirun -n 2 --bind-to core "$danqing")

for round in $(seq "${4:-1}"); do
    side=$size
    paint "$danqing" && one=$(step)
    paint "${ranks[@]}" && two=$(step)
    side=$(awk -v s="$size" 'BEGIN { print int(s * sqrt(2) + 0.5) }')
    paint "${ranks[@]}" && wide=$(step)
    awk -v r="$round" -v s="$size" -v a="$one" -v b="$two" -v c="$wide" -v l="$side" 'BEGIN {
        printf "round %d: size %d one %.3f s, two ranks %.3f s: %.2f times; size %d two ranks %.3f s: %.0f %%\n",
            r, s, a, b, a / b, l, c, 100 * a / c }'
done
