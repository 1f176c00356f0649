#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing explain: tables, drawings and sheets of small pictures with random weights; when it refuses.
load common

explain() { "$DANQING" explain "$@"; }

@test "network: table, JSON and drawing" {
    explain network >table
    grep -qE '^conv1_1 +convolution +3×3 /1 \+1 +224×224×32 +896 +43,352,064 +3$' table
    grep -qE '^relu5_1 +ReLU +14×14×192 +108$' table
    explain network --model vgg19 --json >answer   # known without its weights, with all layers
    json_check answer "d['parameters'] == 143667240 and d['multiplications'] == 19632062464 and len(d['layers']) == 42"
    json_check answer "d['layers'][0]['parameters_a_filter'] == 28 and d['layers'][0]['parameters'] == 64 * 28"
    json_check answer "all(l['receptive_field'] == 24 for l in d['layers'] if l['name'] == 'relu3_1')"
    json_check answer "(d['layers'][4]['kernel'], d['layers'][4]['stride'], d['layers'][4]['pad']) == (2, 2, 0)"
    explain network --model random --size 64 -o net.svg >table
    python3 -c "import xml.dom.minidom as x; assert len(x.parse('net.svg').getElementsByTagName('rect')) > 20"
    grep -q 'relu3_1' net.svg
}

@test "features, channel, reconstruct: a picture each, and a line" {
    mkdir photos
    cp photo.png painting.png photos/
    run --separate-stderr explain features photo.png --model random --size 48 --layer relu2_1 --maps 5 -o features.png
    expect 0 ""
    [[ $stderr == "features.png: 1072 × "*"; 5 of 64 channels of relu2_1, the strongest first" ]]
    for method in deconvnet guided gradient; do
        run --separate-stderr explain channel --images photos --model random --size 48 --count 2 --layer relu1_1,relu3_1 \
            --method $method -o $method.png
        expect 0 ""
        [[ $stderr == "$method.png: "*"; 2 channels of 2 layers: where they are excited most, and seen by "* ]]
    done
    refute cmp -s deconvnet.png gradient.png
    explain channel --model random --layer relu2_1 --channel 7 --method maximise -n 3 -q -o made.png
    run --separate-stderr explain reconstruct photo.png painting.png --model random --size 32 -n 2 --content-layers relu1_1 \
        --style-layers relu1_1,relu2_1 -o rebuilt.png
    expect 0 ""
    [[ $stderr == *"; 1 pictures from content alone, 2 from style alone, 2 steps each" ]]
    for picture in features deconvnet made rebuilt; do [ "$(wc -c <$picture.png)" -gt 1000 ]; done
    again() { explain reconstruct photo.png --model random --size 32 -n 2 --content-layers none --style-layers relu1_1 "$@"; }
    again --json -o a.png >answer
    json_check answer "d['pictures'][0]['from'] == 'style' and d['pictures'][0]['layers'] == ['relu1_1']"
    again --threads 1 -q -o b.png
    cmp a.png b.png
}

@test "classify needs a network with classes" {
    run --separate-stderr explain classify photo.png
    expect 2 "" "danqing: the network 'compact' does not classify: it ends with root5_1, not with a linear layer or a \
mean over all places"
}

@test "Tiny Darknet tells classes, where it is" {
    [ -n "$DANQING_TEST_DATA" ] || skip "DANQING_TEST_DATA does not name a folder of test data"
    local model=$DANQING_TEST_DATA/models/tiny-darknet/model.json
    run --separate-stderr explain classify photo.png --model "$model" --top 3
    expect 0
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[0]} =~ ^\ *[0-9]+\.[0-9]{2}\ %\ \ class\ [0-9]+$ ]]
    seq 1000 | sed 's/^/name /' >labels
    run --separate-stderr explain classify photo.png --model "$model" --labels labels
    [[ ${lines[4]} == *" %  name "* ]]
    run --separate-stderr explain classify photo.png --model "$model" --labels photo.png
    expect 2
}

@test "progress as events" {
    run --separate-stderr explain reconstruct photo.png --model random --size 32 -n 3 --content-layers none \
        --style-layers relu1_1 --progress json -o out.png
    expect 0
    printf '%s\n' "$stderr" | grep working >events
    [ "$(wc -l <events)" -eq 3 ]
    tail -1 events >last
    json_check last "d['verb'] == 'explain reconstruct' and d['done'] == 1"
}

@test "refusals: one line, nothing written" {
    refuse() {
        local code=$1 line=$2
        shift 2
        run --separate-stderr explain "$@"
        expect "$code" ""
        [ "${#stderr_lines[@]}" -eq 1 ]
        [[ $stderr == "danqing: $line"* ]] || { echo "$stderr"; return 1; }
        [ ! -e out.png ]
    }
    refuse 2 "'danqing explain features' needs -o FILE" features photo.png
    refuse 2 "'danqing explain network' draws SVG: give -o NAME.svg" network -o out.png
    refuse 2 "'explain channel' looks for the strongest places in photos" channel -o out.png
    refuse 2 "the network 'compact' has no layer 'relu9_1'; it has: relu1_1" features photo.png --layer relu9_1 -o out.png
    refuse 2 "a picture of 8 × 8 does not fit" network --size 8
    refuse 2 "--method takes one of" channel --images . --method best -o out.png
    refuse 3 "cannot read the folder nowhere" channel --images nowhere -o out.png
    mkdir empty
    refuse 3 "empty has no pictures" channel --images empty -o out.png
    refuse 3 "" features nothing.jpg -o out.png
    refuse 4 "" features photo.png --model nowhere -o out.png
    refuse 5 "" features photo.png --size 8 --layer relu5_1 -o out.png
    refuse 6 "" features photo.png -o no/out.png
}
