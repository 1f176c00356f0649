#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Several processes, started by mpirun on this machine: one picture painted by all of them, batches and sweeps shared, and what
# is left when one of them dies.
load common

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

# Skips where there is nothing to start ranks with.
need_mpi() {
    command -v mpirun >/dev/null || skip "there is no mpirun to start ranks with"
    [ -n "$DANQING_MPI" ] || skip "built without MPI"
}

# Large enough that two ranks share the windows.
large() { "$PICTURE" large.png 300 400 0; }
steps() { printf '%s\n' --threads 1 --size 400 --min-size 0 --optimizer adam; }

@test "two ranks paint one picture, to the bytes of one process" {
    need_mpi
    large
    mapfile -t options < <(steps)
    "$DANQING" paint large.png painting.png "${options[@]}" -n 3 --log one.csv -o one.png
    run --separate-stderr mpirun -n 2 "$DANQING" paint large.png painting.png "${options[@]}" -n 3 --log two.csv -v -o two.png
    expect 0 ""
    # shellcheck disable=SC2154 # bats sets it
    [[ "$stderr" == *"windows     1 × 2"* ]]
    [ "$(grep -c '^wrote two.png' <<<"$stderr")" = 1 ]
    cmp one.png two.png
    diff <(cut -d, -f1-5 one.csv) <(cut -d, -f1-5 two.csv)
}

@test "what is wrong is said once, by the first" {
    need_mpi
    run --separate-stderr mpirun -q -n 2 "$DANQING" paint missing.png painting.png -o two.png
    [ "$status" -eq 3 ]
    [ "$(grep -c '^danqing: ' <<<"$stderr")" = 1 ]
    [ ! -e two.png ]
}

@test "ranks share a batch and a sweep" {
    need_mpi
    "$PICTURE" second.png 50 40 2
    run --separate-stderr mpirun -n 2 "$DANQING" batch photo.png second.png -- painting.png --size 48 -n 2 --min-size 0 -o many
    expect 0 ""
    [ "$(grep -c '^wrote ' <<<"$stderr")" = 2 ]
    "$DANQING" batch photo.png second.png -- painting.png --size 48 -n 2 --min-size 0 -o one
    diff -r many one
    run --separate-stderr mpirun -n 2 "$DANQING" sweep photo.png painting.png --vary iterations=1,2,3 --size 48 \
        --min-size 0 -o swept
    expect 0 ""
    [ -s swept/iterations-1.png ] && [ -s swept/iterations-2.png ] && [ -s swept/iterations-3.png ]
    [ -s swept/sheet.png ]
    [ "$(wc -l <swept/sweep.csv)" = 4 ]
}

@test "a rank that dies ends the job with a line, and the same command goes on with another number of ranks" {
    need_mpi
    large
    mapfile -t options < <(steps)
    "$DANQING" paint large.png painting.png "${options[@]}" -n 14 -o one.png
    mpirun -q -n 2 "$DANQING" paint large.png painting.png "${options[@]}" -n 14 --resume --checkpoint-every 1 -o two.png 2>said &
    job=$!
    for _ in $(seq 400); do
        [ -e two.png.checkpoint ] && break
        sleep 0.05
    done
    kill -9 "$(pgrep -P "$job" | tail -n 1)"
    code=0
    wait "$job" || code=$?
    [ "$code" -ne 0 ]
    [ "$(grep -c '^danqing: the other ranks no longer answer' said)" = 1 ]
    [ -s two.png.checkpoint ]
    mpirun -n 3 "$DANQING" paint large.png painting.png "${options[@]}" -n 14 --resume -o two.png
    cmp one.png two.png
    [ ! -e two.png.checkpoint ]
}
