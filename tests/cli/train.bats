#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing train distil: what is refused before any work, and a small run that is killed and goes on. How a run goes in detail is
# in tests/unit/test_train.c.
load common

# A network with random weights as teacher, the two pictures as images.
small_recipe() {
    mkdir images
    "$PICTURE" images/a.png 96 80 0
    "$PICTURE" images/b.png 64 100 1
    "$DANQING" model import random:3 -q -o teacher.safetensors
    cat >small.recipe <<-'END'
	network = 1x4 1x8
	teacher = t teacher.safetensors
	match = relu1_1 t.relu1_1 1
	match = relu2_1 t.relu2_1 1
	images = images 1
	validate-images = images
	validate-crops = 2
	batch = 2
	crop = 32
	steps = 150
	checkpoint-every = 1
	END
}

@test "a run that was killed goes on to the same bytes" {
    small_recipe
    "$DANQING" train distil small.recipe -q -o whole.safetensors --log whole.csv --sheet whole.png
    "$DANQING" train distil small.recipe -q -o broken.safetensors 3>&- &
    local run=$!
    for ((i = 0; i < 200; i++)); do
        [ -e broken.checkpoint ] && break
        sleep 0.02
    done
    sleep 0.1
    kill -9 $run || true
    wait $run || true
    "$DANQING" train distil small.recipe -q -o broken.safetensors --resume --threads 1
    cmp whole.safetensors broken.safetensors
    [ "$(head -c 4 whole.png | tail -c 3)" = PNG ]
    "$DANQING" model info whole.safetensors >info
    grep -q '^  root2_1 *conv *8 -> 8 *1×1' info
}

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
