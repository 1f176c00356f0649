#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What README.md and README.zh-CN.md say holds: their commands run, their options and defaults are those of the tables, both
# tell the same, links lead somewhere. Convention: commands stand in ```sh blocks, one a line; those that paint are run with
# --size 64 and 2 steps, downloads with --dry-run, and a network with random weights stands in for the real ones.
load common

english=$SOURCE/README.md
chinese=$SOURCE/README.zh-CN.md

# The lines of all blocks of a language, without comments.
blocks() { awk -v language="$2" '$0 == "```" language { on = 1; next } /^```/ { on = 0 } on { sub(/ +#.*/, ""); print }' "$1"; }

# All options mentioned anywhere.
options() { grep -oE -- '--[a-z][a-z-]+' "$1" | sort -u; }

# The files that a document links to, without anchors and other sites.
links() { grep -oE '\]\([^)# ]+' "$1" | sed 's/^](//' | grep -v '://' | sort; }

# Makes the pictures that a command reads.
make_inputs() {
    local word before="" kind=0
    for word in $1; do
        kind=$((kind + 1))
        case $before/$word in
        -o/*) ;;
        *.jpg | *.png) [ -e "$word" ] || "$PICTURE" "$word" 60 44 "$kind" ;;
        esac
        before=$word
    done
}

paint_small() {
    local result=${1##* -o }
    make_inputs "$1" || return 1
    [ "$result" = "$1" ] || rm -f "$result"
    bash -c "$1 --size 64 --iterations 2 --initial-iterations 2" >said || return 1
    [ "$result" = "$1" ] || [ -s "$result" ]
}

# Runs one command of the README in its small form.
try() {
    case $1 in
    "danqing model fetch "*) bash -c "$1 --dry-run" >said ;;
    "danqing model "* | "danqing info "*) bash -c "$1" >said ;;
    "danqing serve"*) "$DANQING" serve --help >said ;; # tests/studio/ opens it
    "danqing sketch "* | "danqing filter "* | "danqing explain "*) make_inputs "$1" && bash -c "$1" >said ;;
    "danqing neural-style "*) make_inputs "$1" && bash -c "$1 -image_size 64 -num_iterations 2" >said ;;
    "danqing style-transfer "*) make_inputs "$1" && bash -c "${1/-s 512/-s 64} -ii 2 -i 2" >said ;;
    "danqing bench "*) bash -c "$1 --size 32 --rounds 1" >said ;;
    "danqing "*) paint_small "$1" ;;
    ./quickstart*) "$SOURCE/quickstart" help | grep -qE "^(usage: | +)$1 {2,}" ;;
    "cc examples/"* | ./paint\ *) ;; # tests/house/install.sh builds and runs the examples
    *) false ;;
    esac
}

@test "the commands of the README run" {
    mkdir -p bin data/danqing/models
    ln -s "$DANQING" bin/danqing
    ln -s "$SOURCE/examples" examples
    PATH=$PWD/bin:$PATH
    danqing model import random -q -o data/danqing/models/vgg19.safetensors
    cp data/danqing/models/vgg19.safetensors vgg_normalised_conv3_1.pth # told by content, not by name
    blocks <(cat "$english" "$SOURCE/docs/NETWORKS.md") sh | grep . >commands
    [ "$(grep -c '^danqing ' commands)" -ge 12 ]
    while read -r command <&3; do
        try "$command" || { echo "does not hold: $command"; cat said; return 1; }
    done 3<commands
}

@test "both languages of a document have the same commands, programs, options and links" {
    for other in "$SOURCE"/*.zh-CN.md "$SOURCE"/docs/*.zh-CN.md; do
        document=${other%.zh-CN.md}.md
        for language in sh c; do diff <(blocks "$document" $language) <(blocks "$other" $language); done
        diff <(options "$document") <(options "$other")
        # each may link to the other, and to either language of a third
        diff <(links "$document" | grep -v "$(basename "${document%.md}")" | sed 's/\.zh-CN\././' | sort -u) \
            <(links "$other" | grep -v "$(basename "${document%.md}")" | sed 's/\.zh-CN\././' | sort -u)
    done
}

@test "the options that the READMEs mention are there" {
    "$DANQING" --help all | grep -oE '^  (-., |    )--[a-z-]+' | sed 's/.*--/--/' >known
    printf '%s\n' --cflags --libs --help >>known
    for readme in "$english" "$chinese"; do
        [ "$(options "$readme" | wc -l)" -ge 20 ]
        options "$readme" >mentioned
        refute grep -vxFf known mentioned
    done
}

@test "the defaults in the tables of the READMEs are those of the option table" {
    sed -n 's/^OPT([a-z0-9_]*, "\([a-z0-9-]*\)", [A-Z]*, "\([^"]*\)".*/\1 \2/p' "$SOURCE/src/paint/options.def" >defaults
    for readme in "$english" "$chinese"; do
        sed -n 's/^| `--\([a-z0-9-]*\)[^`]*` | `\([^`]*\)` |.*/\1 \2/p' "$readme" >told
        [ "$(wc -l <told)" -ge 8 ]
        refute grep -vxFf defaults told
    done
}

@test "the program in the READMEs is part of examples/paint.c" {
    part=$(blocks "$english" c)
    [ -n "$part" ]
    [[ "$(blocks <(echo '```c'; cat "$SOURCE/examples/paint.c") c)" == *"$part"* ]]
}

@test "links in the documents lead to files" {
    for document in "$SOURCE"/*.md "$SOURCE"/docs/*.md "$SOURCE"/examples/samples/*.md; do
        while read -r target; do
            [ -e "$(dirname "$document")/$target" ] || { echo "$document: nothing at $target"; return 1; }
        done < <(links "$document")
    done
}

@test "README.md can be read in one go" { [ "$(wc -c <"$english")" -le 12288 ]; }
