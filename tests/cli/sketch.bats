#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing sketch: what it prints and writes, and one clear line for each thing that can be wrong with photo and pairs. How well
# methods draw is tests/unit/test_sketch.c's.
load common

sketch() { "$DANQING" sketch "$@"; }

# A folder of pairs of the frame's size, in colour: pairs FOLDER COUNT.
pairs() {
    local k
    mkdir -p "$1/photos" "$1/sketches"
    for k in $(seq "$2"); do
        "$PICTURE" "$1/photos/$k.png" 200 250 "$k"
        "$PICTURE" "$1/sketches/$k.png" 200 250 $((k + 1))
    done
}

# refuse CODE TEXT ARGUMENTS…: nothing is written, and the one line says TEXT.
refuse() {
    local code=$1 text=$2
    shift 2
    run --separate-stderr sketch "$@" -o refused.png
    expect "$code" ""
    [[ $stderr == "danqing: "*"$text"* ]] || { echo "$stderr"; return 1; }
    [ ! -e refused.png ]
}

@test "a drawing: its line, its JSON; sketches in colour are read in grey; one pair is enough" {
    pairs artist 2
    "$PICTURE" face.png 200 250 3
    run --separate-stderr sketch face.png --pairs artist -o a.png
    expect 0 ""
    [[ $stderr == "a.png: 200 × 250, by mwf; "* ]]
    sketch face.png --pairs artist --method lle --json -o b.png >answer
    json_check answer "(d['method'], d['pairs'], d['width'], d['height'], d['eyes'][0]) == ('lle', 2, 200, 250, 75)"
    pairs one 1
    for method in mrf ssd; do sketch face.png --pairs one --method $method -q -o $method.png; done
    sketch photo.png --eyes 20,20,40,20 --pairs one --json -o back.png >answer # goes back to the photo
    json_check answer "(d['width'], d['height'], d['eyes']) == (60, 44, [20, 20, 40, 20])"
    sketch photo.png -q -o lines.png # no pairs: lines
    sketch face.png --pairs artist --method dgfl -q -o dgfl.png # keeps what it has learnt
    ls artist/.danqing/*.cache
}

@test "what is refused" {
    pairs artist 2
    "$PICTURE" face.png 200 250 3
    refuse 2 "the method ridge draws from pairs: --pairs DIR" photo.png --method ridge
    refuse 2 "the method lines takes no pairs" photo.png --method lines --pairs artist
    refuse 2 "finish has no effect on the method lines" photo.png --finish pencil
    refuse 2 "a pencil needs an artist's hand" face.png --student none.safetensors --finish pencil
    refuse 2 "no finish from sketch to photo" face.png --pairs artist --direction sketch-to-photo --finish pencil
    refuse 2 "x1,y1,x2,y2" photo.png --pairs artist --eyes 1,2
    refuse 3 "--eyes" photo.png --pairs artist # no face
    refuse 3 "photos/ and sketches/" face.png --pairs nowhere
    rm artist/sketches/1.png
    refuse 3 "photos/1.png has no sketch" face.png --pairs artist
    "$PICTURE" artist/sketches/1.png 100 125 1
    refuse 3 "both must have one size" face.png --pairs artist
}
