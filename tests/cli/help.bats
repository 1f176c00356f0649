#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Help, manual page and completions tell of the same options as the tables in the source; both languages.
load common

# The names of all options, from the source of the two tables.
names_in_source() {
    { grep -oE '^OPT\([a-z0-9_]+, "[a-z0-9-]+"' "$SOURCE/src/paint/options.def"
      grep -oE '^CLI\("[a-z0-9-]+"' "$SOURCE/cli/options.def"; } | grep -oE '"[^"]+"' | tr -d '"' | sort
}

# The verbs, from the source of their table.
verbs_in_source() { sed -n 's/^    {"\([a-z ]*\)", ".*/\1/p' "$SOURCE/cli/verbs.c"; }

@test "--help: at most 28 lines of 80 columns, three examples first" {
    run --separate-stderr "$DANQING" --help
    expect 0
    [ -z "$stderr" ]
    [ "${#lines[@]}" -le 28 ]
    [ "${lines[0]}" = "Examples:" ]
    for i in 1 2 3; do [[ ${lines[$i]} == "  danqing "* ]]; done
    "$DANQING" --help >help
    LC_ALL=C.UTF-8 refute grep -E '^.{81}' help
    [ "$("$DANQING" help)" = "$output" ]
    [ "$("$DANQING" -h)" = "$output" ]
}

@test "the examples in help are commands that are understood" {
    "$PICTURE" me.jpg 40 40 0
    "$PICTURE" starry-night.jpg 40 40 1
    "$PICTURE" wave.jpg 40 40 2
    for line in 2 3; do
        command=$("$DANQING" --help | sed -n "${line}s/^  danqing //p")
        [ -n "$command" ]
        # shellcheck disable=SC2086
        "$DANQING" $command --model random --dry-run >plan
    done
}

@test "help, manual page, completions and parser know exactly the options of the tables" {
    names_in_source >source
    [ "$(wc -l <source)" -gt 40 ]
    "$DANQING" --help all | grep -oE '^  (-., |    )--[a-z0-9-]+' | sed 's/.*--//' | sort >help
    diff source help
    sed -n 's/^\.It .*Fl -\([a-z0-9-]*\).*/\1/p' "$MAN" | sort >page
    diff source page
    while read -r verb <&3; do
        # shellcheck disable=SC2086
        "$DANQING" __complete $verb --
    done 3< <(verbs_in_source) | sed -n 's/^--\([a-z0-9-]*\)\t.*/\1/p' | sort -u >completions
    diff <(sort -u source) completions
    while read -r name; do
        run --separate-stderr "$DANQING" paint "--$name="
        [[ $stderr != *"there is no option"* ]]
    done <source
}

@test "each verb has help; model --help has all of its verbs" {
    while read -r verb <&3; do
        # shellcheck disable=SC2086
        run --separate-stderr "$DANQING" $verb --help
        expect 0
        [[ ${lines[0]} == "Usage: danqing $verb "* ]]
    done 3< <(verbs_in_source)
    [ "$(verbs_in_source | wc -l)" -ge 17 ]
    [ "$("$DANQING" model --help | grep -c '^Usage:')" -eq 4 ]
    [ "$("$DANQING" help model info)" = "$("$DANQING" model info --help)" ]
    run --separate-stderr "$DANQING" help nothing
    expect 2 "" "danqing: there is no help on 'nothing'; 'danqing help' lists the verbs"
}

@test "--help all has recipes, exit codes and environment" {
    run --separate-stderr "$DANQING" --help all
    expect 0
    for word in portrait painting quick classic neural-style 130 143 DANQING_MODELS NO_COLOR; do
        [[ $output == *"  $word "* ]]
    done
    "$DANQING" --help all >help
    LC_ALL=C.UTF-8 refute grep -E '^.{81}' help
}

@test "help in Chinese where the locale says zh" {
    for variable in LC_ALL LC_MESSAGES LANG; do
        run --separate-stderr env -u LC_ALL "$variable=zh_CN.UTF-8" "$DANQING" --help
        expect 0
        [ "${lines[0]}" = "例：" ]
        [ "${#lines[@]}" -le 28 ]
    done
    run --separate-stderr env LC_ALL=C LANG=zh_CN.UTF-8 "$DANQING" --help
    [ "${lines[0]}" = "Examples:" ]
    LC_ALL=zh_CN.UTF-8 "$DANQING" --help all | grep -oE '^  (-., |    )--[a-z0-9-]+' | sed 's/.*--//' | sort >help
    names_in_source | diff - help
}

@test "--version" {
    run --separate-stderr "$DANQING" --version
    expect 0
    [[ ${lines[0]} =~ ^danqing\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [[ ${lines[1]} =~ ^kernels:\ (c|neon|avx2|avx512)$ ]]
    [ "$("$DANQING" paint -V)" = "$output" ]
    [ "$(DANQING_CPU=c "$DANQING" --version | tail -1)" = "kernels: c" ]
}

@test "the manual page is clean and reproducible" {
    command -v mandoc >lint || skip "mandoc is not installed"
    mandoc -Tlint "$MAN"
    [ "$(SOURCE_DATE_EPOCH=0 "$DANQING" __man | head -1)" = ".Dd January 1, 1970" ]
    SOURCE_DATE_EPOCH=0 "$DANQING" __man >a
    SOURCE_DATE_EPOCH=0 LC_ALL=zh_CN.UTF-8 DANQING_CPU=c "$DANQING" __man | cmp - a
}

complete() { "$DANQING" __complete "$@" | cut -f1 | tr '\n' ' '; }

@test "completions" {
    [ "$(complete mo)" = "model :file " ]
    [ "$(complete model '')" = "list info import fetch " ]
    [ "$(complete model fetch vgg16)" = "vgg16 vgg16-torchvision " ]
    [ "$(complete paint --optimizer '')" = "adam lbfgs " ]
    [ "$(complete --optimizer=l)" = "--optimizer=lbfgs " ]
    [ "$(complete --optimizer = l)" = "lbfgs " ]
    [ "$(complete paint --clamp o)" = "on off " ]
    [ "$(complete paint --recipe c)" = "classic " ]
    [ "$(complete paint --style-w)" = "--style-weight --style-weights " ]
    [ "$(complete model list --)" = "--json --help --version " ]
    [ "$(complete paint a.jpg '')" = ":file " ]
    [ "$(complete paint -o '')" = ":file " ]
    [ "$(complete paint --size '')" = "" ]
    [ "$(complete help '')" = "paint sweep batch info model bench train sketch filter explain serve worker help all " ]
}

@test "the bash completion script asks the command" {
    run bash -c "source '$SOURCE/completions/danqing.bash'
        COMP_WORDS=('$DANQING' paint --normalization '') COMP_CWORD=3
        _danqing; printf '%s ' \"\${COMPREPLY[@]}\""
    [ "$status" -eq 0 ]
    [[ $output == "mean course gatys "* ]]
}
