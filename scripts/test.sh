#!/usr/bin/env bash
# Runs the built tests, one floor of the house after the other: tests of real sandboxes beside tests of timing would starve
# those on a small machine. All floors are run even if one fails.
set -uo pipefail
cd "$(dirname "$0")/.."

floors=(
    "SandstormCoreTests|SandstormRoutingTests|RoutingSimulationTests|SandstormStoreTests|SandstormEngineTests"
    "SandstormWireTests"
    "NativeAPITests"
    "NativeAPITests\.ChaosTests"
    "E2BAPITests"
    "E2BProviderTests"
    "LocalProviderTests"
    "LocalProviderTests\.(LeakTests|BombTests)"
    "ProviderConformanceTests"
    "ExampleProviderTests"
    "SandstormTests"
    "EndToEndTests"
)
failed=()
before=$(mktemp)
log=$(mktemp)
trap 'rm -f "$before" "$log"' EXIT
scripts/leftovers.sh >"$before"
echo "== Format"
swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks examples Agent/Package.swift Agent/Sources || failed+=("format")
for floor in "${floors[@]}"; do
    echo "== ${floor//|/, }"
    options=()
    # A thousand sandboxes, and code that takes all it can get, by themselves: all processes of the machine share the kernel's locks.
    if [ "$floor" = LocalProviderTests ]; then options+=(--skip "^LocalProviderTests\.(LeakTests|BombTests)/"); fi
    # Ten thousand runs, which would keep all others waiting.
    if [ "$floor" = NativeAPITests ]; then options+=(--skip "^NativeAPITests\.ChaosTests/"); fi
    if [[ "$floor" = *BombTests* ]]; then options+=(--no-parallel); fi
    timeout --kill-after=10 900 swift test --skip-build --disable-xctest "${options[@]}" --filter "^($floor)[./]" 2>&1 |
        tee -a "$log" || failed+=("$floor")
done
echo "== The HTTP API, from outside"
scripts/schemathesis.sh || failed+=("schemathesis")
echo "== E2B's own SDK"
scripts/e2b-sdk.sh || failed+=("e2b-sdk")
echo "== E2B's own SDK, on another gateway that speaks E2B"
scripts/e2b-sdk.sh through test_core.py -k "not interpreter" || failed+=("e2b-sdk through")
echo "== What is left on the machine"
scripts/leftovers.sh since "$before" || failed+=("leftovers")
if [ ${#failed[@]} -gt 0 ]; then
    # Once more, where it is looked for: what failed is far above by now.
    grep -aE "^✘|^↳|Fatal error|Program crashed" "$log" | grep -v "^↳ T" | tail -100 >&2
    echo "Failed: ${failed[*]}" >&2
    exit 1
fi
