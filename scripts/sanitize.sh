#!/usr/bin/env bash
# Runs tests under the thread sanitizer, which reports every access to memory that two threads make without an order between
# them. Fails if it reports anything, or if a test does. Builds the named test targets and what they need in a directory of its
# own, `.build/sanitize`, for nothing may be mixed.
#
#   SANITIZE_TARGETS  which test targets, with commas in between
#   SANITIZE_FILTER   which tests of them, as `swift test --filter` has it; by default all
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.build/sanitize
targets=${SANITIZE_TARGETS:-SandstormStoreTests,SandstormEngineTests}
filter=${SANITIZE_FILTER:-"^(${targets//,/|})\."}

# Read by Package.swift.
export SANDSTORM_ONLY_TARGETS=$targets

# `Locked` is an NSLock under this flag: the sanitizer does not know Synchronization.Mutex and reports a race on every one.
flags=(--sanitize=thread --scratch-path "$scratch" -Xswiftc -DTSAN)

# Exit tests start the test program anew and kill it, which is no place for a report; `halt_on_error=0` shows all races at once,
# and the exit status tells of them all the same.
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"

swift build "${flags[@]}" --build-tests
# A few at a time: with all of them begun at once every test takes as long as all together, longer than any of them waits.
swift test "${flags[@]}" --skip-build --disable-xctest --experimental-maximum-parallelization-width 8 --filter "$filter"
