#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/house/install.sh SOURCE BUILD PREFIX LIBDIR: installs into a temporary root and uses danqing as a stranger would: every
# file lands, pkg-config finds the library and asks for nothing else, each example program compiles, links and runs with it.
set -euo pipefail
source=$1 build=$2 prefix=$3 libdir=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
cc=${CC:-cc}

fail() {
    echo "$*"
    exit 1
}

DESTDIR=$root meson install -C "$build" --no-rebuild >"$work/log" 2>&1 || { cat "$work/log"; fail "meson install failed"; }

# ---- what must land ----
for file in "$prefix/include/danqing.h" "$prefix/bin/danqing" "$libdir/libdanqing.so" "$libdir/libdanqing.so.0" \
    "$libdir/pkgconfig/danqing.pc" "$prefix/share/man/man1/danqing.1" \
    "$prefix/share/bash-completion/completions/danqing" "$prefix/share/zsh/site-functions/_danqing" \
    "$prefix/share/fish/vendor_completions.d/danqing.fish"; do
    [ -s "$root$file" ] || fail "not installed: $file"
done
headers=$(find "$root" -name '*.h')
[ "$headers" = "$root$prefix/include/danqing.h" ] || fail "other headers than danqing.h: $headers"
if grep -rlF -e "$source/" -e "$build/" -e "$work" "$root"; then fail "the files above name the folder they were built in"; fi

# ---- the command, where it was installed to ----
export LD_LIBRARY_PATH=$root$libdir
"$root$prefix/bin/danqing" --version | grep -q '^danqing [0-9]' || fail "the installed command does not tell its version"

# ---- a stranger's program ----
export PKG_CONFIG_PATH=$root$libdir/pkgconfig
query() { pkg-config --define-variable=prefix="$root$prefix" "$@" danqing; }
header=$("$root$prefix/bin/danqing" --version | sed -n '1s/^danqing \([0-9.]*\).*/\1/p')
[ "$(query --modversion)" = "$header" ] || fail "danqing.pc and the command disagree on the version"
libs=$(query --libs-only-l)
[ "${libs% }" = "-ldanqing" ] || fail "pkg-config asks strangers for more than -ldanqing: $libs"

samples=$source/examples/samples
count=0
for program in "$source"/examples/*.c; do
    [ -f "$program" ] || fail "no example program"
    name=$(basename "$program" .c)
    # shellcheck disable=SC2046 # lists of words
    "$cc" -std=c17 -Wall -Wextra -Werror "$program" $(query --cflags --libs) -o "$work/$name" || fail "$name does not build"
    (cd "$work" && "./$name" "$samples/portrait1.png" "$samples/night.png" "$name.png") || fail "$name does not run"
    [ -s "$work/$name.png" ] || fail "$name wrote no picture"
    lines=$(wc -l <"$program")
    [ "$lines" -le 60 ] || fail "$name has $lines lines; an example has at most 60"
    count=$((count + 1))
done
echo "$count example programs built and run"
