#!/bin/sh
# Builds sandstorm-agent, the first process in our own sandboxes: static, stripped, Linux only.
#
#   scripts/build-agent.sh [OUTPUT]
#
# OUTPUT is where the executable goes; by default beside the main package's debug executables, where the local provider looks for it.
# When nothing has changed since the last build, it does nothing, fast: it may stand before every test run.
set -eu

if [ "$(uname -s)" != Linux ]; then
    echo "build-agent: the agent is built for Linux only; skipped" >&2
    exit 0
fi

cd "$(dirname "$0")/.."
output=${1:-}
if [ -z "$output" ]; then
    # `.build/debug` is a symbolic link of SwiftPM's. Where there was no build yet, a directory of that name would be in its way.
    [ -d .build/debug ] && output=.build/debug/sandstorm-agent || output=$(swift build --show-bin-path)/sandstorm-agent
fi
scratch=.build/agent
built=$scratch/sandstorm-agent

# `-L`: the agent sees the frames through a symbolic link, whose target is what changes. Directories count too: a removed file touches one.
is_current() {
    [ -x "$built" ] && [ -z "$(find -L Agent Sources/SandstormWire/AgentProtocol scripts/build-agent.sh -newer "$built" -print -quit)" ]
}

if ! is_current; then
    # What changes while the compiler runs must count as newer than the result.
    mkdir -p "$scratch"
    stamp=$(mktemp "$scratch/stamp.XXXXXX")
    trap 'rm -f "$stamp" "$built.$$"' EXIT
    # The linker warns that dlopen in a static executable needs glibc at run time; nothing in the agent calls it.
    swift build --package-path Agent --scratch-path "$scratch" -c release --product sandstorm-agent >&2
    strip -o "$built.$$" "$(swift build --package-path Agent --scratch-path "$scratch" -c release --show-bin-path)/sandstorm-agent"
    touch -r "$stamp" "$built.$$"
    mv -f "$built.$$" "$built"
fi

if [ ! -x "$output" ] || [ "$built" -nt "$output" ] || [ "$built" -ot "$output" ]; then
    mkdir -p "$(dirname "$output")"
    # A copy and a rename, so that nobody starts half an agent, and one that runs is not written to (ETXTBSY).
    cp -p "$built" "$output.$$"
    mv -f "$output.$$" "$output"
fi
