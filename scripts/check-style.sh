#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/check-style.sh [ROOT]: what every file must look like: a licence line and a comment first, no tabs in C, no blanks
# at line ends, lines of at most 130 characters, files of 900 lines, functions of 100, no banned function, no path of
# somebody's machine.
set -eu
root=${1:-$(dirname "$0")/..}
cd "$root"
bad=0

# Our text files: what git knows or would take, or else everything outside build folders.
list_files() {
    git ls-files --cached --others --exclude-standard 2>/dev/null ||
        find . -type f -not -path '*/.git/*' -not -path './build*' | sed 's|^\./||'
}
files=$(list_files | grep -E '\.(c|h|def|sh|bats|py|js|css|html|md|map|build|txt)$|^quickstart$|^\.ci/run$' |
    grep -vE '^tests/(fixtures|fuzz/corpus)/' | sort -u)
sources=$(printf '%s\n' "$files" | grep -E '\.(c|h|def|sh|bats|py|js|css)$|^quickstart$|^\.ci/run$')
c_files=$(printf '%s\n' "$files" | grep -E '\.(c|h|def)$')

# shellcheck disable=SC2086 # lists of words, no blanks in our names
LC_ALL=C awk '
function wrong(why) { printf "%s:%d: %s\n", FILENAME, FNR, why; bad = 1 }
/[ \t]$/ { wrong("blank at the end of the line") }
/\r/ { wrong("carriage return") }
FILENAME !~ /\.(md|html|txt)$/ {
    text = $0
    gsub(/[\200-\277]/, "", text)    # UTF-8 continuation bytes: what is left is one a character
    if (length(text) > 130) wrong("more than 130 characters")
}
FNR == 901 && FILENAME !~ /\.md$/ { wrong("more than 900 lines") }
END { exit bad }' $files || bad=1

for file in $files; do
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
        echo "$file: no newline at its end"
        bad=1
    fi
done

# The head: an optional #! line, then a comment that carries the licence.
# shellcheck disable=SC2086
awk '
FNR == 1 { if (FILENAME ~ /\.(sh|bats|py)$|^quickstart$|^\.ci/ && /^#!/) shebang = 1; else shebang = 0 }
FNR == 1 + shebang && !/^(\/\*|\/\/|#|<!--).*SPDX-License-Identifier: MIT/ {
    printf "%s:%d: the file must open with a comment that has SPDX-License-Identifier: MIT\n", FILENAME, FNR
    bad = 1
}
FNR == 2 + shebang && !/[A-Za-z]/ && !/^ ?\*$/ {
    printf "%s:%d: after the licence comes what the file owns\n", FILENAME, FNR
    bad = 1
}
END { exit bad }' $sources || bad=1

# C only: tabs, banned functions (outside comments and strings), length of functions (from the signature to the brace in
# the first column).
# shellcheck disable=SC2086
awk '
function wrong(why) { printf "%s:%d: %s\n", FILENAME, FNR, why; bad = 1 }
function strip(line,   out, p) {
    gsub(/\\./, "", line)
    gsub(/"[^"]*"/, "\"\"", line)
    if (comment) {
        p = index(line, "*/")
        if (!p) return ""
        line = substr(line, p + 2)
        comment = 0
    }
    while ((p = index(line, "/*"))) {
        out = substr(line, 1, p - 1)
        line = substr(line, p + 2)
        p = index(line, "*/")
        if (!p) { comment = 1; return out }
        line = out " " substr(line, p + 2)
    }
    sub(/\/\/.*/, "", line)
    return line
}
BEGIN {
    banned = "(^|[^A-Za-z0-9_])(atoi|atol|atof|strtok|strcpy|strcat|sprintf|vsprintf|gets|alloca|rand|srand|system|tmpnam)[ ]*\\("
}
FNR == 1 { comment = 0; body = 0 }
/\t/ { wrong("tab") }
{
    code = strip($0)
    if (code ~ banned) wrong("banned function")
    if (!body && code ~ /^[A-Za-z_]/) first = FNR
    if (!body && code ~ /\) \{$/ && code !~ /^(#|typedef|struct|enum|union)/) body = first
    if (body && code ~ /^\}/) {
        if (FNR - body + 1 > 100) wrong("function of " FNR - body + 1 " lines (from line " body ")")
        body = 0
    }
}
END { exit bad }' $c_files || bad=1

# Paths of a machine: this checkout itself, somebody's home (tests may invent one), and the folder beside the checkout that
# only .ci/run looks for.
here=$(pwd)
for file in $files; do
    case $file in
    .ci/run) continue ;;
    tests/*) paths='(root|mnt|Users|work|workspace)' ;;
    *) paths='(home|root|mnt|Users|work|workspace)' ;;
    esac
    if grep -nE "(^|[^A-Za-z0-9_.])/$paths/|[.][.]/shared" "$file" || grep -nF "$here" "$file"; then
        echo "$file: names a path of somebody's machine"
        bad=1
    fi
done
exit $bad
