# SPDX-License-Identifier: MIT
# tests/cli/common.bash: what every .bats file loads: a folder of its own with a photo and a painting, English, no installed
# models. DANQING is the command, PICTURE makes pictures, MAN is the built manual page, SOURCE the root of the source.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    unset DANQING_MODELS DANQING_CPU NO_COLOR LANG LC_MESSAGES
    export LC_ALL=C HOME=$BATS_TEST_TMPDIR XDG_DATA_HOME=$BATS_TEST_TMPDIR/data XDG_DATA_DIRS=$BATS_TEST_TMPDIR/none
    "$PICTURE" photo.png 60 44 0
    "$PICTURE" painting.png 50 50 1
}

# danqing on small pictures with random weights.
paint() { "$DANQING" paint --model random --size 48 -n 4 --min-size 0 "$@"; }

# Checks status and both streams of the last `run --separate-stderr`.
# shellcheck disable=SC2154 # bats sets status, output and stderr
expect() {
    local text=$1
    [ "$status" -eq "$text" ] || { echo "status $status, expected $text; stderr: $stderr"; return 1; }
    [ "$#" -lt 2 ] || [ "$output" = "$2" ] || { printf 'stdout is:\n%s\nexpected:\n%s\n' "$output" "$2"; return 1; }
    [ "$#" -lt 3 ] || [ "$stderr" = "$3" ] || { printf 'stderr is:\n%s\nexpected:\n%s\n' "$stderr" "$3"; return 1; }
}

# interrupt JOB SIGNAL COMMAND…: sends the signal once the command succeeds (it has 20 s); leaves the exit code in $code.
interrupt() {
    local job=$1 signal=$2
    shift 2
    for _ in $(seq 400); do
        "$@" 2>no && break
        sleep 0.05
    done
    kill -"$signal" "$job"
    code=0
    # shellcheck disable=SC2034 # for the test
    wait "$job" || code=$?
}

# Fails when the command succeeds (bash ignores the failure of a "! command" that is not the last).
refute() {
    if "$@" >refuted; then
        echo "should have failed: $*"
        cat refuted
        return 1
    fi
}

json_check() { python3 -c "import json,sys
d=json.load(open(sys.argv[1])) if sys.argv[1] != '-' else json.load(sys.stdin)
assert $2, d" "$1"; }
