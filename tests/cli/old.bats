#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Command lines of neural-style, neural-style-pt and style-transfer-pytorch: what they become, with the old defaults, and that an
# error names the old flag.
load common

ns() { "$DANQING" neural-style -content_image photo.png -style_image painting.png "$@"; }
st() { "$DANQING" style-transfer photo.png painting.png "$@"; }

# shellcheck disable=SC2154 # bats sets stderr
# becomes WORD…: each is a word of the command line that the last run said it is the same as.
becomes() {
    for word in "$@"; do
        [[ " ${stderr%%$'\n'*} " == *" $word "* ]] || { echo "no '$word' in: $stderr"; return 1; }
    done
}

@test "neural-style: the old defaults, by its own network" {
    run --separate-stderr ns -model_file random -- --dry-run
    expect 0
    becomes "neural-style: the same as danqing paint" --recipe=neural-style --size=512 --iterations=1000 --content-weight=5 \
        --style-weight=100 --tv-weight=0.001 --init=noise --noise=6.8e-6 --optimizer=lbfgs --learning-rate=1 --history=100 \
        --save-every=100 --output=out.png --style-scale=1.0 --colour=style --pooling=max --seed=0 --content-layers=relu4_2=1 \
        --style-layers=relu1_1=1,relu2_1=1,relu3_1=1,relu4_1=1,relu5_1=1 "-- photo.png painting.png"
    [ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ]
}

@test "neural-style: every flag arrives" {
    run --separate-stderr ns -model_file random -image_size 64 -content_weight 7 -style_weight 1e3 -tv_weight 0 \
        -num_iterations 9 -init image -init_image painting.png -optimizer adam -learning_rate 2 -lbfgs_num_correction 5 \
        -save_iter 0 -output_image o.jpg -style_scale 2 -original_colors 1 -pooling avg -seed 3 -content_layers relu3_1 \
        -style_layers relu1_1,relu2_1 -- --dry-run
    expect 0
    becomes --model=random --size=64 --content-weight=7 --style-weight=1000 --tv-weight=0 --iterations=9 --init=painting.png \
        --optimizer=adam --learning-rate=2 --history=5 --output=o.jpg --style-scale=2 --colour=content --pooling=average \
        --seed=3 --content-layers=relu3_1=1 --style-layers=relu1_1=1,relu2_1=1
    [[ $stderr != *--save-every* ]]
    run --separate-stderr ns -model_file random -image_size 1024 -normalize_weights -normalize_gradients -init image -- --dry-run
    becomes --normalize-gradients=on --content-layers=relu4_2=0.001953125 --init=content \
        --style-layers=relu1_1=0.015625,relu2_1=0.0078125,relu3_1=0.00390625,relu4_1=0.001953125,relu5_1=0.001953125
}

@test "neural-style: without vgg19 the weights are multiples of the old defaults" {
    run --separate-stderr ns -content_weight 10 -style_weight 50 -tv_weight 2e-3 -optimizer adam -- --dry-run
    expect 0
    becomes --model=compact --content-weight=2 --style-weight=2.5 --tv-weight=1 --normalization=relative --pixel-range=1
    [[ $stderr == *"vgg19 is not installed"* ]]
}

@test "neural-style: styles from a list and a folder, with their shares" {
    mkdir many
    cp painting.png many/b.png
    cp photo.png many/a.PNG
    echo no >many/c.txt
    run --separate-stderr "$DANQING" neural-style -content_image photo.png -style_image painting.png,many \
        -style_blend_weights 1,2,3 -- --dry-run
    expect 0
    becomes --style-weights=1,2,3 "-- photo.png painting.png many/a.PNG many/b.png"
}

@test "flags without meaning here are taken, and each is named in one line" {
    run --separate-stderr ns -gpu -1 -backend nn -cudnn_autotune -multigpu_strategy 4,7 -multidevice_strategy 4,7 -proto_file p \
        -disable_check -print_iter 10 -model_file random -- --dry-run
    expect 0
    for flag in gpu backend cudnn_autotune multigpu_strategy multidevice_strategy proto_file disable_check print_iter; do
        [ "$(printf '%s\n' "$stderr" | grep -c "^-$flag has no effect: ")" -eq 1 ]
    done
    run --separate-stderr st --devices cpu cuda --save-every 50 --proof p.icc --web --host h --port 80 --browser b -- --dry-run
    expect 0
    for flag in devices save-every proof web host port browser; do
        [ "$(printf '%s\n' "$stderr" | grep -c "^--$flag has no effect: ")" -eq 1 ]
    done
}

