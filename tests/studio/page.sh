#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/studio/page.sh: starts a studio and runs page.mjs against it. Says what is missing and skips where there is no node, no
# chromium or no playwright-core (`npm install --prefix tests/studio` fetches it; .ci/run does).
set -euo pipefail
export LC_ALL=C.UTF-8 # names of downloads are not plain letters
here=$(cd "$(dirname "$0")" && pwd)

skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

command -v node >/dev/null || skip "node is not installed"
CHROMIUM=$(command -v chromium || true)
[ -n "$CHROMIUM" ] || skip "chromium is not installed"
export CHROMIUM PLAYWRIGHT=${PLAYWRIGHT:-$here}
[ -d "$PLAYWRIGHT/node_modules/playwright-core" ] || skip "playwright-core is not installed (npm install --prefix tests/studio)"

work=$(mktemp -d)
"$DANQING" serve --data "$work/data" --port 0 --no-open --rate 0 2>"$work/log" &
studio=$!
trap 'kill $studio 2>/dev/null; wait $studio 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 600); do
    grep -q token= "$work/log" && break
    sleep 0.1
done
url=$(sed -n 's/.*\(http:[^ ]*\).*/\1/p' "$work/log" | head -n 1)
[ -n "$url" ] || { cat "$work/log"; exit 1; }
export STUDIO=${url%%/\?*} TOKEN=${url##*token=}
node "$here/page.mjs" "$@"
