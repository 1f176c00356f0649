#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing sweep: grids, presets, what is left in the folder, going on, and that nothing of others is overwritten.
load common

# A sweep of small pictures with random weights.
sweep() { "$DANQING" sweep photo.png painting.png --model random --size 48 --min-size 0 -n 3 "$@"; }

# Width of a PNG.
width() { od -An -tu1 -j16 -N4 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'; }

@test "two options make a grid: pictures with records, logs, a table, a sheet, a page" {
    run --separate-stderr sweep --vary style-weight=10,40 --vary seed=1,2,3 --noise 0.1 -o out
    expect 0 ""
    [[ $stderr == *"wrote out/index.html, sheet.png and sweep.csv" ]]
    [ "$(echo out/style-weight-*_seed-*.png | wc -w)" -eq 6 ]
    "$DANQING" info --json out/style-weight-40_seed-2.png |
        json_check - "d['options']['style-weight'] == '40' and d['options']['seed'] == '2' and len(d['job']) == 16"
    [ "$(wc -l <out/style-weight-40_seed-2.csv)" -eq 4 ]
    [ "$(head -1 out/sweep.csv)" = "picture,style-weight,seed,seconds,J,J_content,J_style" ]
    [ "$(tail -n +2 out/sweep.csv | cut -d, -f1-3 | head -2 | tr '\n' ' ')" = \
        "style-weight-10_seed-1.png,10,1 style-weight-10_seed-2.png,10,2 " ]
    # the last row of a log is what the table tells
    [ "$(sed -n 2p out/sweep.csv | cut -d, -f5-7)" = "$(tail -1 out/style-weight-10_seed-1.csv | cut -d, -f3-5)" ]
    # photo and painting; three columns, as the second option has values
    [ "$(width out/sheet.png)" -eq $((16 + 3 * (256 + 16))) ]
    [ "$(grep -c '<polyline' out/index.html)" -eq $((3 * 6)) ]
    [ "$(grep -c '<summary>record' out/index.html)" -eq 6 ]
    grep -q 'repeat(3,' out/index.html
    refute grep -E 'https?://' out/index.html
    python3 - <<'PY'
import html.parser, os
class page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.files = [], []
    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "br", "line", "rect"): self.open.append(tag)
        self.files += [v for k, v in attributes if k in ("src", "href")]
    def handle_startendtag(self, tag, attributes): pass
    def handle_endtag(self, tag): assert self.open.pop() == tag, tag
p = page()
p.feed(open("out/index.html").read())
assert not p.open, p.open
assert len(p.files) == 2 + 2 * 6 + 2 and all(os.path.exists("out/" + f) for f in p.files), p.files
PY
}

@test "a picture of a sweep is the one that paint makes" {
    sweep --vary style-weight=40 -q -o out
    paint photo.png painting.png --style-weight 40 -n 3 -q -o one.png
    "$DANQING" info out/style-weight-40.png | grep -v '^again' >of-sweep
    "$DANQING" info one.png | grep -v '^again' | diff of-sweep -
    python3 - <<'PY'
import zlib
def pixels(name):
    data, at, raw = open(name, "rb").read(), 8, b""
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"IDAT": raw += data[at + 8:at + 8 + size]
        at += size + 12
    return zlib.decompress(raw)
assert pixels("out/style-weight-40.png") == pixels("one.png")
PY
}

@test "a second run keeps what is there, and paints what is missing, changed or new" {
    sweep --vary seed=1,2 --noise 0.1 -q -o out
    cp out/seed-2.png kept.png
    touch -d '2001-01-01' out/seed-2.png
    rm out/seed-1.png
    run --separate-stderr sweep --vary seed=1,2,3 --noise 0.1 -o out
    expect 0 ""
    [[ $stderr == "1 of 3 pictures are there already and are kept"*"wrote out/seed-1.png"*"wrote out/seed-3.png"* ]]
    [[ $stderr != *"wrote out/seed-2.png"* ]]
    [ "$(date -r out/seed-2.png +%Y)" -eq 2001 ]
    [ "$(wc -l <out/sweep.csv)" -eq 4 ]
    sed -n 3p out/sweep.csv | grep -qE '^seed-2.png,2,[0-9.]+,[0-9.e+-]+,[0-9.e+-]+,[0-9.e+-]+$'
    # other options, another photo: painted anew
    sweep --vary seed=2 --noise 0.2 -q -o out
    refute cmp -s out/seed-2.png kept.png
    sweep --vary seed=2 --noise 0.1 -q -o out
    cmp out/seed-2.png kept.png
    "$PICTURE" photo.png 60 44 3
    sweep --vary seed=2 --noise 0.1 -q -o out
    refute cmp -s out/seed-2.png kept.png
    # threads change no picture
    run --separate-stderr sweep --vary seed=2 --noise 0.1 -o out --threads 2
    [[ $stderr == "1 of 1 pictures are there already"* ]]
}

