#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing train distil: what is refused before any work. How a run goes is in tests/unit/test_train.c.
load common

@test "a training needs a recipe and an output that can be written" {
    echo 'steps = 3' >a.recipe
    run --separate-stderr "$DANQING" train distil
    [ "$status" -eq 2 ]
    [[ $stderr == *"too few arguments; usage: danqing train distil RECIPE"* ]]
    run --separate-stderr "$DANQING" train distil a.recipe
    expect 2 "" "danqing: say where to write: danqing train distil a.recipe -o NAME.safetensors"
    run --separate-stderr "$DANQING" train distil a.recipe -o a.recipe
    expect 2 "" "danqing: a.recipe is the recipe; choose another -o"
    run --separate-stderr "$DANQING" train distil a.recipe -o none/a.safetensors
    expect 6
    run --separate-stderr "$DANQING" train distil a.recipe -o a.safetensors --log none/a.csv
    expect 6
    run --separate-stderr "$DANQING" train distil a.recipe -o a.safetensors --sheet none/a.png
    expect 6
    [ ! -e a.checkpoint ] && [ ! -e a.safetensors ]
}

@test "a recipe that is missing or wrong is named" {
    run --separate-stderr "$DANQING" train distil none.recipe -o a.safetensors
    [ "$status" -eq 2 ]
    [[ $stderr == "danqing: "*none.recipe* ]]
    printf 'batch = 2\n\nsteps = many\n' >a.recipe
    run --separate-stderr "$DANQING" train distil a.recipe -o a.safetensors
    expect 2 "" "danqing: a.recipe:3: steps: a whole number from 1 to 1000000000 is wanted, not 'many'"
    run --separate-stderr "$DANQING" train distil a.recipe -o a.safetensors --steps 5 --set rate=fast
    expect 2 "" "danqing: rate = fast: a number from 1e-12 to 10 is wanted, not 'fast'"
    run --separate-stderr "$DANQING" train distil a.recipe -o a.safetensors --steps 5 --set rate
    expect 2 "" "danqing: 'name = value' is wanted, not 'rate'"
}

@test "completions know the family of verbs" {
    run "$DANQING" __complete train ''
    [[ $output == "distil"* ]]
    run "$DANQING" __complete tr
    [[ $output == "train"* ]]
}
