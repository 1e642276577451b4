#!/bin/sh
# Puts the ready-built servers that make test-matrix runs on into
# .cache/postgres: 18, and 14, which the library must refuse. Prints their bin
# directories. Does nothing when they are there; works as root and as a user.
# 14 is built for Linux on x64 only; elsewhere an installed one is used.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/postgres-lib.sh
. scripts/postgres-lib.sh

for major in 18 14; do
	fetch_postgres $major
	echo "$PWD/.cache/postgres/$major/bin"
done
