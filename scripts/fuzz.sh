#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/fuzz.sh [SECONDS [TARGET…]]: builds the fuzz targets with clang and its sanitizers in build-fuzz and runs each for
# SECONDS (60). New inputs go to build-fuzz/corpus/TARGET; what crashes to build-fuzz/crashes, for a test in tests/fuzz/corpus.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- safetensors pth caffemodel h5 mat squeezenet tfjs options xmp kernel cascade checkpoint training

if [ ! -f build-fuzz/build.ninja ]; then
    CC=${CC:-clang-14} meson setup build-fuzz -Dfuzzers=true -Dbench=disabled -Dcli=false -Dbuildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined'
fi
mkdir -p build-fuzz/crashes
for target; do
    ninja -C build-fuzz "tests/fuzz/fuzz_$target"
    mkdir -p "build-fuzz/corpus/$target"
    "build-fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -max_len=50000 \
        -artifact_prefix="build-fuzz/crashes/$target-" "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target"
done
