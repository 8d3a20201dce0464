#!/usr/bin/env bash
# Drives a real gateway with real sandboxes by E2B's own SDK, unmodified: the newest, blocking and asynchronous, over one URL and over host
# names with TLS, and one of old that has other routes. Leaves no sandbox and no process.
#
#   scripts/e2b-sdk.sh                    all of it
#   scripts/e2b-sdk.sh v2 [PYTEST-ARGS]   the suites of the newest SDK only, as pytest is told: v2 -k terminal -x
#   scripts/e2b-sdk.sh v1 [PYTEST-ARGS]   those of the old one only
#   scripts/e2b-sdk.sh through [PYTEST-ARGS]
#                                         those that every place can show, towards a gateway whose only place is another gateway that speaks E2B
#   scripts/e2b-sdk.sh bench              what the dialect costs; see Tests/E2BSDK/bench.py
#
# SANDSTORM names another program than the debug build's, WORKERS how many scenarios run at a time (4).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
suites=$root/Tests/E2BSDK
gateway=${SANDSTORM:-$root/.build/debug/sandstorm}
workers=${WORKERS:-4}
what=${1:-all}
[ $# -gt 0 ] && shift

case "$what" in
    all) venvs=(e2b-v2 e2b-v1) ;;
    v1) venvs=(e2b-v1) ;;
    *) venvs=(e2b-v2) ;;
esac
for venv in "${venvs[@]}"; do
    [ -x "$root/.build/$venv/bin/pytest" ] || { echo "e2b-sdk: not installed; run scripts/setup.sh test" >&2; exit 1; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/sandstorm-test-e2b.XXXXXX")
server=
status=0

# Those that were started, each after what it has sandboxes at.
behind=
stop() {
    local one
    for one in "$server" "$behind"; do
        [ -n "$one" ] || continue
        kill -TERM "$one" 2>/dev/null || true
        for _ in $(seq 300); do kill -0 "$one" 2>/dev/null || break; sleep 0.1; done
        if kill -0 "$one" 2>/dev/null; then
            echo "e2b-sdk: a gateway does not stop" >&2
            kill -KILL "$one" 2>/dev/null || true
            status=1
        fi
        wait "$one" 2>/dev/null || true
    done
    server= behind=
}
finish() {
    local code=$?
    trap - EXIT INT TERM
    stop
    if [ "$code" -ne 0 ]; then cat "$work"/*/serve.log 2>/dev/null | grep -v 'API key' | tail -20 >&2 || true; fi
    if [ -n "${KEEP_LOG:-}" ]; then cat "$work"/*/serve.log >"$KEEP_LOG"; fi
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# A certificate of our own: the SDK refuses one that signs itself.
domain=sandstorm.localhost
certify() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=Test CA" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
        -keyout "$work/ca-key.pem" -out "$work/ca.pem"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$domain" \
        -keyout "$work/key.pem" -out "$work/request.pem"
    openssl x509 -req -in "$work/request.pem" -CA "$work/ca.pem" -CAkey "$work/ca-key.pem" -CAcreateserial -days 2 \
        -extfile <(printf 'basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:%s,DNS:*.%s\n' "$domain" "$domain") -out "$work/cert.pem"
}
certify 2>"$work/openssl.log" || { cat "$work/openssl.log" >&2; exit 1; }

# What is not loopback, for what sandboxes may reach outside.
address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 -E '^[0-9.]+$' || true)
options=()
[ -n "$address" ] && options+=(--local-private-network "$address")

# Starts a gateway on free ports, with a data directory of its own, and sets `url` and `tls`.
#
#   serve NAME CONFIGURATION
serve() {
    local name=$1
    mkdir -p "$work/$name"
    echo "$2" >"$work/$name/config.json"
    : >"$work/$name/serve.log" # The shell that becomes the gateway may come to it later than the loop below.
    "$gateway" serve --listen 127.0.0.1:0 --data-dir "$work/$name/data" --config "$work/$name/config.json" \
        --tls-listen 127.0.0.1:0 --tls-certificate "$work/cert.pem" --tls-key "$work/key.pem" "${options[@]}" >"$work/$name/serve.log" 2>&1 &
    case "$name" in behind) behind=$! ;; *) server=$! ;; esac
    local started=$!
    url= tls=
    for _ in $(seq 150); do
        url=$(sed -n 's/^sandstorm: listening on \(http:[^ ,]*\).*/\1/p' "$work/$name/serve.log")
        tls=$(sed -n 's/^sandstorm: listening on https:.*:\([0-9]*\).*/\1/p' "$work/$name/serve.log")
        [ -n "$url" ] && [ -n "$tls" ] && return
        kill -0 "$started" 2>/dev/null || { cat "$work/$name/serve.log" >&2; exit 1; }
        sleep 0.1
    done
    echo "e2b-sdk: the gateway does not listen" >&2
    exit 1
}
first_key() { sed -n 's/^The first API key, shown this once: //p' "$work/$1/serve.log"; }

