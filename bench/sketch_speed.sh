#!/bin/sh
# SPDX-License-Identifier: MIT
# bench/sketch_speed.sh DANQING PHOTO PAIRS [ROUNDS] [STUDENT]: seconds that each method needs to draw a photo of the frame's
# size, once all that it learns from the pairs is in its cache: the least of ROUNDS (3), after one that fills the cache.
set -eu
danqing=$1 photo=$2 pairs=$3 rounds=${4:-3} student=${5:-}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

# seconds NAME ARGUMENTS…: a line of the table.
seconds() {
    name=$1
    shift
    for round in $(seq 0 "$rounds"); do
        "$danqing" sketch "$photo" "$@" --json -o "$folder/drawing.png" >"$folder/answer"
        [ "$round" -eq 0 ] || sed -n 's/.*"seconds_to_draw": *\([0-9.e-]*\).*/\1/p' "$folder/answer"
    done | sort -g | head -n 1 | xargs printf '%-14s%8.3f s\n' "$name"
}

for method in lle ssd mrf mwf ridge dgfl rslcr; do seconds $method --pairs "$pairs" --method $method; done
seconds "rslcr --fast" --pairs "$pairs" --method rslcr --fast
seconds "mwf, pencil" --pairs "$pairs" --finish pencil
[ -z "$student" ] || seconds student --student "$student"
