#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/check-headers.sh [ROOT]: danqing.h compiles alone, twice over, as C99, C17 and C++17 without a warning, and each
# header of src/ compiles alone, but for the templates and intrinsics of one instruction set in src/kernels/*/. CC and CXX
# name the compilers.
set -eu
root=${1:-$(dirname "$0")/..}
cd "$root"
cc=${CC:-cc} cxx=${CXX:-c++}
strict="-Wall -Wextra -Wpedantic -pedantic-errors -Werror -Wundef -Wshadow -fsyntax-only"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

printf '#include "danqing.h"\n#include "danqing.h"\nint main(void) { return dq_version() == 0; }\n' >"$work/alone.c"
cp "$work/alone.c" "$work/alone.cpp"
for standard in c99 c17; do
    # shellcheck disable=SC2086 # lists of words
    $cc -std=$standard $strict -Wstrict-prototypes -Iinclude "$work/alone.c" || bad=1
done
# shellcheck disable=SC2086
$cxx -std=c++17 $strict -Iinclude "$work/alone.cpp" || bad=1

outside=$(pkg-config --cflags vips glib-2.0 jansson)
find src -name '*.h' -not -path 'src/kernels/*/*' | sort >"$work/headers"
while read -r header; do
    printf '#include "%s"\ntypedef int nothing;\n' "${header#src/}" >"$work/one.c"
    # shellcheck disable=SC2086
    if ! $cc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Iinclude -Isrc $outside "$work/one.c"; then
        echo "$header does not compile alone"
        bad=1
    fi
done <"$work/headers"
[ -s "$work/headers" ] || bad=1
exit $bad
