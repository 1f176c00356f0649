#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/check-architecture.sh [ROOT]: docs/ARCHITECTURE.md has a line for every file of src, cli, studio, include and examples,
# but for meson.build, and names no file that is not there. A line is a row of the table below the heading of the file's folder
# (### `src/base/`), with the file in backticks in its first cell.
set -eu
root=${1:-$(dirname "$0")/..}
cd "$root"
page=docs/ARCHITECTURE.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What git knows or would take, or else everything.
list_files() {
    git ls-files --cached --others --exclude-standard src cli studio include examples 2>/dev/null ||
        find src cli studio include examples -type f
}
list_files | grep -v '/meson\.build$' | while read -r file; do
    if [ -e "$file" ]; then echo "$file"; fi
done | sort -u >"$work/there"

awk '
/^##/ { folder = "" }
/^### `.*\/`$/ { folder = $2; gsub(/`/, "", folder) }
folder && /^\|/ {
    split($0, cell, "|")
    count = split(cell[2], part, "`")
    for (i = 2; i < count; i += 2) print folder part[i]
}' "$page" | sort >"$work/told"

comm -23 "$work/there" "$work/told" | sed "s|\$|: has no line in $page|" >"$work/wrong"
comm -13 "$work/there" "$work/told" | sed "s|^|$page names a file that is not there, or twice: |" >>"$work/wrong"
cat "$work/wrong"
[ -s "$work/there" ] && [ ! -s "$work/wrong" ]
