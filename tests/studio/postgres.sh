#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/studio/postgres.sh: starts a PostgreSQL of its own (a private folder, a loopback port), runs the store's tests in it, and
# then postgres.py: a studio with workers of which one dies, and a database that restarts. Skips where it is not installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then skip "PostgreSQL is not installed"; fi
"$DANQING" serve --store postgresql://127.0.0.1:1/none --data "${TMPDIR:-/tmp}/danqing-none.$$" 2>&1 | grep -q "without libpq" &&
    skip "this danqing was built without libpq"
rm -rf "${TMPDIR:-/tmp}/danqing-none.$$"

# PostgreSQL does not run as root.
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

work=$(mktemp -d)
chmod 755 "$work"
mkdir "$work/db"
if [ "$(id -u)" = 0 ]; then chown postgres "$work/db"; fi
port=$((20000 + RANDOM % 20000))
pg() { as "$bin/pg_ctl" -D "$work/db/data" -s -w -l "$work/db/log" "$@" >/dev/null; }
start="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
trap 'pg stop -m immediate 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
as "$bin/initdb" -D "$work/db/data" -A trust -U danqing >/dev/null
pg -o "$start" start
export DANQING_TEST_STORE=postgresql://danqing@127.0.0.1:$port/postgres

# The command that postgres.py restarts the database with.
cat >"$work/restart" <<END
#!/bin/bash
cd "$work"
$(declare -f as pg)
bin=$bin work=$work
pg stop -m immediate
pg -o "$start" start
END
chmod +x "$work/restart"
RESTART="$work/restart" python3 "$here/postgres.py"