@test "presets are the experiments of the course" {
    run --separate-stderr "$DANQING" sweep photo.png painting.png --model random --preset layer-weights -n 2 --size 48 -q -o out
    expect 0 "" ""
    grep -q '^deep-heavy.png,deep-heavy,"relu1_1=0,relu2_1=0,relu3_1=0.1,relu4_1=0.4,relu5_1=0.5",' out/sweep.csv
    grep -q '^balanced.png,balanced,"relu1_1=0.2,relu2_1=0.2,relu3_1=0.2,relu4_1=0.2,relu5_1=0.2",' out/sweep.csv
    grep -q '^shallow-heavy.png,shallow-heavy,"relu1_1=0.5,relu2_1=0.4,relu3_1=0.1,relu4_1=0,relu5_1=0",' out/sweep.csv
    "$DANQING" info --json out/balanced.png | json_check - "d['recipe'] == 'classic' and d['options']['iterations'] == '2' and \
        [float(d['options'][k]) for k in ('learning-rate', 'content-weight', 'style-weight')] == [0.03, 10, 40]"
    "$DANQING" sweep photo.png painting.png --model random --preset alpha-beta -n 2 --size 48 -q -o ratio
    [ "$(tail -n +2 ratio/sweep.csv | cut -d, -f3,4 | tr '\n' ' ')" = "40,10 10,40 " ]
    "$DANQING" info --json ratio/a-40-b-10.png | json_check - "d['options']['content-weight'] == '40'"
    "$DANQING" sweep photo.png painting.png --model random --preset steps -n 21 --size 48 -q -o steps
    [ "$(tail -n +2 steps/sweep.csv | cut -d, -f3 | tr '\n' ' ')" = "1 5 10 15 21 " ]
    "$DANQING" info --json steps/21-steps.png | json_check - "float(d['options']['learning-rate']) == 0.001"
}

@test "the whole of a preset, and sizes, by --dry-run" {
    dry() { "$DANQING" sweep photo.png painting.png --model random --dry-run -o out "$@"; }
    [ "$(dry --preset layer-weights | grep -c '400 × 293, scales 1, iterations 1001,')" -eq 3 ]
    [ "$(dry --preset steps | grep -oE 'iterations [0-9]+' | tr '\n' ' ')" = \
        "iterations 1001 iterations 5001 iterations 10001 iterations 15001 iterations 21001 " ]
    dry --vary seed=1 | grep -q '256 × 188'
    dry --vary seed=1 --full | grep -q '512 × 375'
    dry --vary seed=1 --size 64 | grep -q '64 × 47'
    dry --vary 'size=64;80' | grep -q '80 × 59'
    [ ! -e out ]
}

@test "values with commas are parted by semicolons; names never clash" {
    sweep --vary 'style-layers=relu1_1,relu2_1;relu1_1;relu1_1=1' -q -o out
    [ "$(tail -n +2 out/sweep.csv | wc -l)" -eq 3 ]
    grep -q '^style-layers-relu1_1-relu2_1.png,"relu1_1,relu2_1",' out/sweep.csv
    sweep --vary 'content-layers=relu1_1;relu1_1?' -q -o two   # the same letters once the others are replaced
    [ "$(cd two && echo content*.png)" = "content-layers-relu1_1-.png content-layers-relu1_1.png" ]
    sweep --vary 'init=photo.png,./photo.png,.//photo.png' -q -o three
    [ "$(cd three && echo init*.png)" = "init-.-photo.png-2.png init-.-photo.png.png init-photo.png.png" ]
}

@test "several networks, one after the other" {
    sweep --vary 'model=random:1,random:2' --model random -q -o out || code=$?
    [ "${code:-0}" -eq 2 ]
    "$DANQING" sweep photo.png painting.png --size 48 --min-size 0 -n 2 --vary 'model=random:1,random:2' -q -o out
    refute cmp -s out/model-random-1.png out/model-random-2.png
}

@test "a cell that fails does not end the others" {
    run --separate-stderr sweep --vary epsilon=0,0.1 --init content --optimizer adam --style-weight 0 --tv-weight 0 -n 20 -o out
    expect 1 ""
    [[ $stderr == *"epsilon-0.png: the cost is no longer finite"*"1 of 2 pictures could not be painted"* ]]
    [[ $stderr == *"not painted: epsilon-0.png"* ]]
    grep -q '^epsilon-0.png,0,,,,$' out/sweep.csv
    grep -qE '^epsilon-0.1.png,0.1,[0-9.]+,' out/sweep.csv
    [ ! -e out/epsilon-0.png ]
    [ -s out/epsilon-0.1.png ]
}

