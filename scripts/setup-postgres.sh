#!/bin/sh
# Makes sure that this machine has the programs of PostgreSQL 15 or later, and
# psql and pgbench of any version. Looks first and says nothing when all is there.
# Else it installs the distribution's package when it may (as root, through
# sudo without a password, or with brew), else takes the ready-built servers of
# an npm package, else says in a sentence what to install. It never starts a server
# and leaves no cluster behind.
#
#   KEYWAY_PG_BIN     bin directory to use before all others
#   KEYWAY_PG_SEARCH  bin directories to look in instead of the usual places and PATH
#   KEYWAY_NO_INSTALL set to anything: never install a package of the system
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/postgres-lib.sh
. scripts/postgres-lib.sh

MIN=15

main() {
	if [ -n "${KEYWAY_PG_BIN:-}" ] && [ -z "$(pg_major "$KEYWAY_PG_BIN")" ]; then
		fail "KEYWAY_PG_BIN names $KEYWAY_PG_BIN, which holds no PostgreSQL: correct it, or unset it."
	fi
	complete && return 0
	if [ -z "${KEYWAY_NO_INSTALL:-}" ]; then
		install_with_apt || install_with_brew || true
	fi
	if [ -z "$(find_server $MIN)" ]; then
		fetch_postgres 17 || fail "There is no PostgreSQL $MIN or later, and none can be fetched because $why:" \
			"install it with its client programs (Debian, Ubuntu: postgresql; Fedora: postgresql-server and postgresql-contrib; macOS: brew install postgresql@17)."
	fi
	complete || echo "Not found: $(missing_clients)(tests that need psql will fail, and make demo needs pgbench):" \
		"install them from your system's PostgreSQL packages." >&2
}

complete() {
	[ -n "$(find_server $MIN)" ] && [ -z "$(missing_clients)" ]
}

fail() {
	echo "$*" >&2
	exit 1
}

# Debian and Ubuntu. A release whose package is older than 15 still gives psql
# and pgbench; the server then comes from elsewhere.
install_with_apt() {
	command -v apt-get >/dev/null 2>&1 || return 1
	as_root true 2>/dev/null || return 1
	echo "installing the distribution's PostgreSQL (no cluster is created)"
	log=$(mktemp)
	if apt_steps >"$log" 2>&1; then
		rm -f "$log"
		complete
		return
	fi
	tail -5 "$log" >&2
	rm -f "$log"
	return 1
}

# A new server package creates and starts a cluster on port 5432 unless it is
# told not to. The file that tells it is taken away again: what the owner of the
# machine installs later behaves as ever.
apt_steps() {
	conf=/etc/postgresql-common/createcluster.d
	as_root apt-get update -q || true # one repository that fails does not matter if another has it
	as_root mkdir -p $conf || return 1
	echo "create_main_cluster = false" | as_root tee $conf/keyway-setup.conf || return 1
	status=0
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql || status=$?
	as_root rm -f $conf/keyway-setup.conf
	return $status
}

install_with_brew() {
	command -v brew >/dev/null 2>&1 || return 1
	echo "installing postgresql@17 with brew (no service is started)"
	log=$(mktemp)
	if brew install postgresql@17 >"$log" 2>&1; then
		rm -f "$log"
		complete
		return
	fi
	tail -5 "$log" >&2
	rm -f "$log"
	return 1
}

main
