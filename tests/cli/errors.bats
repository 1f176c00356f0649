#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every exit code that a test can reach, with its one line; and what must survive a failure.
load common

# refuse CODE MESSAGE ARGUMENT…
refuse() {
    local code=$1 message=$2
    shift 2
    run --separate-stderr "$DANQING" "$@"
    expect "$code" "" "danqing: $message"
}

@test "2: usage" {
    refuse 2 "give a photo and a painting: danqing PHOTO PAINTING (danqing --help tells more)"
    refuse 2 "too few arguments; usage: danqing paint PHOTO PAINTING…" paint photo.png
    refuse 2 "too many arguments; usage: danqing info PICTURE" info a b
    refuse 2 "there is no verb 'pant', nor a file of that name; did you mean 'paint'?" pant photo.png
    refuse 2 "there is no verb 'xyzzy', nor a file of that name; 'danqing --help' lists the verbs" xyzzy
    refuse 2 "there is no verb 'model lst'; 'danqing model --help' lists what there is" model lst
    refuse 2 "'model' needs a second word; 'danqing model --help' lists them" model
    refuse 2 "there is no option --foo; 'danqing paint --help' lists them" paint --foo photo.png painting.png
    refuse 2 "there is no option --sise; did you mean --size?" paint --sise 3 photo.png painting.png
    refuse 2 "there is no option --frobnicate; 'danqing paint --help' lists them" paint --frobnicate
    refuse 2 "there is no option -z; 'danqing paint --help' lists them" photo.png painting.png -z
    refuse 2 "--size needs a value: --size N" photo.png painting.png --size
    refuse 2 "--quiet takes no value" photo.png painting.png --quiet=yes
    refuse 2 "--rounds is not an option of 'danqing paint' (it belongs to: bench)" photo.png painting.png --rounds 3
    refuse 2 "--quality takes a whole number from 1 to 100, not '0'" photo.png painting.png --quality 0
    refuse 2 "--progress takes one of bar|json|none, not 'dots'" photo.png painting.png --progress dots
    refuse 2 "option size takes a whole number from 16 to 32768, not '5'" photo.png painting.png --size 5
    refuse 2 "option clamp takes on or off, not 'maybe'" photo.png painting.png --clamp maybe
    refuse 2 "there is no recipe 'oil'; there are portrait, painting, sketch, quick, classic, neural-style, deepart, and\
 files of your own (./oil)" \
        photo.png painting.png --recipe oil
    refuse 2 "out has no ending to tell its format: .png .jpg .webp .tif …" photo.png painting.png -o out
    run --separate-stderr "$DANQING" photo.png painting.png -o out.xyz
    expect 2 ""
    [[ $stderr == *xyz* ]]
    run --separate-stderr "$DANQING" photo.png painting.png -o out.png --quality 90
    expect 2 ""
    run --separate-stderr paint photo.png painting.png -o out.png --style-layers relu7_7
    expect 2 ""
    [[ $stderr == *relu7_7*relu1_1* ]]   # the known ones are listed
}

@test "3: input pictures" {
    run --separate-stderr "$DANQING" missing.png painting.png -o out.png
    expect 3 ""
    [[ $stderr == "danqing: "*missing.png* ]]
    : >empty.png
    head -c 100 photo.png >cut.png
    echo "not a picture" >text.png
    for bad in empty.png cut.png text.png; do
        run --separate-stderr paint photo.png $bad -o out.png
        expect 3 ""
        [[ $stderr == "danqing: "*$bad* ]]
        [ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ]
    done
    run --separate-stderr paint - painting.png -o out.png <text.png
    expect 3
    [ ! -e out.png ]
}

@test "4: networks" {
    run --separate-stderr paint photo.png painting.png --model nowhere -o out.png
    expect 4 ""
    [[ $stderr == "danqing: "*nowhere* ]]
    head -c 2000 photo.png >bad.pth
    run --separate-stderr paint photo.png painting.png --model ./bad.pth -o out.png
    expect 4 ""
    [[ $stderr == "danqing: "*bad.pth* ]]
    run --separate-stderr "$DANQING" model info vgg19
    expect 4 ""
    [[ $stderr == *"danqing model fetch vgg19"* ]]
}

@test "5: limits" {
    run --separate-stderr paint photo.png painting.png --max-memory 1M -o out.png
    expect 5 ""
    [[ $stderr == "danqing: "*" MB"* ]]
    [ ! -e out.png ]
    python3 - <<'P'
import struct, zlib
def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
head = struct.pack('>IIBBBBB', 100000, 100000, 8, 2, 0, 0, 0)
body = chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(b'0')) + chunk(b'IEND', b'')
open('lying.png', 'wb').write(b'\x89PNG\r\n\x1a\n' + body)
P
    run --separate-stderr paint lying.png painting.png -o out.png
    expect 5 ""
}

@test "6: output is checked before the work, and a failure leaves nothing" {
    run --separate-stderr paint photo.png painting.png -o nowhere/out.png --progress json
    expect 6 ""
    [[ $stderr != *step* ]]   # no step was made
    refuse 6 "cannot write nowhere/out.png: nowhere/: No such file or directory" \
        photo.png painting.png -o nowhere/out.png
    mkdir folder.png
    refuse 6 "cannot write folder.png: it is a folder" photo.png painting.png -o folder.png
    refuse 6 "photo.png is already there, and --no-clobber forbids to overwrite it" \
        photo.png painting.png --no-clobber -o photo.png -f
    refuse 6 "cannot write the log nowhere/log.csv: No such file or directory" photo.png painting.png --size 48 --model random \
        -o out.png --log nowhere/log.csv
    if [ "$(id -u)" -ne 0 ]; then
        mkdir closed && chmod 555 closed
        refuse 6 "cannot write closed/out.png: closed/: Permission denied" photo.png painting.png -o closed/out.png
    fi
    run --separate-stderr bash -c "'$DANQING' paint --model random --size 48 -n 1 photo.png painting.png -q -o - >/dev/full"
    expect 6
    run --separate-stderr bash -c "'$DANQING' --help >/dev/full"
    expect 6 "" "danqing: cannot write to standard output"
    run --separate-stderr paint photo.png painting.png -q -o out.png --log /dev/full
    expect 6 "" "danqing: the log /dev/full could not be written whole"
    [ -s out.png ]   # the picture is written all the same
}

@test "inputs are not overwritten unless forced" {
    cp photo.png before.png
    ln -s photo.png link.png
    refuse 2 "photo.png is also an input; choose another -o, or give --force to overwrite it" \
        photo.png painting.png -o photo.png
    refuse 2 "link.png is also an input; choose another -o, or give --force to overwrite it" \
        photo.png painting.png -o link.png
    refuse 2 "--log photo.png is also an input" photo.png painting.png --size 48 --model random -o out.png --log photo.png
    cmp photo.png before.png
    paint photo.png painting.png -q -f -o photo.png
    refute cmp -s photo.png before.png
}

@test "a failed run leaves an older result alone" {
    paint photo.png painting.png -q -o out.png
    cp out.png before.png
    run --separate-stderr paint photo.png painting.png --max-memory 1M -o out.png
    expect 5
    run --separate-stderr paint photo.png missing.png -o out.png
    expect 3
    cmp out.png before.png
}

@test "messages carry no control characters" {
    run --separate-stderr "$DANQING" $'evil\033[31m.png' painting.png -o out.png
    expect 3
    [[ $stderr != *$'\033'* ]]
    run --separate-stderr "$DANQING" paint $'--ev\033il' photo.png painting.png
    expect 2
    [[ $stderr != *$'\033'* ]]
}
