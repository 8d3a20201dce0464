#!/usr/bin/env bash
# Builds the reference of the libraries that others import, as a static site in .build/docs.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --target Sandstorm
swift build --target ProviderConformance
toolchain="$(dirname "$(readlink -f "$(command -v swift)")")"
target="$(swift -print-target-info | sed -n 's/.*"unversionedTriple" *: *"\(.*\)".*/\1/p' | head -1)"
# The C modules below the libraries, which the extractor must be told of.
maps=()
for map in .build/checkouts/*/Sources/*/include/module.modulemap .build/debug/*.build/module.modulemap; do
    [ -e "$map" ] && maps+=(-Xcc "-fmodule-map-file=$map")
done
for module in SandstormCore Sandstorm ProviderConformance; do
    graphs=".build/symbols/$module"
    rm -rf "$graphs" && mkdir -p "$graphs"
    "$toolchain/swift-symbolgraph-extract" -module-name "$module" -target "$target" -I .build/debug/Modules "${maps[@]}" \
        -minimum-access-level public -output-dir "$graphs"
    mkdir -p ".build/docs"
    "$toolchain/docc" convert --fallback-display-name "$module" --fallback-bundle-identifier "sandstorm.$module" \
        --additional-symbol-graph-dir "$graphs" --output-path ".build/docs/$module" --transform-for-static-hosting \
        --hosting-base-path "$module"
done
echo "The reference is in .build/docs."
