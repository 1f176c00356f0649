#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/house/checks-fail.sh ROOT: breaks a copy of the tree in one way after another and wants the check that is for it to
# fail and to name the place; a check that lets one through is itself broken. The untouched copy must pass.
set -uo pipefail
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/tree
failures=0

fresh() {
    rm -rf "$copy"
    mkdir "$copy"
    cp -r "$root"/{include,src,scripts} "$copy"
    mkdir "$copy/cli"
    printf '/* SPDX-License-Identifier: MIT\n * a command */\n#include "danqing.h"\n' >"$copy/cli/main.c"
}

# expect_failure WHAT WORDS COMMAND...: the command must fail and say WORDS.
expect_failure() {
    local what=$1 words=$2
    shift 2
    if "$@" >"$work/out" 2>&1; then
        echo "not noticed: $what"
        failures=$((failures + 1))
    elif ! grep -q -- "$words" "$work/out"; then
        echo "noticed, but not named ('$words'): $what"
        cat "$work/out"
        failures=$((failures + 1))
    fi
}

expect_success() {
    if ! "$@" >"$work/out" 2>&1; then
        echo "complains about an unbroken tree: $*"
        cat "$work/out"
        failures=$((failures + 1))
    fi
}

# ---- includes: append one line to one file ----
check_include() { # FILE LINE WORDS
    fresh
    printf '%s\n' "$2" >>"$copy/$1"
    expect_failure "$1 with $2" "$1" "$copy/scripts/check-includes.sh" "$copy"
}
fresh
expect_success "$copy/scripts/check-includes.sh" "$copy"
check_include src/base/mem.c '#include "net/layers.h"'
check_include src/net/layers.c '#include "model/model.h"'
check_include src/model/store.c '#include "image/image.h"'
check_include src/image/image.h '#include "net/layers.h"'
check_include src/paint/job.h '#include "api/context.h"'
check_include src/base/mem.c '#include "../net/layers.h"'
check_include src/base/mem.c '#include "base/absent.h"'
check_include src/base/mem.c '#  include <danqing.h>'
check_include cli/main.c '#include "base/mem.h"'
check_include cli/main.c '#include "absent.h"'
fresh
mkdir "$copy/src/extra"
echo '/* new */' >"$copy/src/extra/x.c"
expect_failure "a folder without a rule" src/extra "$copy/scripts/check-includes.sh" "$copy"

# ---- style: append one line to a C file, or spoil its head ----
small() {
    rm -rf "$copy"
    mkdir -p "$copy/src"
    cp -r "$root/scripts" "$copy"
    cp -r "$root/src/base" "$copy/src"
}
check_style() { # WHAT WORDS TEXT
    small
    printf '%b' "$3" >>"$copy/src/base/mem.c"
    expect_failure "$1" "src/base/mem.c.*$2" "$copy/scripts/check-style.sh" "$copy"
}
small
expect_success "$copy/scripts/check-style.sh" "$copy"
check_style "a tab" tab '\tint x;\n'
check_style "a trailing blank" blank 'int x; \n'
check_style "a carriage return" carriage 'int x;\r\n'
check_style "no final newline" newline 'int x;'
check_style "a long line" 130 "/* $(printf 'é%.0s' {1..128}) */\n"
check_style "a banned function" banned 'int f(void) { return atoi("1"); }\n'
check_style "another banned function" banned 'void f(char *s) { strcpy (s, ""); }\n'
check_style "a long function" function "int f(void) {\n$(printf '    g();\\n%.0s' {1..99})}\n"
check_style "a long file" 900 "$(printf '\\n%.0s' {1..900})"
check_style "somebody's home" machine 'const char *p = "/ho''me/me/x";\n'
check_style "this very folder" machine "/* $copy/x */\n"
small
printf '/* %s é */\nint sprint(void); /* like sprintf(x) */\nconst char *s = "gets(x)";\n' \
    "$(printf 'é%.0s' {1..120})" >>"$copy/src/base/mem.c"