if [ "$what" = through ]; then
    # The place behind the gateway that is tested; it stops after it.
    serve behind '{}'
    export BEHIND_KEY
    BEHIND_KEY=$(first_key behind)
    serve front "$(printf '{"e2b":{"domain":"%s"},"routing":{"default":{"type":"excluded","targets":[{"provider":"local"}]}},"accounts":[%s]}' "$domain" \
        "{\"provider\":\"e2b\",\"key\":{\"environment\":\"BEHIND_KEY\"},\"apiURL\":\"$url/e2b\",\"sandboxURL\":\"$url/e2b\",\"lacks\":[\"memorySnapshots\"]}")"
else
    serve front "$(printf '{"e2b":{"domain":"%s"}}' "$domain")"
fi

# The key of another tenant, for whom there is no command yet: the store's own row, as the key ring would write it.
other_key() {
    python3 - "$work/front/data" <<'PYTHON'
import hashlib, secrets, sqlite3, sys, time

secret = "sandstorm_" + secrets.token_hex(32)
row = ["key_" + "1" * 26, "ten_" + "1" * 26, "prj_" + "1" * 26, "other", hashlib.sha256(secret.encode()).digest(), int(time.time() * 1000)]
with sqlite3.connect(sys.argv[1] + "/sandstorm.sqlite", timeout=10) as database:
    database.execute("INSERT INTO api_keys (id, tenant, project, name, hash, created_at) VALUES (?, ?, ?, ?, ?, ?)", row)
print(secret)
PYTHON
}
SANDSTORM_E2B_KEY=$(first_key front)
SANDSTORM_E2B_OTHER_KEY=$(other_key)
export SANDSTORM_E2B_KEY SANDSTORM_E2B_OTHER_KEY SANDSTORM_E2B_PID=$server
export SANDSTORM_E2B_URL=$url/e2b SANDSTORM_E2B_DOMAIN=$domain:$tls SANDSTORM_E2B_ADDRESS=$address
export SSL_CERT_FILE=$work/ca.pem E2B_VOLUME_API_URL=$url/e2b
# What the caller has set must not lead the SDK anywhere else.
unset E2B_API_KEY E2B_API_URL E2B_SANDBOX_URL E2B_DOMAIN E2B_DEBUG E2B_ACCESS_TOKEN HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
export PYTHONDONTWRITEBYTECODE=1

run() {
    local venv=$1
    shift
    (cd "$suites" && timeout --kill-after=10 1200 "$root/.build/$venv/bin/pytest" -n "$workers" -q "$@") || status=1
}
# By one URL such a place has no ports, and so no interpreter.
everywhere=(test_core.py test_commands.py test_files.py test_terminals.py -k "not interpreter")
# The others use what came later.
old=(test_core.py test_terminals.py test_watching.py)
case "$what" in
    v2) run e2b-v2 "$@" ;;
    # Unless files are named.
    v1) if [[ "$*" = *test_*.py* ]]; then run e2b-v1 "$@"; else run e2b-v1 "${old[@]}" "$@"; fi ;;
    through) if [[ "$*" = *test_*.py* ]]; then run e2b-v2 "$@"; else run e2b-v2 "${everywhere[@]}" "$@"; fi ;;
    bench) SANDSTORM_BENCHMARKS=$(dirname "$gateway")/SandstormBenchmarks "$root/.build/e2b-v2/bin/python" "$suites/bench.py" "$@" || status=1 ;;
    all)
        run e2b-v2
        run e2b-v1 "${old[@]}"
        ;;
    *) echo "e2b-sdk: v2, v1, through or bench, or nothing for all" >&2; exit 2 ;;
esac

# What the scenarios made is gone, or it leaks.
left=$(curl --silent --max-time 30 --header "x-api-key: $SANDSTORM_E2B_KEY" "$url/e2b/v2/sandboxes" || true)
if [ "$left" != "[]" ]; then
    echo "e2b-sdk: left behind: ${left:0:2000}" >&2
    status=1
fi
stop
# All that this run can have left names its directory.
left=$(scripts/leftovers.sh | grep -F "$work/" || true)
if [ -n "$left" ]; then
    echo "e2b-sdk: left on the machine:" >&2
    echo "$left" >&2
    status=1
fi
exit "$status"
