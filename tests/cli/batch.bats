#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing batch: every photo after every painting; names, going on, bad files.
load common

# A batch of small pictures with random weights.
batch() { "$DANQING" batch --model random --size 48 --min-size 0 -n 2 "$@"; }

@test "every photo after every painting, named PHOTO-STYLE.png, as paint makes them" {
    "$PICTURE" me.jpg 50 60 2
    "$PICTURE" wave.v2.jpg 60 50 3
    run --separate-stderr batch photo.png me.jpg -- painting.png wave.v2.jpg -o out
    expect 0 ""
    [ "$(ls out | tr '\n' ' ')" = "me-painting.png me-wave.v2.png photo-painting.png photo-wave.v2.png " ]
    paint me.jpg wave.v2.jpg -n 2 -q -o one.png
    "$DANQING" info out/me-wave.v2.png | grep -v '^again' >of-batch
    "$DANQING" info one.png | grep -v '^again' | diff of-batch -
    "$DANQING" info --json out/me-painting.png | json_check - "len(d['job']) == 16"
}

@test "folders: their pictures in order, other files left alone" {
    mkdir photos styles
    cp photo.png photos/b.png
    cp photo.png photos/a.PNG
    echo text >photos/notes.txt
    cp photo.png photos/.hidden.png
    cp painting.png styles/s.png
    run --separate-stderr batch --photos photos --styles styles -o out
    expect 0 ""
    [[ $stderr == *"wrote out/a-s.png: picture 1 of 2"*"wrote out/b-s.png: picture 2 of 2"* ]]
    [ "$(ls out | tr '\n' ' ')" = "a-s.png b-s.png " ]
    # a file and a folder together
    batch photo.png --styles styles -q -o out
    [ -s out/photo-s.png ]
}

@test "names never clash" {
    mkdir one two
    cp photo.png one/x.png
    "$PICTURE" two/x.png 60 44 3
    run --separate-stderr batch one/x.png two/x.png -- painting.png -o out
    expect 0 ""
    [ "$(ls out | tr '\n' ' ')" = "x-painting-2.png x-painting.png " ]
    refute cmp -s out/x-painting.png out/x-painting-2.png
    cp photo.png a.png
    cp photo.png a-b.png
    cp painting.png b-c.png
    cp painting.png c.png
    batch a.png a-b.png -- b-c.png c.png -q -o more
    [ "$(ls more | wc -l)" -eq 4 ]
}

@test "a second run keeps what is there" {
    batch photo.png -- painting.png -q -o out
    touch -d '2001-01-01' out/photo-painting.png
    "$PICTURE" wave.png 60 50 3
    run --separate-stderr batch photo.png -- painting.png wave.png -o out
    expect 0 ""
    [[ $stderr == "1 of 2 pictures are there already and are kept"*"wrote out/photo-wave.png: picture 2 of 2"* ]]
    [ "$(date -r out/photo-painting.png +%Y)" -eq 2001 ]
    [ "$(batch photo.png -- painting.png wave.png -o out --dry-run | grep -c ': there already$')" -eq 2 ]
    [ "$(batch photo.png -- painting.png wave.png -o out --dry-run --seed 1 | grep -c ': to paint$')" -eq 2 ]
    run --separate-stderr batch photo.png -- painting.png wave.png -o out --style-weight 3
    expect 0 ""
    [ "$(date -r out/photo-painting.png +%Y)" -ne 2001 ]
}

@test "a bad file does not end the batch; it is named once, and the exit code is 1" {
    head -c 100 photo.png >cut.png
    "$PICTURE" wave.png 60 50 3
    run --separate-stderr batch missing.png cut.png photo.png -- painting.png wave.png -o out
    expect 1 ""
    [ "$(ls out | tr '\n' ' ')" = "photo-painting.png photo-wave.png " ]
    [[ $stderr == *"danqing: 4 of 6 pictures could not be painted"* ]]
    [ "$(printf '%s\n' "$stderr" | grep -c '^danqing: could not be used: ')" -eq 2 ]
    [[ $stderr == *"could not be used: missing.png"*"could not be used: cut.png" ]]
    # a pair that cannot be, while others can
    "$PICTURE" thin.png 400 2 3
    run --separate-stderr batch thin.png photo.png -- painting.png -o thin
    expect 1 ""
    [[ $stderr == *"not painted: thin-painting.png" ]]
    [ -s thin/photo-painting.png ]
}

@test "what would meet every picture ends the batch at once" {
    run --separate-stderr batch photo.png -- painting.png -o out --style-layers relu9_9
    expect 2 ""
    run --separate-stderr "$DANQING" batch photo.png -- painting.png -o out --model nowhere.safetensors
    expect 4 ""
    [ -z "$(ls out)" ]
}

@test "inputs and files of other origin are safe" {
    mkdir out
    cp photo.png out/photo-painting.png
    run --separate-stderr batch photo.png -- painting.png -o out
    expect 1 ""
    [[ $stderr == *"out/photo-painting.png is there already and not the work of a series; --force overwrites it"* ]]
    cmp photo.png out/photo-painting.png
    batch photo.png -- painting.png -o out -q --force
    refute cmp -s photo.png out/photo-painting.png
    cp photo.png x.png
    cp photo.png x-painting.png
    run --separate-stderr batch x.png x-painting.png -- painting.png -o . --force
    expect 2 "" "danqing: x-painting.png would be overwritten; choose another -o"
    mkdir photos
    cp photo.png photos
    run --separate-stderr batch --photos photos -o photos -- painting.png
    expect 2 "" "danqing: photos cannot hold both what is read and the results; choose another -o"
}

@test "usage" {
    need="danqing: give photos and paintings: danqing batch PHOTO… -- STYLE… -o FOLDER, or --photos FOLDER --styles FOLDER"
    run --separate-stderr batch photo.png painting.png -o out
    expect 2 "" "$need"
    run --separate-stderr batch
    expect 2 "" "$need"
    run --separate-stderr batch -o out
    expect 2 "" "$need"
    [ ! -e out ]
    run --separate-stderr batch photo.png -- painting.png
    expect 2 "" "danqing: say where the pictures go: -o FOLDER"
    mkdir empty
    run --separate-stderr batch --photos empty -o out -- painting.png
    expect 3 "" "danqing: there is no picture in empty"
    # "--" parts; a second one ends the options
    cp painting.png ./-p.png
    run --separate-stderr batch photo.png -- -o out -q -- -p.png
    expect 0 "" ""
    [ -s out/photo--p.png ]
    run --separate-stderr batch - -- painting.png -o out
    expect 1 ""
    [[ $stderr == *"standard input can be read only once; name a file, not -"* ]]
}

@test "the first signal ends the batch, and no half of a picture is left" {
    env --default-signal=INT "$DANQING" batch --model random --size 48 --min-size 0 -n 1000000 photo.png -- painting.png -o long \
        --progress json 2>err &
    interrupt $! INT grep -q '"event":"step"' err
    [ "$code" -eq 130 ]
    [ -z "$(ls long)" ]
    tail -1 err | json_check - "d['message'] == 'stopped with 1 of 1 pictures to do; the same command goes on from there'"
}
