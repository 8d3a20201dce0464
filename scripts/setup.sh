#!/usr/bin/env bash
# Installs the Debian packages that are missing: `setup.sh run` what building and the example need, `setup.sh test` also
# every language's toolchain and, below .build, Python's tools that test the HTTP API from outside and the vendors' SDKs that drive it;
# `setup.sh bench` also the load generator. Does nothing, quickly, where all is there. Elsewhere than on Debian it says what is needed.
set -euo pipefail

# command or file → package
run_needs=(
    "bwrap=bubblewrap" "slirp4netns=slirp4netns" "python3=python3" "python=python-is-python3" "node=nodejs" "ruby=ruby" "mkfs.ext4=e2fsprogs" "make=make" "cc=gcc"
    "/usr/include/sqlite3.h=libsqlite3-dev" "/usr/include/seccomp.h=libseccomp-dev" "/usr/include/zlib.h=zlib1g-dev"
    "strip=binutils"
)
test_needs=(
    "${run_needs[@]}" "runc=runc" "go=golang-go" "rustc=rustc" "javac=default-jdk-headless" "g++=g++"
    "mcs=mono-mcs" "mono=mono-runtime" "php=php-cli" "busybox=busybox-static" "curl=curl" "openssl=openssl" "git=git"
    "/usr/share/nodejs/typescript=node-typescript"
    "/usr/lib/python3/dist-packages/ipykernel=python3-ipykernel"
    "/usr/lib/python3/dist-packages/matplotlib=python3-matplotlib" "/usr/lib/python3/dist-packages/pandas=python3-pandas"
)
bench_needs=("${test_needs[@]}" "wrk=wrk")

case "${1:-run}" in
    test) needs=("${test_needs[@]}") ;;
    bench) needs=("${bench_needs[@]}") ;;
    *) needs=("${run_needs[@]}") ;;
esac

missing=()
for need in "${needs[@]}"; do
    package="${need##*=}"
    probe="${need%%=*}"
    case "$probe" in
        /*) [ -e "$probe" ] || missing+=("$package") ;;
        # The system's own directories only: sandboxes see no others.
        *) PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin command -v "$probe" >/dev/null || missing+=("$package") ;;
    esac
done

# Made anew when what is wanted changes: a copy of the list is the mark of a finished one.
#
#   install_python_tools NAME REQUIREMENTS    in .build/NAME
install_python_tools() {
    local venv=.build/$1 wanted=$2
    cmp -s "$wanted" "$venv/requirements.txt" && return
    echo "Installing Python's test tools in $venv"
    rm -rf "$venv"
    mkdir -p .build
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$venv/requirements.txt"
}
install_all_python_tools() {
    install_python_tools venv scripts/schemathesis/requirements.txt
    install_python_tools e2b-v2 Tests/E2BSDK/requirements.txt
    install_python_tools e2b-v1 Tests/E2BSDK/requirements-v1.txt
}
cd "$(dirname "$0")/.."
purpose=${1:-run}
finish() {
    case "$purpose" in
        test) install_all_python_tools ;;
        bench) install_python_tools e2b-v2 Tests/E2BSDK/requirements.txt ;;
    esac
    exit 0
}

if [ "$purpose" != run ] && ! python3 -c 'import ensurepip' 2>/dev/null; then missing+=("python3-venv"); fi
[ ${#missing[@]} -eq 0 ] && finish

if ! command -v apt-get >/dev/null; then
    [ "$(uname)" = Darwin ] && finish
    echo "Missing here, by Debian's names: ${missing[*]}. Install them with this system's package manager." >&2
    exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
finish
