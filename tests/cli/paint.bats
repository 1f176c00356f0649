#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing paint: results, names of results, streams, logs, and that nothing is lost.
load common

@test "paints and says what was written" {
    run --separate-stderr paint photo.png painting.png -o out.png
    expect 0 ""
    [[ $stderr =~ ^"wrote out.png: 48 × 35, "[0-9.]+" s, J "[0-9.e+-]+$ ]]
    [ -s out.png ]
    [ "$(echo out*)" = out.png ]   # no temporary file is left
}

@test "the verb can be left out, options can stand anywhere" {
    run --separate-stderr "$DANQING" photo.png -n 2 painting.png --size=48 --model=random -q -o out.png --min-size 0
    expect 0 "" ""
    [ -s out.png ]
}

@test "without -o the name is NAME-painted.png beside the photo, and never overwrites" {
    mkdir album
    cp photo.png album/me.v2.png
    run --separate-stderr paint album/me.v2.png painting.png
    expect 0
    [ -s album/me.v2-painted.png ]
    cp album/me.v2-painted.png first
    run --separate-stderr paint album/me.v2.png painting.png --seed 1
    expect 0
    [ -s album/me.v2-painted-2.png ]
    cmp first album/me.v2-painted.png
    run --separate-stderr paint album/me.v2.png painting.png --force -n 1
    expect 0
    [ ! -e album/me.v2-painted-3.png ]
    refute cmp -s first album/me.v2-painted.png
}

@test "the same options give the same bytes with any number of threads" {
    paint photo.png painting.png -q --threads 1 -o a.png
    paint photo.png painting.png -q --threads 2 -o b.png
    paint photo.png painting.png -q --threads 2 -o c.png
    cmp a.png b.png
    cmp b.png c.png
}

@test "several paintings with weights" {
    "$PICTURE" third.png 40 60 2
    run --separate-stderr paint photo.png painting.png third.png --style-weights 2,1 -o out.png -q
    expect 0 "" ""
    run --separate-stderr paint photo.png painting.png third.png --style-weights 2,1,1 -o out.png -q
    expect 2 "" "danqing: style-weights has 3 numbers for 2 paintings"
}

@test "every format of a result, with quality and depth" {
    for ending in jpg jpeg webp tif tiff PNG; do
        run --separate-stderr paint photo.png painting.png -q -o "out.$ending" -n 1
        expect 0 "" ""
        [ -s "out.$ending" ]
    done
    run --separate-stderr paint photo.png painting.png -q -o low.jpg --quality 5 -n 1
    expect 0 "" ""
    [ "$(stat -c %s low.jpg)" -lt "$(stat -c %s out.jpg)" ]
    run --separate-stderr paint photo.png painting.png -q -o deep.png --depth 16 -n 1
    expect 0 "" ""
    [ "$(stat -c %s deep.png)" -gt "$(stat -c %s out.PNG)" ]
}

@test "standard input and standard output" {
    paint - painting.png -q -o - <photo.png >a.png
    paint photo.png painting.png -q -o b.png
    cmp a.png b.png
    paint photo.png - -q -o - --format jpeg <painting.png >c.jpg
    [ "$(head -c 3 c.jpg | od -An -tx1)" = " ff d8 ff" ]
    paint - painting.png -q <photo.png
    [ -s picture-painted.png ]
    run --separate-stderr paint - - -o out.png
    expect 2 "" "danqing: only one picture can come from standard input"
    run --separate-stderr paint photo.png painting.png -o out.png --format jpeg
    expect 2 "" "danqing: --format is for -o -; a file's ending tells its format"
}

@test "the log has a row for every step" {
    paint photo.png painting.png -q -o out.png --log log.csv
    [ "$(head -1 log.csv)" = "iteration,scale,J,J_content,J_style,seconds" ]
    [ "$(wc -l <log.csv)" -eq 5 ]
    [ "$(tail -n +2 log.csv | cut -d, -f1 | tr '\n' ' ')" = "1 2 3 4 " ]
    tail -n +2 log.csv >rows
    refute grep -vE '^[0-9]+,[0-9]+(,[0-9.e+-]+){4}$' rows
    run --separate-stderr paint photo.png painting.png -q -o out.png --log -
    expect 0
    [ "${#lines[@]}" -eq 5 ]
}

