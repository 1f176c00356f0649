#!/bin/bash
# SPDX-License-Identifier: MIT
# models/make-iterates.sh ROUND NETWORK DATA OUT: paintings on the way, for the last parts of training `compact`, made of the
# training pictures of DATA by the network of the part before. Takes `danqing` from the path.
#   round 1 (for compact-4): 29 faces in the manner of paintings and textures by Adam, steps 10, 60 and 150
#   round 2 (for compact-5): 80 textures and paintings made again from noise, steps 10, 40 and 150, and 40 faces, steps 10, 30
#                            and 60, all by L-BFGS
set -euo pipefail
round=$1 network=$(realpath "$2") data=$(realpath "$3")/images/train out=$4
mkdir -p "$out"
cd "$out"
mapfile -t faces < <(find "$data/faces" -type f | sort)
mapfile -t paintings < <(find "$data/paintings" -type f | sort)
mapfile -t textures < <(find "$data/textures" -type f | sort)

paint() { # NAME "STEPS TO KEEP" LAST-STEP PHOTO STYLE OPTIONS…
    local name=$1 kept=$2 last=$3 keep=() step
    danqing paint "$4" "$5" --model "$network" --min-size 0 --average 0 --iterations "$last" --initial-iterations "$last" \
        --save-every 10 --quiet --output "$name.png" "${@:6}"
    for step in $kept; do keep+=(! -name "$name-$step.png"); done
    find . -name "$name-*.png" "${keep[@]}" -delete
    rm -f "$name.png"
}

# Style number $3 + $1·i of the paintings; of the textures for every $5th, number $4 + $2·i.
style() {
    if ((i % $5 == $5 - 1)); then echo "${textures[(i * $2 + $4) % ${#textures[@]}]}"
    else echo "${paintings[(i * $1 + $3) % ${#paintings[@]}]}"; fi
}

case $round in
1)
    for ((i = 0; i < 29; i++)); do
        paint "p$i" "000010 000060 000150" 150 "${faces[(i * 37 + 11) % ${#faces[@]}]}" "$(style 8 11 3 4 4)" --size 192 \
            --optimizer adam --learning-rate 0.03 --content-layers relu4_2 --style-weight $((10 * (1 + i % 5 * 4)))
    done
    ;;
2)
    for ((i = 0; i < 80; i++)); do
        texture=${textures[(i * 31 + 7) % ${#textures[@]}]}
        if ((i % 5 == 4)); then texture=${paintings[(i / 5) % ${#paintings[@]}]}; fi
        paint "t$i" "000010 000040 000150" 150 "${faces[0]}" "$texture" --size 144 --init noise --seed "$i" --content-weight 0 \
            --content-layers relu1_1 --style-layers relu1_1,relu2_1,relu3_1 --tv-weight 0
    done
    for ((i = 0; i < 40; i++)); do
        paint "q$i" "000010 000030 000060" 60 "${faces[(i * 41 + 13) % ${#faces[@]}]}" "$(style 8 11 5 9 4)" --size 192 \
            --style-weight $((5 * (1 + i % 5 * 4)))
    done
    ;;
*)
    echo "make-iterates.sh: ROUND is 1 or 2" >&2
    exit 2
    ;;
esac
