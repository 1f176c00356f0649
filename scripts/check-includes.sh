#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/check-includes.sh [ROOT]: holds the one arrow of includes. A folder of src/ may include itself and those that its
# line below names; cli, studio and examples may include danqing.h and what lies beside them, nothing of src/.
set -eu
root=${1:-$(dirname "$0")/..}
cd "$root"

# shellcheck disable=SC2016 # awk's variables, not the shell's
find src cli studio examples -name '*.[ch]' -o -name '*.def' 2>/dev/null | sort | xargs awk '
BEGIN {
    may["base"]    = "base"
    may["kernels"] = "base kernels"
    may["net"]     = "base kernels net"
    may["model"]   = "base kernels net model"
    may["loss"]    = "base kernels net loss"
    may["optim"]   = "base optim"
    may["image"]   = "base image"
    all            = "base kernels net model loss optim image"
    may["paint"]   = all " paint"
    may["train"]   = all " train"
    may["explain"] = all " explain"
    may["sketch"]  = all " paint train sketch"
    may["api"]     = all " paint train explain sketch api"
}
function wrong(why) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, why, $0
    bad = 1
}
function exists(path,   line, found) {
    found = (getline line < path) >= 0
    close(path)
    return found
}
FNR == 1 {
    count++
    parts = split(FILENAME, part, "/")
    inside = part[1] == "src"
    area = part[2]
    here = FILENAME
    sub(/\/[^\/]*$/, "", here)
    if (inside && !(area in may)) wrong("src/" area " has no line in scripts/check-includes.sh")
}
inside && /^[ \t]*#[ \t]*include[ \t]*<danqing/ { wrong("inside src write #include \"danqing.h\"") }
/^[ \t]*#[ \t]*include[ \t]*"/ {
    name = $0
    sub(/^[^"]*"/, "", name)
    sub(/".*/, "", name)
    if (name == "danqing.h") next
    if (part[1] == "cli" && name == "studio/studio.h") next
    if (index(name, "..")) { wrong("no way up in an include"); next }
    if (index(name, "/") == 0) {
        if (!exists(here "/" name)) wrong("not beside this file (inside src write the folder too)")
        next
    }
    if (!inside) { wrong("only danqing.h and files beside this one"); next }
    split(name, target, "/")
    if (index(" " may[area] " ", " " target[1] " ") == 0) wrong("src/" area " must not include src/" target[1])
    else if (!exists("src/" name)) wrong("no such file in src")
}
END {
    if (!count) { print "no source files found"; bad = 1 }
    exit bad
}'
