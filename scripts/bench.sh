#!/bin/sh
# Runs the benchmarks of docs/benchmarks.md, each beside its baseline in the same run.
# COUNT is how often each is repeated (default 5); give the output to benchstat to compare two runs.
set -eu
cd "$(dirname "$0")/.."
count=${COUNT:-5}
${GO:-go} version
uname -sm
${GO:-go} test -run '^$' -bench . -benchmem -count "$count" -timeout 30m \
    ./shard ./internal/plan ./internal/sqlparse ./pool ./router
cd integration
${GO:-go} test -run '^$' -bench . -benchmem -count 1 -timeout 30m ./...
