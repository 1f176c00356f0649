#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/arm/run.sh ROOT FLAG...: the parts that painting stands on, with the NEON kernels, compiled for 64-bit Arm with the
# project's warnings as errors, and their unit tests run under emulation. Skipped, with a word, where the cross compiler or
# the emulator is missing; CROSS and QEMU name others. What speed these kernels have, nothing here can tell.
set -euo pipefail
cross=${CROSS:-aarch64-linux-gnu-gcc}
qemu=${QEMU:-qemu-aarch64}
skip() {
    echo "skipped: $1 (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)"
    exit 77
}
for tool in "$cross" "$qemu"; do
    command -v "$tool" >/dev/null || skip "no $tool here"
done
cd "$1"
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' >"$work/empty.c"
"$cross" -static -o "$work/empty" "$work/empty.c" || skip "$cross has no C library"

flags=("$@" -std=c17 -Wall -Wextra -Wpedantic -Werror -DDQ_KERNELS_ARM=1 -ffunction-sections -Iinclude -Isrc -c)
kernel_flags=(-O3 -ffp-contract=fast -fno-schedule-insns) # as in src/kernels/meson.build
tests=(winograd net kernels outer loss optim) # the slowest first

# Arguments of the compiler, one object a line. Left out are number.c and wire_mpi.c: they want GLib and MPI. The tiles
# for AVX-512 in vectors of 4 take the compiler long at -O2.
list() {
    local file
    for file in src/{base,kernels,net,loss,optim}/*.c src/image/image.c tests/ref/reference.c; do
        case $file in
        src/base/number.c | src/base/wire_mpi.c) ;;
        *) echo "-O2 $file -o $work/lib-${file//\//-}.o" ;;
        esac
    done
    for file in tests/unit/wide/*.c; do echo "-O1 $file -o $work/lib-${file//\//-}.o"; done
    for file in src/kernels/arm/*.c; do echo "${kernel_flags[*]} $file -o $work/lib-${file//\//-}.o"; done
    for file in "${tests[@]}"; do echo "-O2 -Itests/arm tests/unit/test_$file.c -o $work/test_$file.o"; done
}

list | xargs -P "$(nproc)" -L 1 "$cross" "${flags[@]}"
"${cross%gcc}ar" rcs "$work/lib.a" "$work"/lib-*.o
for name in "${tests[@]}"; do
    "$cross" -static -Wl,--gc-sections -o "$work/$name" "$work/test_$name.o" "$work/lib.a" -lm -lpthread
done

# As many at a time as there are cores, their words kept apart. What is left out tests the reference alone, and slowly.
export DANQING_TEST_FEW=1 LEAVE_TEST=reference_gradient_is_the_slope QEMU=$qemu WORK=$work
# shellcheck disable=SC2317 # reached through xargs
emulate() { "$QEMU" "$WORK/$1" >"$WORK/$1.log" 2>&1 || : >"$WORK/$1.failed"; }
export -f emulate
printf '%s\n' "${tests[@]}" | xargs -P "$(nproc)" -I NAME bash -c 'emulate NAME'

status=0
for name in "${tests[@]}"; do
    echo "---- $name"
    cat "$work/$name.log"
    if [ -e "$work/$name.failed" ]; then status=1; fi
done

# The best set is NEON; a mask may lower it, but not to a set of another kind of processor.
for pair in neon:neon avx2:neon c:c; do
    told=$(DANQING_CPU=${pair%:*} ONLY_TEST=the_best_isa_was_tested "$qemu" "$work/kernels" | head -n 1)
    echo "DANQING_CPU=${pair%:*}: $told"
    if [ "$told" != "best instruction set here: ${pair#*:}" ]; then status=1; fi
done
exit $status
