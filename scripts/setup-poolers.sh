#!/bin/sh
# Makes sure that this machine has PgBouncer and pgpool-II, which integration/poolers
# tests against. Says nothing when both are there. Else it installs the distribution's
# packages when it may (as root, through sudo without a password, or with brew), else
# says in a sentence what to install. No service is started or left enabled.
#
#   KEYWAY_NO_INSTALL set to anything: never install a package of the system
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/postgres-lib.sh
. scripts/postgres-lib.sh

main() {
	[ -z "$(missing)" ] && return 0
	if [ -z "${KEYWAY_NO_INSTALL:-}" ]; then
		install_with_apt || install_with_brew || true
	fi
	[ -z "$(missing)" ] || echo "Not found: $(missing)(the tests of integration/poolers will fail):" \
		"install pgbouncer and pgpool-II (Debian, Ubuntu: pgbouncer pgpool2; macOS: brew install pgbouncer pgpool-ii)." >&2
}

# Prints the programs that are missing. The places are those of internal/localpg.
missing() {
	for program in pgbouncer pgpool; do
		PATH=$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin:/opt/homebrew/bin:/usr/local/bin \
			command -v $program >/dev/null 2>&1 || printf '%s ' "$program"
	done
}

install_with_apt() {
	command -v apt-get >/dev/null 2>&1 || return 1
	as_root true 2>/dev/null || return 1
	echo "installing pgbouncer and pgpool2 (no service is started)"
	log=$(mktemp)
	if apt_steps >"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	tail -5 "$log" >&2
	rm -f "$log"
	return 1
}

# A package of Debian starts its service unless policy-rc.d forbids it, which is also
# how containers do it; one that is there already decides for itself and stays.
apt_steps() {
	policy=/usr/sbin/policy-rc.d
	as_root apt-get update -q || true # one repository that fails does not matter if another has it
	ours=
	if [ ! -e $policy ]; then
		ours=1
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy || return 1
		as_root chmod 755 $policy || return 1
	fi
	status=0
	for package in pgbouncer pgpool2; do
		! dpkg-query -W -f '${Status}' $package 2>/dev/null | grep -q 'ok installed' || continue
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $package || status=$?
		! command -v systemctl >/dev/null 2>&1 || as_root systemctl disable $package || true
	done
	[ -z "$ours" ] || as_root rm -f $policy
	return $status
}

install_with_brew() {
	command -v brew >/dev/null 2>&1 || return 1
	echo "installing pgbouncer and pgpool-ii with brew (no service is started)"
	brew install pgbouncer pgpool-ii >/dev/null
}

main
