#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/check-symbols.sh LIB.so LIB.a danqing.h: the shared library exports exactly the functions that danqing.h declares
# (dq_[a-z]…, at most 40 of them), and no global of the internal archive lacks one of the prefixes dq_, dq__ and dqk_.
set -eu
shared=$1 archive=$2 header=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# What is exported; the version node of the map file is an absolute symbol (A).
nm -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/exported"
if grep -v '^dq_[a-z][a-z0-9_]*$' "$work/exported"; then
    echo "the names above are exported by the shared library and are not dq_[a-z]..."
    bad=1
fi

# What is declared: the name before the parenthesis after DQ_API.
sed -n 's/^DQ_API [^(]*[ *]\(dq_[a-z0-9_]*\)(.*/\1/p' "$header" | sort -u >"$work/declared"
if ! cmp -s "$work/declared" "$work/exported"; then
    comm -23 "$work/declared" "$work/exported" | sed 's/^/declared in danqing.h but not exported: /'
    comm -13 "$work/declared" "$work/exported" | sed 's/^/exported but not declared in danqing.h: /'
    bad=1
fi
count=$(wc -l <"$work/exported")
if [ "$count" -lt 1 ] || [ "$count" -gt 40 ]; then
    echo "$count functions are exported; 1 to 40 are wanted"
    bad=1
fi

nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u >"$work/globals"
if grep -Ev '^(dq_|dqk_)' "$work/globals"; then
    echo "the globals above are in the internal archive without a prefix dq_, dq__ or dqk_: make them static or rename them"
    bad=1
fi
if [ ! -s "$work/globals" ]; then
    echo "the internal archive has no globals"
    bad=1
fi
exit $bad
