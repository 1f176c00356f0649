#!/bin/sh
# SPDX-License-Identifier: MIT
# check-samples.sh MAKE CHECK SOURCE: the samples come out the same twice, look as they should by their statistics at
# an eighth of their size, and so do the committed ones at full size, which must stay small.
set -eu
make=$1 check=$2 source=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
names='portrait1 portrait2 night inkwash woodcut mosaic pencil'

mkdir "$work/once" "$work/again"
"$make" --scale 0.125 "$work/once" &
once=$!
"$make" --scale 0.125 "$work/again"
wait "$once"
for name in $names; do cmp "$work/once/$name.png" "$work/again/$name.png"; done
"$check" "$work/once" 80
"$check" "$source" 640

total=0
for name in $names; do
    size=$(wc -c <"$source/$name.png")
    [ "$size" -le 450000 ] || { echo "$name.png: $size bytes, more than 450 kB"; exit 1; }
    total=$((total + size))
done
[ "$total" -le 2000000 ] || { echo "the samples take $total bytes, more than 2 MB"; exit 1; }

for wrong in '' '--scale 9 x' '--scale 1x x' "$work unknown"; do
    # shellcheck disable=SC2086 # a list of words
    if "$make" $wrong 2>/dev/null; then echo "accepted: make-samples $wrong"; exit 1; fi
done
