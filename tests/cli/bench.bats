#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing bench: what it prints and when it refuses. No test says how fast a machine must be.
load common

bench() { "$DANQING" bench --rounds 2 "$@"; }

@test "--json: one object, every figure positive, every layer both ways" {
    bench --model random --size 48 --threads 1 --json >figures
    json_check figures "d['model'] == 'random' and d['weights'] == 'random' and d['isa'] in ('c', 'neon', 'avx2', 'avx512')"
    json_check figures "(d['size'], d['threads'], d['rounds']) == (48, 1, 2)"
    json_check figures "all(d[key] > 0 for key in ('seconds_per_iteration', 'processor_seconds_per_iteration', \
        'peak_rss_bytes', 'peak_gflops', 'gflops', 'share'))"
    json_check figures "[(r['name'], r['direction']) for r in d['layers'][:4]] == [('conv1_1', 'forward'), \
        ('conv1_1', 'backward'), ('conv1_2', 'forward'), ('conv1_2', 'backward')] and len(d['layers']) == 18"
    json_check figures "[r['name'] for r in d['grams']] == ['relu%d_1' % k for k in range(1, 6)]"
    json_check figures "all(r[key] > 0 for r in d['layers'] + d['grams'] for key in ('seconds', 'gflops', 'share'))"
    json_check figures "all(abs(r['share'] * d['peak_gflops'] / r['gflops'] - 1) < 1e-3 for r in d['layers'] + d['grams'])"
}

@test "a size at which maps are one pixel, odd sizes, the plain kernels" {
    for size in 16 33; do
        DANQING_CPU=c bench --model random --size $size --json >figures
        json_check figures "d['isa'] == 'c' and d['size'] == $size and all(r['seconds'] > 0 for r in d['layers'])"
    done
}

@test "the table fits 100 columns and says what it measured" {
    bench --model random --size 32 --threads 2 >table
    LC_ALL=C.UTF-8 refute grep -E '^.{101}' table
    grep -qF 'random (seeded random weights), 32 × 32, 2 threads, kernels ' table
    [ "$(grep -cE '^conv[1-5]_[12] +(forward|backward) +[0-9.]+ +[0-9.]+ +[0-9]+ %( +#+)?$' table)" -eq 18 ]
    [ "$(grep -cE '^relu[1-5]_1 +Gram +[0-9.]+ +[0-9.]+ +[0-9]+ %( +#+)?$' table)" -eq 5 ]
    grep -qE ' {2}#{40}$' table   # the fastest fills its bar
    [ "$(grep -cE '#{41}' table)" -eq 0 ]
}

@test "VGG-19 by random weights where it is not installed, by its file where it is" {
    bench --model vgg19 --size 16 --rounds 1 --json >figures
    json_check figures "d['model'] == 'vgg19' and d['weights'] == 'random' and len(d['layers']) == 26"
    mkdir -p data/danqing/models
    "$DANQING" model import random -q -o data/danqing/models/vgg19.safetensors
    bench --model vgg19 --size 16 --json >figures
    json_check figures "d['weights'] == 'file' and len(d['layers']) == 18"
}

@test "refusals" {
    for size in 5 large 99999; do
        run --separate-stderr bench --size $size
        expect 2 ""
        [[ $stderr == "danqing: option size takes a whole number from 16 to 32768"* ]]
    done
    for rounds in 0 101 -1 two; do
        run --separate-stderr "$DANQING" bench --rounds $rounds
        expect 2 ""
        [[ $stderr == "danqing: --rounds takes a whole number from 1 to 100"* ]]
    done
    run --separate-stderr bench --model nowhere
    expect 4 ""
    [[ $stderr == "danqing: "*nowhere* ]]
    run --separate-stderr bench photo.png
    expect 2 ""
    run --separate-stderr bench --style-weight 3
    expect 2 ""
    run --separate-stderr bash -c "'$DANQING' bench --model random --size 16 --rounds 1 >/dev/full"
    expect 6
}

@test "progress as events; a signal stops it" {
    run --separate-stderr bench --model random --size 16 --progress json --json
    expect 0
    printf '%s\n' "$stderr" | tail -1 >last
    json_check last "(d['event'], d['verb']) == ('working', 'bench') and 0.9 < d['done'] < 1.01"
    "$DANQING" bench --model random --size 256 --rounds 100 --progress json >out 2>events 3>&- &
    local job=$! code=0
    for ((i = 0; i < 600; i++)); do [ ! -s events ] || break; sleep 0.05; done
    kill -TERM $job
    wait $job || code=$?
    [ "$code" -eq 143 ]
    [ ! -s out ]
}
