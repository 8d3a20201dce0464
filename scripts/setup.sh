#!/usr/bin/env bash
# Installs the Debian packages that are missing: `setup.sh run` what building and the example need, `setup.sh test` also
# every language's toolchain. Does nothing, quickly, where all is there. Elsewhere than on Debian it says what is needed.
set -euo pipefail

# command or file → package
run_needs=(
    "bwrap=bubblewrap" "python3=python3" "node=nodejs" "ruby=ruby" "mkfs.ext4=e2fsprogs" "make=make" "cc=gcc"
    "/usr/include/sqlite3.h=libsqlite3-dev" "/usr/include/seccomp.h=libseccomp-dev" "strip=binutils"
)
test_needs=(
    "${run_needs[@]}" "runc=runc" "go=golang-go" "rustc=rustc" "javac=default-jdk-headless" "g++=g++"
    "mcs=mono-mcs" "mono=mono-runtime" "php=php-cli" "busybox=busybox-static" "curl=curl"
    "/usr/share/nodejs/typescript=node-typescript"
)

needs=("${run_needs[@]}")
if [ "${1:-run}" = test ]; then needs=("${test_needs[@]}"); fi

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
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    if [ "$(uname)" = Darwin ]; then exit 0; fi
    echo "Missing here, by Debian's names: ${missing[*]}. Install them with this system's package manager." >&2
    exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
