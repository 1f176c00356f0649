#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What is seen on a terminal (made by script(1)): the bar, NO_COLOR, TERM=dumb, and that pictures do not go there.
load common

# terminal [VARIABLE=VALUE…] -- ARGUMENT…: the command on a terminal of 100 columns.
terminal() {
    local variables=()
    script -qec true screen >log 2>&1 || skip "script(1) finds no terminal here"
    while [ "$1" != -- ]; do variables+=("$1") && shift; done
    shift
    env TERM=xterm "${variables[@]}" \
        script -qec "stty cols 100; '$DANQING' paint --model random --size 48 -n 4 --min-size 0 $*" screen
}

@test "a bar with scale, step, J and time left, cleared at the end" {
    terminal -- photo.png painting.png -o out.png >log
    grep -q $'\r\[\033\[32m' screen
    grep -qE 'scale 1/1  step 1/4  J [0-9.]+  [0-9?:]+ left' screen
    grep -q $'\r\033\[Kwrote out.png' screen
}

@test "NO_COLOR: no colour; TERM=dumb, --quiet, --progress none: no bar" {
    terminal NO_COLOR=1 -- photo.png painting.png -o out.png >log
    grep -q 'step 1/4' screen
    refute grep -q $'\033\[32m' screen
    terminal NO_COLOR= -- photo.png painting.png -o out.png >log
    grep -q $'\033\[32m' screen
    for quiet in "TERM=dumb -- " "-- -q" "-- --progress none"; do
        # shellcheck disable=SC2086
        terminal $quiet photo.png painting.png -o out.png >log
        refute grep -q 'step 1/4' screen
    done
}

@test "no picture is sent to a terminal unless forced" {
    terminal -- photo.png painting.png -o - >log || code=$?
    [ "$code" -eq 2 ]
    grep -q "danqing: standard output is a terminal; redirect it, name a file, or give --force" screen
    terminal -- photo.png painting.png -o - -f >log
    grep -q IHDR screen
}
