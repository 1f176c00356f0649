#!/bin/bash
# SPDX-License-Identifier: MIT
# bench/networks_sheet.sh BUILD DATA OUT.png [SIZE]: the same portraits in the same styles by four networks, to look at: VGG-19
# to relu3_1, the 16× distilled encoder with its heads, `compact`, and one with random weights; the default recipe, each network
# with what layers it has. A row for each pair: photo, painting, then the networks. DATA holds models/ and images/, as for
# bench/gates; needs ImageMagick's `montage`.
set -euo pipefail
build=$(realpath "$1") data=$(realpath "$2") out=$3 size=${4:-256}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

mapfile -t photos < <(find "$data/images/portraits" -type f | sort | head -n 8 | awk 'NR % 2')
mapfile -t styles < <(find "$data/images/styles" -type f | sort | head -n 4)
vgg=(--model "$data/models/vgg19-relu3_1/vgg_normalised_conv3_1.pth")
encoder=(--model "$data/models/vgg19-16x/5SE.pth" --content-layers head3_1
    --style-layers "head1_1,head2_1,head3_1,head4_1,head5_1")
compact=(--model compact)
random=(--model random)

paint() { # NAME PHOTO STYLE OPTIONS…
    "$build/cli/danqing" paint "$2" "$3" --size "$size" --quiet --output "$folder/$1.png" "${@:4}"
}

cells=()
row=0
for photo in "${photos[@]}"; do
    for style in "${styles[@]}"; do
        paint "$row-vgg" "$photo" "$style" "${vgg[@]}"
        paint "$row-16x" "$photo" "$style" "${encoder[@]}"
        paint "$row-compact" "$photo" "$style" "${compact[@]}"
        paint "$row-random" "$photo" "$style" "${random[@]}"
        cells+=("$photo" "$style")
        for network in vgg 16x compact random; do cells+=("$folder/$row-$network.png"); done
        row=$((row + 1))
        echo "$row of $((${#photos[@]} * ${#styles[@]}))" >&2
    done
done
montage "${cells[@]}" -tile 6x -geometry "${size}x${size}+4+4" "$out"
echo "columns: photo, painting, VGG-19 to relu3_1, 16× encoder, compact, random: $out"