@test "style-transfer: the old defaults, long and short flags" {
    run --separate-stderr st -- --dry-run
    expect 0
    becomes "style-transfer: the same as danqing paint" --recipe=painting --output=out.png --seed=0 --content-weight=0.015 \
        --tv-weight=2.0 --optimizer=adam --iterations=500 --average=0.99 --size=512 --min-size=128 --initial-iterations=1000 \
        --style-scale=1 --init=content --learning-rate=0.02 --pooling=max "-- photo.png painting.png"
    run --separate-stderr "$DANQING" style-transfer -o o.png photo.png painting.png photo.png -sw 1 3 -r 7 -cw .05 -tw 1 -ms 32 \
        -s 64 -i 8 -ii 9 -ss .05 -ad .9 --init uniform --style-scale-fac 2 --pooling average -- --dry-run
    expect 0
    becomes --output=o.png --style-weights=1,3 --seed=7 --content-weight=.05 --tv-weight=1 --min-size=32 --size=64 \
        --iterations=8 --initial-iterations=9 --learning-rate=.05 --average=.9 --init=noise --noise=0.5 \
        --style-scale=2 --pooling=average "-- photo.png painting.png photo.png"
    [[ $output == *"scales      3"* ]]
    run --separate-stderr st --end-scale=64 --optimizer=lbfgs --iterations=3 -- --dry-run
    becomes --optimizer=lbfgs --learning-rate=1 --clamp=off --history=10
    [[ $output == *"iterations  1000"* ]]   # one scale is the first
}

@test "style-transfer: 64+ has the area of 64 × 64; what is only near is said" {
    run --separate-stderr st -s 64+ --pooling l2 --init style_stats --style-size 32 -- --dry-run
    expect 0
    [[ $output == *"picture     75 × 55,"* ]]   # 60 × 44: 64·√(60/44)
    [[ $stderr == *"--pooling l2 is average here"* ]]
    [[ $stderr == *"--init style_stats is even noise"* ]]
    [[ $stderr == *"--style-size holds at the last scale"* ]]
}

@test "they paint, the same bytes as the command they name" {
    ns -model_file random -image_size 32 -num_iterations 3 -save_iter 2 -output_image a.png 2>said
    [ -e a.png ]
    [ -e a-000002.png ]
    words=$(sed -n '1s/.*the same as danqing //p' said)
    cp a.png first.png
    # shellcheck disable=SC2086
    "$DANQING" paint --quiet ${words#paint }
    cmp a.png first.png
    st -s 32 -i 2 -ii 2 -o b.png -- --quiet --threads 1 2>said
    [ -e b.png ]
    [ ! -s said ]
}

@test "errors name the old flag" {
    refuse() {
        local message=$1
        shift
        run --separate-stderr "$@"
        expect 2 "" "danqing: $message"
    }
    refuse "neural-style: give -content_image FILE and -style_image FILE[,FILE…]" "$DANQING" neural-style -content_image photo.png
    refuse "neural-style: -image_size takes a whole number from 16 to 32768, not 'big'" ns -image_size big
    refuse "neural-style: -num_iterations takes a whole number from 0 to 10000000, not '1.5'" ns -num_iterations 1.5
    refuse "neural-style: -pooling takes one of max|avg, not 'min'" ns -pooling min
    refuse "neural-style: -seed needs a value" ns -seed
    refuse "neural-style: -style_blend_weights takes a number ≥ 0 for each style, with commas, not '1,2'" \
        ns -style_blend_weights 1,2
    refuse "neural-style has no flag -imagesize; did you mean -image_size?" ns -imagesize 3
    refuse "neural-style has no flag -frobnicate; 'danqing neural-style --help' lists them" ns -frobnicate
    refuse "neural-style: what is 'extra' for?" ns extra
    refuse "style-transfer: give CONTENT and STYLE, two pictures" "$DANQING" style-transfer photo.png
    refuse "style-transfer: --end-scale takes a whole number from 16 to 32768, and a + for equal area, not '64*'" st -s '64*'
    refuse "style-transfer: --style-weights takes a number ≥ 0 for each style (below 0 is not possible here), not '1,2'" \
        st -sw 1 2
    refuse "style-transfer: --content-weight takes a number from 0 to 1e+12, not '-1'" st -cw -1
    refuse "style-transfer: --web takes no value" st --web=1
    refuse "there is no option --frobnicate; 'danqing paint --help' lists them" ns -- --frobnicate
}

@test "help lists every flag" {
    for program in neural-style style-transfer; do
        run --separate-stderr "$DANQING" $program --help
        expect 0
        [[ ${lines[0]} == "Usage: danqing $program "* ]]
        "$DANQING" --help all | grep -q "^  $program "
    done
    flags() { sed -n 's/^    {"\(-[a-z_-]*\)".*/\1/p' "$1" | sort; }
    flags "$SOURCE/cli/old_neural_style.c" >table
    [ "$(wc -l <table)" -eq 32 ]
    "$DANQING" neural-style -help | grep -oE '^  -[a-z_]+' | tr -d ' ' | sort | diff table -
    flags "$SOURCE/cli/old_style_transfer.c" >table
    "$DANQING" style-transfer -h | grep -oE -- '--[a-z-]+ ?' | tr -d ' ' >said
    while read -r flag; do grep -qx -- "$flag" said; done <table
}
