#!/usr/bin/env bash
# Writes the programs of the code interpreter into a Swift file, so that a released binary needs no file beside it. To be run after each
# change of Sources/FrontEnds/E2BAPI/Interpreter/Programs; a test compares the two.
set -euo pipefail
cd "$(dirname "$0")/../Sources/FrontEnds/E2BAPI/Interpreter"

mkdir -p Generated
{
    echo "// Made by scripts/embed-interpreter.sh of the files in Programs; changes belong there."
    echo "// swift-format-ignore-file"
    echo
    echo "/// What runs inside of sandboxes: the code interpreter, by file names."
    echo "enum InterpreterPrograms {"
    echo "    static let files: [(name: String, text: String)] = ["
    for path in Programs/*.*; do
        grep -q '"""###' "$path" && { echo "$path has what ends a Swift string" >&2; exit 1; }
        printf '        (\n            "%s",\n###"""\n' "$(basename "$path")"
        cat "$path"
        printf '\n"""###\n        ),\n'
    done
    echo "    ]"
    echo "}"
} > Generated/InterpreterPrograms.swift
