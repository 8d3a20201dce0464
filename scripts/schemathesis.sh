#!/usr/bin/env bash
# Asks a real gateway with real sandboxes everything that its own description allows, and much that it does not: every answer must
# be one that the description has. Bounded and repeatable: a fixed seed, few examples, a time limit. Leaves no sandbox and no process.
#
#   scripts/schemathesis.sh [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

seed=${1:-1}
schemathesis=$root/.build/venv/bin/schemathesis
gateway=${SANDSTORM:-$root/.build/debug/sandstorm}
limit=300
[ -x "$schemathesis" ] || { echo "schemathesis: not installed; run scripts/setup.sh test" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/sandstorm-test-schemathesis.XXXXXX")
server=
url=

api() { curl --silent --show-error --max-time 30 --header "authorization: Bearer $SANDSTORM_KEY" "$@"; }
ids() { grep -o "\"id\":\"$1_[0-9a-v]*\"" | cut -d '"' -f 4; }

finish() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$url" ]; then
        for state in running paused creating; do
            for sandbox in $(api "$url/v1/sandboxes?limit=200&state=$state" | ids sbx || true); do
                api -X DELETE "$url/v1/sandboxes/$sandbox" >/dev/null || true
            done
        done
        for snapshot in $(api "$url/v1/snapshots?limit=200" | ids snp || true); do
            api -X DELETE "$url/v1/snapshots/$snapshot" >/dev/null || true
        done
    fi
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        for _ in $(seq 100); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    if [ "$status" -ne 0 ] && [ -s "$work/serve.log" ]; then grep -v 'API key' "$work/serve.log" | tail -20 >&2 || true; fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

: >"$work/serve.log" # The shell that becomes the gateway may come to it later than the loop below.
"$gateway" serve --listen 127.0.0.1:0 --data-dir "$work/data" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 150); do
    url=$(sed -n 's/^sandstorm: listening on \(http[^ ,]*\).*/\1/p' "$work/serve.log")
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$work/serve.log" >&2; exit 1; }
    sleep 0.1
done
[ -n "$url" ] || { echo "schemathesis: the gateway does not listen" >&2; exit 1; }
SANDSTORM_KEY=$(sed -n 's/^The first API key, shown this once: //p' "$work/serve.log")
export SANDSTORM_KEY

# What the operations on sandboxes and processes work on: ids that are made up lead nowhere.
SANDBOX=$(api -X POST "$url/v1/sandboxes" -d '{"spec":{"timeout":3600000}}' | ids sbx)
FROZEN=$(api -X POST "$url/v1/sandboxes" -d '{"spec":{"timeout":3600000}}' | ids sbx)
PROCESS=$(api "$url/v1/sandboxes/$SANDBOX/processes" -d '{"command":["sleep","3600"],"detached":true}' | ids prc)
TERMINAL=$(api "$url/v1/sandboxes/$SANDBOX/processes" -d '{"command":["cat"],"terminal":{},"detached":true}' | ids prc)
export SANDBOX FROZEN PROCESS TERMINAL

# Ports answer what somebody's server answers, sockets are no HTTP, and a watch, like the events of a process that lives, has no end. What it found before it keeps where it
# stands: runs are to be alike.
cd "$work"
cp -r "$root/scripts/schemathesis/." .
timeout --kill-after=10 "$limit" "$schemathesis" --config-file schemathesis.toml run "$url/openapi.json" \
    --exclude-path-regex '/ports/|/socket$|/watch$|/processes/\{process\}/events$' --seed "$seed" --max-examples 8 --request-timeout 30 --workers 1 \
    --generation-database none --continue-on-failure
