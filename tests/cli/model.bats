#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing model: list, info, import, fetch (without a network).
load common

@test "list: what is known and what is here" {
    run --separate-stderr "$DANQING" model list
    expect 0
    [[ $output == *"vgg19 "*" fetch "* ]]
    [[ $output == *"random "*" here "* ]]
    "$DANQING" model list --json >list
    json_check list "{'vgg19', 'vgg16', 'random'} <= {m['name'] for m in d}"
    mkdir -p data/danqing/models
    "$DANQING" model import random -q -o data/danqing/models/mine.safetensors
    "$DANQING" model list --json >list
    json_check list "[m['installed'] for m in d if m['name'] == 'mine'] == [True]"
    paint photo.png painting.png --model mine -q -o out.png
}

@test "info: a table for people, JSON for programs" {
    run --separate-stderr "$DANQING" model info random
    expect 0
    [[ $output == *"name        random"*"sha256      "*"padding     "*"input       "*"parameters  "*"conv1_1    conv "* ]]
    "$DANQING" model info random --json >info
    json_check info "d['name'] == 'random' and d['layers'][0]['in'] == 3 and len(d['sha256']) == 64"
    run --separate-stderr "$DANQING" model info photo.png
    expect 4
}

@test "import: the same network, whole or half precision" {
    run --separate-stderr "$DANQING" model import random:5 -o net.safetensors
    expect 0 "" "wrote net.safetensors, fp32"
    run --separate-stderr "$DANQING" model import net.safetensors --half -o half.safetensors
    expect 0 "" "wrote half.safetensors, fp16"
    [ "$(stat -c %s half.safetensors)" -lt $(($(stat -c %s net.safetensors) * 6 / 10)) ]
    paint photo.png painting.png --model random:5 -q -o a.tif
    paint photo.png painting.png --model net.safetensors -q -o b.tif
    "$DANQING" info --json a.tif | sed 's/.*"cost": //' | grep -o '^[0-9.]*$' >a
    "$DANQING" info --json b.tif | sed 's/.*"cost": //' | grep -o '^[0-9.]*$' >b
    [ -s a ]
    cmp a b
}

@test "import: bad input, bad output" {
    run --separate-stderr "$DANQING" model import random
    expect 2 "" "danqing: say where to write: danqing model import random -o NAME.safetensors"
    run --separate-stderr "$DANQING" model import photo.png -o net.safetensors
    expect 4
    [ ! -e net.safetensors ]
    run --separate-stderr "$DANQING" model import random -o nowhere/net.safetensors
    expect 6
    "$DANQING" model import random -q -o net.safetensors
    run --separate-stderr "$DANQING" model import net.safetensors -o net.safetensors
    expect 2 "" "danqing: net.safetensors is the input; choose another -o"
    run --separate-stderr "$DANQING" model import random -o net.safetensors --no-clobber
    expect 6
}

@test "fetch: --dry-run tells from where to where and downloads nothing" {
    run --separate-stderr "$DANQING" model fetch vgg19 --dry-run
    expect 0
    [[ $output == *"from        https://"*"to          $XDG_DATA_HOME/danqing/models/vgg19"*"size        80 MB"*"checksum    "* ]]
    [[ $output == *"state       not here" ]]
    [ ! -e data ]
    run --separate-stderr "$DANQING" model fetch nothing --dry-run
    expect 2 "" "danqing: no known model 'nothing'; 'danqing model list' shows those that can be fetched"
    run --separate-stderr "$DANQING" model fetch nothing
    expect 2
}

@test "7: fetch without a way out" {
    run --separate-stderr env https_proxy=http://127.0.0.1:9 "$DANQING" model fetch vgg19
    expect 7 ""
    [[ $stderr == "danqing: "* ]]
    [ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ]
    [ ! -e data/danqing/models/vgg19.h5 ]
}
