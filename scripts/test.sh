#!/usr/bin/env bash
# Runs the built tests, one floor of the house after the other: tests of real sandboxes beside tests of timing would starve
# those on a small machine. All floors are run even if one fails.
set -uo pipefail
cd "$(dirname "$0")/.."

floors=(
    "SandstormCoreTests|SandstormRoutingTests|SandstormStoreTests|SandstormEngineTests"
    "SandstormWireTests"
    "NativeAPITests"
    "LocalProviderTests"
    "ProviderConformanceTests"
    "ExampleProviderTests"
    "SandstormTests"
    "EndToEndTests"
)
failed=()
echo "== Format"
swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks examples Agent/Package.swift Agent/Sources || failed+=("format")
for floor in "${floors[@]}"; do
    echo "== ${floor//|/, }"
    options=()
    # One after the other: these saturate the agent on purpose, and what runs beside them then waits for longer than it allows.
    if [ "$floor" = SandstormWireTests ]; then options+=(--no-parallel); fi
    timeout --kill-after=10 900 swift test --skip-build --disable-xctest "${options[@]}" --filter "^($floor)\." || failed+=("$floor")
done
echo "== The HTTP API, from outside"
scripts/schemathesis.sh || failed+=("schemathesis")
if [ ${#failed[@]} -gt 0 ]; then
    echo "Failed: ${failed[*]}" >&2
    exit 1
fi
