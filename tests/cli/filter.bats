#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# danqing filter: every template of the help, matrices of one's own, what it says, and when it refuses.
load common

filter() { "$DANQING" filter photo.png "$@"; }

@test "every template of the help makes a picture and says what its sum means" {
    templates=$("$DANQING" __complete filter --template '' | grep -v '^:')
    [ "$(wc -w <<<"$templates")" -ge 14 ]
    for template in $templates; do
        run --separate-stderr filter --template "$template" -o "$template.png"
        expect 0 ""
        case $template in
        smooth | gauss | sharpen | emboss) says="the coefficients sum to 1: constant areas stay as they are" ;;
        sketch-lines) says="the difference of two blurred pictures" ;;
        *) says="the coefficients sum to 0: constant areas become 0, black" ;;
        esac
        [[ $stderr == "$template.png: 60 × 44; $says"* ]]
    done
    [ "$(cat ./*.png | wc -c)" -gt 10000 ]
}

@test "a matrix as text and from a file is the same as its template; --json gives it" {
    filter --template sharpen -o a.png
    filter --kernel "0 -1 0; -1 5 -1; 0 -1 0" -o b.png
    printf '0, -1, 0   # one row a line\n-1 5 -1\n0 -1 0\n' >matrix.txt
    filter --kernel matrix.txt -o c.png
    cmp a.png b.png
    cmp a.png c.png
    filter --template gauss --json -o d.png >answer
    json_check answer "[[round(16 * v) for v in row] for row in d['kernels'][0]] == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]"
    json_check answer "d['sum'] == 1 and (d['width'], d['height']) == (60, 44)"
}

@test "size of the result: stride and padding" {
    run --separate-stderr filter --template smooth --kernel-size 5 --padding valid -o a.png
    [[ $stderr == "a.png: 56 × 40;"* ]]
    run --separate-stderr filter --template smooth --stride 3 -o b.png
    [[ $stderr == "b.png: 20 × 15;"* ]]
    for options in "--repeat 3" "--strength 0.5" "--padding zero" "--padding reflect" "--channels grey" "--channels luminance"; do
        # shellcheck disable=SC2086
        filter --template smooth $options -o other.png
        filter --template smooth -o plain.png
        refute cmp -s other.png plain.png
    done
    filter --template laplace --normalise -o a.png
    filter --template laplace -o b.png
    refute cmp -s a.png b.png
    filter --template gauss --sigma 2 --kernel-size 13 -o a.png
    filter --template gauss --kernel-size 13 -o b.png
    refute cmp -s a.png b.png
    filter --template sketch-lines --threshold 0.4 -o a.png
    filter --template sketch-lines --softness 2 -o b.png
    refute cmp -s a.png b.png
}

@test "threads change nothing" {
    filter --template sobel --threads 1 -o a.png
    filter --template sobel --threads 3 -o b.png
    cmp a.png b.png
}

@test "refusals: one line, nothing written" {
    refuse() {
        local code=$1 line=$2
        shift 2
        run --separate-stderr "$DANQING" filter "$@"
        expect "$code" ""
        [ "${#stderr_lines[@]}" -eq 1 ]
        [[ $stderr == "danqing: $line"* ]] || { echo "$stderr"; return 1; }
        [ ! -e out.png ]
    }
    refuse 2 "'danqing filter' needs -o FILE" photo.png --template smooth
    refuse 2 "'danqing filter' writes to a file only" photo.png --template smooth -o -
    refuse 2 "'danqing filter' reads files only" - --template smooth -o out.png
    refuse 2 "'filter' needs either a template" photo.png -o out.png
    refuse 2 "--template takes one of" photo.png --template soft -o out.png
    refuse 2 "row 2 of the matrix has 1 numbers, the first 3" photo.png --kernel "1 2 3; 4; 5" -o out.png
    refuse 2 "the side of a template is an odd number" photo.png --template smooth --kernel-size 6 -o out.png
    refuse 2 "option strength takes a number from -100 to 100, not 'much'" photo.png --template smooth --strength much -o out.png
    refuse 2 "photo.png is also an input" photo.png --template smooth -o photo.png
    refuse 2 "--iterations is not an option of 'danqing filter'" photo.png --template smooth --iterations 5 -o out.png
    refuse 3 "" nothing.png --template smooth -o out.png
    refuse 6 "" photo.png --template smooth -o no/out.png
}
