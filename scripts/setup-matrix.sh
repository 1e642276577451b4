#!/bin/sh
# Puts the ready-built servers that make test-matrix runs on into
# .cache/postgres, unless they are installed: 18, and 14, which the library must
# refuse. Prints their bin directories. Works as root and as a user.
# 14 is built for Linux on x64 only; elsewhere it must be installed.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/postgres-lib.sh
. scripts/postgres-lib.sh

for major in 18 14; do
	installed=$(find_server $major $major)
	if [ -n "$installed" ]; then
		echo "$installed"
		continue
	fi
	if ! fetch_postgres $major; then
		echo "There is no PostgreSQL $major in .cache/postgres because $why: install it from its packages." >&2
		exit 1
	fi
	echo "$PWD/.cache/postgres/$major/bin"
done