@test "a picture without a step is told as such" {
    run --separate-stderr sweep --vary strength=0,1 -o out
    expect 0 ""
    [ "$(grep -c 'painted without a step' out/index.html)" -eq 2 ] # below the picture and in the table
    refute grep 'not painted yet' out/index.html
}

@test "usage" {
    refuse() {
        local code=$1 message=$2
        shift 2
        run --separate-stderr sweep "$@"
        expect "$code" "" "danqing: $message"
    }
    refuse 2 "say what to vary: --vary OPTION=a,b,c or --preset layer-weights|alpha-beta|steps" -o out
    refuse 2 "say where the pictures go: -o FOLDER" --vary seed=1
    refuse 2 "--vary takes OPTION=a,b,c, not 'seed'" --vary seed -o out
    refuse 2 "--vary: painting has no option 'sed'; 'danqing sweep --help' lists them" --vary sed=1 -o out
    refuse 2 "--size is given, but size varies it" --vary size=64 -o out
    refuse 2 "seed is varied twice" --vary seed=1 --vary seed=2 -o out
    refuse 2 "style-layers is varied twice" --preset layer-weights --vary style-layers=relu1_1 -o out
    refuse 2 "a preset has its own size; --size changes it, --full does not" --preset steps --full -o out
    refuse 2 "--full is the recipe's size; leave out the other" --vary seed=1 --full -o out
    refuse 2 "--preset takes one of layer-weights|alpha-beta|steps, not 'colours'" --preset colours -o out
    refuse 2 "that is more than 400 pictures; vary fewer values" --vary "seed=$(seq -s, 30)" --vary "noise=$(seq -s, 20)" -o out
    run --separate-stderr sweep --vary seed=1,x -o out
    expect 2 ""
    run --separate-stderr sweep --vary style-layers=relu1_1,relu9_9 -o out
    expect 2 ""     # before any work
    [ -z "$(ls out)" ]
    run --separate-stderr "$DANQING" sweep missing.png painting.png --vary seed=1 -o out
    expect 3 ""
    refuse 6 "photo.png is not a folder" --vary seed=1 -o photo.png
}

@test "a file of other origin is not overwritten" {
    mkdir out
    cp photo.png out/seed-1.png
    run --separate-stderr sweep --vary seed=1,2 -o out
    expect 1 ""
    cmp photo.png out/seed-1.png
    [ -s out/seed-2.png ]
    sweep --vary seed=1,2 -q --force -o out
    refute cmp -s photo.png out/seed-1.png
}

@test "the first signal keeps what is finished; the same command goes on" {
    env --default-signal=INT "$DANQING" sweep photo.png painting.png --model random --size 48 --min-size 0 \
        --vary iterations=2,1000000 -o out 2>err &
    interrupt $! INT test -s out/iterations-1000000.csv.part
    [ "$code" -eq 130 ]
    grep -q '^stopped with 1 of 2 pictures to do; the same command goes on from there$' err
    [ "$(cd out && echo iterations-*)" = "iterations-2.csv iterations-2.png" ]
    grep -q '^iterations-1000000.png,1000000,,,,$' out/sweep.csv
    [ -s out/sheet.png ]
    run --separate-stderr sweep --vary iterations=2,3 -o out
    expect 2 ""   # -n is given and varied
    run --separate-stderr "$DANQING" sweep photo.png painting.png --model random --size 48 --min-size 0 --vary iterations=2,3 \
        -o out
    expect 0 ""
    [[ $stderr == "1 of 2 pictures are there already and are kept"* ]]
}

@test "--progress json: every line of standard error is an object" {
    run --separate-stderr sweep --vary seed=1,2 --noise 0.1 -o out --progress json
    expect 0 ""
    printf '%s\n' "$stderr" | python3 -c "
import json, sys
events = [json.loads(line) for line in sys.stdin]
assert [e['event'] for e in events] == ['start'] + 2 * (3 * ['step'] + ['written']) + ['notice'], events
assert events[0]['pictures'] == 2 and events[0]['kept'] == 0
assert [e['picture'] for e in events[1:9]] == 4 * [1] + 4 * [2]
done = [e['all_done'] for e in events if e['event'] == 'step']
assert done == sorted(done) and done[-1] == 1
assert events[4]['file'] == 'out/seed-1.png' and events[4]['J_style'] > 0"
}
