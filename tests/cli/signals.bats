#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The first signal saves the picture so far, the second kills.
load common

# The log has three steps.
begun() { [ "$(wc -l 2>/dev/null <log.csv || echo 0)" -gt 3 ]; }

# stop SIGNAL: starts a long job, waits for its third step, sends the signal; leaves the exit code in $code.
stop() {
    env --default-signal=INT,TERM,HUP "$DANQING" paint --model random --size 48 -n 1000000 --min-size 0 photo.png painting.png \
        -o out.png --log log.csv 2>err &
    interrupt $! "$1" begun
}

@test "INT, TERM and HUP save the picture and exit with 128 + signal" {
    for pair in INT:130 TERM:143 HUP:129; do
        rm -f out.png log.csv
        stop "${pair%:*}"
        [ "$code" -eq "${pair#*:}" ]
        grep -qE '^stopped at scale 1 of 1, step [0-9]+ of 1000000; the picture so far is saved$' err
        grep -qE '^wrote out.png: 48 × 35, ' err
        "$DANQING" info out.png | grep -qE '^reached     scale 1 of 1, step [0-9]+ of 1000000, J '
    done
}

@test "a signal that was ignored from the start stays ignored" {
    (
        trap '' INT
        paint photo.png painting.png -q -n 40 -o out.png --log log.csv &
        job=$!
        until begun; do sleep 0.05; done
        kill -INT $job
        wait $job
    )
    [ "$(wc -l <log.csv)" -eq 41 ]
}

# The options of 400 steps.
long=(paint --model random --size 48 -n 400 --min-size 0 photo.png painting.png)

@test "a killed painting goes on from its checkpoint to the same bytes, and leaves none behind" {
    "$DANQING" "${long[@]}" -o whole.png -q
    "$DANQING" "${long[@]}" -o out.png -q --resume --checkpoint-every 1 --log log.csv &
    interrupt $! KILL begun
    [ "$code" -eq 137 ]
    [ ! -e out.png ]
    [ -s out.png.checkpoint ]
    run --separate-stderr "$DANQING" "${long[@]}" -o out.png --resume --style-weight 3
    expect 2
    [[ "$stderr" == *"out.png.checkpoint: the checkpoint is of another job"* ]]
    "$DANQING" "${long[@]}" -o out.png -q --resume
    cmp out.png whole.png
    refute test -e out.png.checkpoint
}

@test "a stopped painting says how to go on" {
    env --default-signal=INT "$DANQING" "${long[@]}" -n 1000000 -o out.png --resume --log log.csv 2>err &
    interrupt $! INT begun
    [ "$code" -eq 130 ]
    grep -qx 'the same command goes on from out.png.checkpoint' err
    [ -s out.png ]
}
