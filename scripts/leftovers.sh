#!/usr/bin/env bash
# What sandboxes and tests have left on this machine, a line each.
#
#   scripts/leftovers.sh                prints it
#   scripts/leftovers.sh since FILE     fails if there is more than FILE says, after a while in which what is just ending may end
set -uo pipefail
cd "$(dirname "$0")/.."

mounts() { awk '$5 ~ /\/local-[0-9a-z]{20,}(\/|$)/ || $5 ~ /\/sandstorm-test-/ { print "mount " $5 }' /proc/self/mountinfo; }

loop_devices() {
    local file
    for file in /sys/block/loop*/loop/backing_file; do
        [ -r "$file" ] && sed 's/^/loop device /' "$file" 2>/dev/null | grep -E '/(local|probe)-[^/]*(/disk)?\.ext4'
    done
    return 0
}

control_groups() { find /sys/fs/cgroup -mindepth 2 -maxdepth 3 -type d -path '*/sandstorm/*' -printf 'control group %p\n' 2>/dev/null; }

directories() {
    local directory
    for directory in "${TMPDIR:-/tmp}"/sandstorm-test-* /tmp/sandstorm-test-* /run/sandstorm/local-*; do
        [ -e "$directory" ] && echo "directory $directory"
    done
    return 0
}

# Those in control groups of sandboxes, and the programs that were built here.
processes() {
    local process
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" 2>/dev/null) in
            "$PWD"/.build/*/sandstorm | "$PWD"/.build/*/sandstorm-agent | */share/agent-*) ;;
            *) grep -q '/sandstorm/' "$process/cgroup" 2>/dev/null || continue ;;
        esac
        echo "process ${process#/proc/} $(tr '\0' ' ' <"$process/cmdline" 2>/dev/null)"
    done
    return 0
}

leftovers() { { mounts; loop_devices; control_groups; directories; processes; } | sort -u; }

if [ "${1:-}" != since ]; then
    leftovers
    exit
fi
more=$(leftovers | comm -13 "$2" -)
for _ in {1..60}; do
    [ -z "$more" ] && exit 0
    sleep 1
    # What came later is somebody else's.
    more=$(leftovers | comm -12 <(echo "$more") -)
done
echo "Left on the machine:" >&2
echo "$more" >&2
exit 1
