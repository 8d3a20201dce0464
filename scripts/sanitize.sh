#!/usr/bin/env bash
# Runs the tests of the engine and the store under the thread sanitizer, which reports every access to memory that two threads
# make without an order between them. Builds everything anew in a directory of its own, for nothing may be mixed.
#
#   SANITIZE_FILTER   which tests; by default all of the two targets
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.build/sanitize
filter=${SANITIZE_FILTER:-'^(SandstormStoreTests|SandstormEngineTests)\.'}
suppressions=$PWD/scripts/sanitize.suppressions

# `Locked` is an NSLock under this flag: the sanitizer does not know Synchronization.Mutex and reports a race on every one.
flags=(--sanitize=thread --scratch-path "$scratch" -Xswiftc -DTSAN)

# Exit tests start the test program anew and kill it, which is no place for a report; `halt_on_error=0` shows all races at once,
# and the exit status tells of them all the same.
export TSAN_OPTIONS="suppressions=$suppressions halt_on_error=0 exitcode=66 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"

swift build "${flags[@]}" --build-tests
swift test "${flags[@]}" --skip-build --disable-xctest --filter "$filter"
