#!/bin/sh
# SPDX-License-Identifier: MIT
# remake.sh MAKE-SAMPLES: makes the sample pictures anew in this folder. The styles are then reduced to 256 colours, which
# the eye does not see in such texture and which halves the files (needs ImageMagick).
set -eu
command -v convert >/dev/null || { echo "remake.sh: needs ImageMagick (convert)" >&2; exit 1; }
make=$1
folder=$(cd "$(dirname "$0")" && pwd)
"$make" "$folder"
for name in night inkwash woodcut mosaic pencil; do
    convert "$folder/$name.png" -strip +dither -colors 256 -define png:compression-level=9 "PNG8:$folder/$name.png"
done
