#!/usr/bin/env bash
# Puts one provider through the conformance kit: `scripts/conformance.sh local`. The tests must be built.
set -euo pipefail
cd "$(dirname "$0")/.."

# name → the tests that hold its suite
suites=(
    "local=ProviderConformanceTests\.LocalConformanceTests/"
    "e2b=ProviderConformanceTests\.E2BCloudConformanceTests/"
    "e2b-front-end=ProviderConformanceTests\.E2BConformanceTests/"
    "directory=ExampleProviderTests\."
    "kit=ProviderConformanceTests\.DefectTests/"
)

wanted=${1:-local}
for suite in "${suites[@]}"; do
    [ "${suite%%=*}" = "$wanted" ] || continue
    if [ "$wanted" = e2b ] && [ -z "${E2B_API_KEY:-}" ]; then
        echo "conformance: e2b runs on E2B's cloud, and costs money there: set E2B_API_KEY" >&2
        exit 2
    fi
    export SANDSTORM_CONFORMANCE=$wanted
    exec swift test --skip-build --disable-xctest --filter "^${suite#*=}"
done
echo "conformance: no provider $wanted; there are: ${suites[*]%%=*}" >&2
exit 2
