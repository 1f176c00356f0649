#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing info: the record of a picture, and that the command it prints paints the same picture again.
load common

# The command that info prints, with the real names put in.
again() {
    "$DANQING" info "$1" | sed -n "s/^again       danqing //p" |
        sed "s/PHOTO/photo.png/; s/PAINTING1/painting.png/; s/PAINTING2/third.png/; s/PAINTING/painting.png/; s/PICTURE/$2/"
}

@test "info tells what made a picture" {
    paint photo.png painting.png -q -o out.png --seed 7
    run --separate-stderr "$DANQING" info out.png
    expect 0
    [ "${lines[0]}" = "picture     48 × 35" ]
    [[ ${lines[1]} =~ ^"painted by  danqing "[0-9.]+", kernels " ]]
    [ "${lines[2]}" = "recipe      portrait" ]
    [ "${lines[3]}" = "network     random" ]
    [[ ${lines[4]} =~ ^"sha256      "[0-9a-f]{64}$ ]]
    [ "${lines[5]}" = "photo       60 × 44" ]
    [ "${lines[6]}" = "painting    50 × 50" ]
    [[ ${lines[7]} =~ ^"reached     scale 1 of 1, step 4 of 4, J " ]]
    [[ ${lines[8]} == "again       danqing paint --model random --size 48 --iterations 4 --seed 7 "* ]]
    [[ ${lines[8]} == *" PHOTO PAINTING -o PICTURE" ]]
}

@test "the command that info prints paints the same bytes, for every recipe" {
    "$PICTURE" third.png 40 60 2
    for recipe in portrait painting sketch quick classic neural-style deepart; do
        paint photo.png painting.png third.png --recipe $recipe --style-weights 2,1 --seed 3 --noise 0.1 -q -o out.png
        command=$(again out.png twice.png)
        # shellcheck disable=SC2086
        "$DANQING" $command -q
        cmp out.png twice.png
    done
}

@test "the record is the same in every format that carries it" {
    for ending in png jpg webp tif; do
        paint photo.png painting.png -q -n 1 -o "out.$ending"
        "$DANQING" info --json "out.$ending" >"$ending.json"
        cmp png.json "$ending.json"
    done
    json_check png.json "d['software'] == 'danqing' and d['options']['size'] == '48' and len(d['model']['sha256']) == 64"
    json_check png.json "d['styles'] == [{'width': 50, 'height': 50}] and d['reached']['iteration'] == 1"
}

@test "no folder gets into the record" {
    mkdir secret
    cp photo.png secret/init.png
    "$DANQING" model import random -q -o secret/net.safetensors
    printf 'size = 48\nmin-size = 0\niterations = 1\n' >secret/my.recipe
    "$DANQING" secret/init.png painting.png --init "$PWD/secret/init.png" --model "$PWD/secret/net.safetensors" \
        --recipe "$PWD/secret/my.recipe" -q -o out.png
    "$DANQING" info --json out.png >record
    refute grep -q secret record
    json_check record "d['options']['init'] == 'init.png' and d['options']['model'] == 'net.safetensors'"
    json_check record "d['recipe'] == 'my.recipe' and d['options']['size'] == '48'"
    "$DANQING" info out.png | grep -q -- 'danqing paint --model net.safetensors --size 48 --iterations 1 --init init.png'
}

@test "a picture that danqing did not paint" {
    run --separate-stderr "$DANQING" info photo.png
    expect 1 "" "danqing: photo.png has no record of how it was made"
    run --separate-stderr "$DANQING" info missing.png
    expect 3
}

@test "info reads standard input" {
    paint photo.png painting.png -q -o out.png
    "$DANQING" info - <out.png >a
    "$DANQING" info out.png | cmp - a
}
