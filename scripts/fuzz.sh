#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME (default 60s), one after the other.
set -eu
cd "$(dirname "$0")/.."
for file in $(git ls-files '*_test.go'); do
    package="./$(dirname "$file")"
    for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
        echo "$package $target"
        ${GO:-go} test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}"
    done
done