@test "--progress json: every line of standard error is an object" {
    run --separate-stderr paint photo.png painting.png -o out.png --progress json
    expect 0 ""
    printf '%s\n' "$stderr" | python3 -c "
import json, sys
events = [json.loads(line) for line in sys.stdin]
assert [e['event'] for e in events] == ['start'] + 4 * ['step'] + ['written'], events
assert events[0]['iterations'] == 4 and events[0]['width'] == 48
assert [e['iteration'] for e in events[1:5]] == [1, 2, 3, 4]
assert events[4]['done'] == 1 and events[4]['J'] > 0
assert events[5]['file'] == 'out.png' and events[5]['stopped'] is False"
    run --separate-stderr paint missing.png painting.png -o out.png --progress json
    expect 3 ""
    printf '%s\n' "$stderr" | json_check - "d['event'] == 'error' and d['code'] == 3"
}

@test "--save-every writes pictures on the way" {
    paint photo.png painting.png -q -o out.png --save-every 2
    [ "$(echo out*)" = "out-000002.png out-000004.png out.png" ]
    cmp out-000004.png out.png
    paint photo.png painting.png -q -o scales.png --size 64 --min-size 32 --initial-iterations 3 --save-every 5
    [ -s scales-000005.png ]   # counted over all scales
    run --separate-stderr paint photo.png painting.png -o - --save-every 2
    expect 2 "" "danqing: --save-every needs -o FILE, not standard output"
}

@test "--dry-run tells the plan and writes nothing" {
    run --separate-stderr paint photo.png painting.png --dry-run
    expect 0
    [[ $output == *"picture     48 × 35, to photo-painted.png"*"scales      1"*"iterations  4"*"memory "*"MB"* ]]
    [ ! -e photo-painted.png ]
}

@test "a recipe of one's own, and explicit options before it" {
    printf '# mine\nsize = 40\niterations = 2\nmin-size = 0\n' >my.recipe
    "$DANQING" photo.png painting.png --iterations 3 --recipe my.recipe --model random -q -o out.png --log log.csv
    [ "$(wc -l <log.csv)" -eq 4 ]
    "$DANQING" info out.png | grep -q '^picture     40 × 29$'
    printf 'sise = 40\n' >my.recipe
    run --separate-stderr "$DANQING" photo.png painting.png --recipe ./my.recipe -o out.png
    expect 2 "" "danqing: recipe ./my.recipe, line 1: there is no option 'sise'; did you mean 'size'?"
}

@test "every recipe paints" {
    for recipe in portrait painting quick classic neural-style; do
        run --separate-stderr "$DANQING" photo.png painting.png --recipe $recipe -n 3 --size 48 --model random -q \
            -o by-$recipe.png
        expect 0 "" ""
        [ -s by-$recipe.png ]
    done
    refute cmp -s by-classic.png by-neural-style.png
}

@test "--init takes a picture" {
    run --separate-stderr paint photo.png painting.png --init painting.png -n 0 -q -o out.png
    expect 0 "" ""
    run --separate-stderr paint photo.png painting.png --init nowhere.png -q -o out.png
    expect 3
}

@test "alpha of the photo is kept" {
    "$PICTURE" clear.png 60 44 0 alpha
    paint clear.png painting.png -q -o out.png
    [ "$(od -An -tu1 -j25 -N1 out.png)" -eq 6 ]   # PNG colour type: RGB with alpha
}

@test "notices are shown, --quiet hides them" {
    run --separate-stderr paint photo.png painting.png -o out.png --style-layers 'relu1_1,relu9_1?'
    expect 0
    [[ $stderr == *relu9_1* ]]
    run --separate-stderr paint photo.png painting.png -o out.png --style-layers 'relu1_1,relu9_1?' -q
    expect 0 "" ""
}

@test "--verbose tells plan and memory" {
    run --separate-stderr paint photo.png painting.png -o out.png -v
    expect 0 ""
    [[ $stderr == *"network     random"*"wrote out.png"*"peak memory "* ]]
}

@test "a rate that is far too high does not end the work" {
    run --separate-stderr "$DANQING" paint photo.png painting.png --model random --size 48 --min-size 0 -n 50 \
        --learning-rate 1e6 --clamp off --average 0 -o out.png
    expect 0 ""
    [ -s out.png ]
}

@test "a cost that is no number any more ends the work, and the picture so far is kept" {
    # the photo costs nothing, so its gradient is 0, and Adam divides it by 0, however short its steps
    run --separate-stderr "$DANQING" paint photo.png painting.png --model random --size 48 --min-size 0 -n 50 \
        --init content --optimizer adam --epsilon 0 --style-weight 0 --tv-weight 0 --average 0 -o out.png
    [ "$status" -eq 1 ]
    [[ $stderr == *finite* ]]
    [[ $stderr != *"out of memory"* ]]
    [ -s out.png ]
}