expect_success "$copy/scripts/check-style.sh" "$copy"
small
sed -i 's/SPDX-License-Identifier: MIT//' "$copy/src/base/mem.c"
expect_failure "no licence line" src/base/mem.c:1 "$copy/scripts/check-style.sh" "$copy"
small
sed -i '2d' "$copy/src/base/mem.c"
sed -i '1s|$| */|;2s|.*||' "$copy/src/base/mem.c"
expect_failure "no word on what the file owns" src/base/mem.c:2 "$copy/scripts/check-style.sh" "$copy"

# ---- headers ----
check_header() { # WHAT FILE TEXT
    fresh
    sed -i "s|^#define DANQING_H\$|&\n$3|" "$copy/include/danqing.h"
    expect_failure "$1" danqing.h "$copy/scripts/check-headers.sh" "$copy"
}
fresh
expect_success "$copy/scripts/check-headers.sh" "$copy"
check_header "a C++ keyword" include/danqing.h 'int dq_x(int class);'
check_header "a C17 feature" include/danqing.h '_Static_assert(1, "");'
check_header "an unknown type" include/danqing.h 'bool dq_x(void);'
fresh
sed -i '/^#ifndef DQ_BASE_MEM_H/,/^#define/d; /^#endif/d; /^#include <stdbool.h>/d' "$copy/src/base/mem.h"
expect_failure "an internal header that needs another" base/mem.h "$copy/scripts/check-headers.sh" "$copy"

# ---- architecture: a file comes, goes, or lies elsewhere ----
house() {
    rm -rf "$copy"
    mkdir "$copy"
    cp -r "$root"/{include,src,cli,studio,examples,scripts,docs} "$copy"
}
check_architecture() { expect_failure "$1" "$2" "$copy/scripts/check-architecture.sh" "$copy"; }
house
expect_success "$copy/scripts/check-architecture.sh" "$copy"
touch "$copy/src/base/new.c"
check_architecture "a file without a line" '^src/base/new.c'
rm "$copy/src/base/new.c" "$copy/src/base/rng.h"
check_architecture "a line without a file" 'src/base/rng.h'
house
mv "$copy/src/loss/tv.c" "$copy/src/paint/tv.c"
check_architecture "a file in another folder" '^src/paint/tv.c'

# ---- symbols: a library of two files ----
check_symbols() { # WHAT WORDS INTERNAL-SOURCE HEADER
    rm -rf "$copy"
    mkdir "$copy"
    printf '%s\n' "$3" >"$copy/a.c"
    printf '%s\n' "$4" >"$copy/danqing.h"
    (cd "$copy" && "${CC:-cc}" -fPIC -c a.c && ar rcs a.a a.o && "${CC:-cc}" -shared -o a.so a.o) || exit 1
    expect_failure "$1" "$2" "$root/scripts/check-symbols.sh" "$copy/a.so" "$copy/a.a" "$copy/danqing.h"
}
good='int dq_a(void); int dq_a(void) { return 0; }'
header='DQ_API int dq_a(void);'
hidden='__attribute__((visibility("hidden")))'
check_symbols "an exported internal name" dq__b "$good int dq__b; " "$header"
check_symbols "an exported stranger" other "$good int other;" "$header"
check_symbols "a hidden global without prefix" other "$good $hidden int other;" "$header"
check_symbols "declared, not exported" dq_b "$good" "$header
DQ_API const char *dq_b(int x,"
check_symbols "exported, not declared" dq_c "$good int dq_c;" "$header"
check_symbols "nothing exported" 'functions are exported' "$hidden int dq_a;" ""
many=$(printf 'int dq_f%d;' {1..41})
check_symbols "too many functions" '41 functions' "$many" "$(printf 'DQ_API int dq_f%d(void);\n' {1..41})"
printf '%s\n' "$good $hidden int dqk_x, dq__y;" >"$copy/a.c"
printf '%s\n' "$header" >"$copy/danqing.h"
(cd "$copy" && "${CC:-cc}" -fPIC -c a.c && rm a.a && ar rcs a.a a.o && "${CC:-cc}" -shared -o a.so a.o) || exit 1
expect_success "$root/scripts/check-symbols.sh" "$copy/a.so" "$copy/a.a" "$copy/danqing.h"

[ "$failures" -eq 0 ]
