#!/bin/bash
# SPDX-License-Identifier: MIT
# models/make-iterates.sh NETWORK DATA OUT COUNT: paintings on the way, for the last part of training `compact`: faces of
# DATA/images/train in the manner of paintings and textures there, steps 10, 60 and 150. Takes `danqing` from the path.
set -euo pipefail
network=$(realpath "$1") data=$(realpath "$2")/images/train out=$3 count=$4
mkdir -p "$out"
cd "$out"
mapfile -t faces < <(find "$data/faces" -type f | sort)
mapfile -t paintings < <(find "$data/paintings" -type f | sort)
mapfile -t textures < <(find "$data/textures" -type f | sort)
for ((i = 0; i < count; i++)); do
    style=${paintings[(i * 8 + 3) % ${#paintings[@]}]}
    if ((i % 4 == 3)); then style=${textures[(i * 11 + 4) % ${#textures[@]}]}; fi
    danqing paint "${faces[(i * 37 + 11) % ${#faces[@]}]}" "$style" --model "$network" --size 192 --min-size 0 --optimizer adam \
        --learning-rate 0.03 --content-layers relu4_2 --average 0 --iterations 150 --initial-iterations 150 \
        --style-weight $((10 * (1 + i % 5 * 4))) --save-every 10 --quiet --output "p$i.png"
    find . -name "p$i-*.png" ! -name '*-000010.png' ! -name '*-000060.png' ! -name '*-000150.png' -delete
    rm -f "p$i.png"
done
