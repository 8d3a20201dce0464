#!/usr/bin/env bash
# Puts one provider through the conformance kit: `scripts/conformance.sh local`. The tests must be built.
set -euo pipefail
cd "$(dirname "$0")/.."

# name → the tests that hold its suite
suites=(
    "local=ProviderConformanceTests\.LocalConformanceTests/"
    "directory=ExampleProviderTests\."
    "kit=ProviderConformanceTests\.DefectTests/"
)

wanted=${1:-local}
for suite in "${suites[@]}"; do
    [ "${suite%%=*}" = "$wanted" ] || continue
    exec swift test --skip-build --disable-xctest --filter "^${suite#*=}"
done
echo "conformance: no provider $wanted; there are: ${suites[*]%%=*}" >&2
exit 2
