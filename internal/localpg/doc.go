// Package localpg runs real PostgreSQL servers on this machine: for tests, for
// the demo, and for local development.
//
// [Find] lists the installations of PostgreSQL; [Start] makes a new cluster in
// a private directory and serves it on a free port of the loopback interface.
// A [Cluster] can be killed, paused and started again like a server that
// fails, and leaves nothing behind: [Cluster.Close] removes it, and a watchdog
// process does the same when this process dies without closing it.
//
// PostgreSQL refuses to run as root. When this process is root, servers run as
// the user postgres where there is one, else as nobody.
//
// Environment: KEYWAY_PG_BIN is the bin directory to prefer, KEYWAY_PG_SEARCH
// replaces the places to look in, KEYWAY_PG_TMP is where clusters make their
// directories.
//
// pgx and libpq read the PG* variables of the process into every connection;
// a program that must not depend on them unsets them first, as pgtest.Main does.
//
// It is no way to keep data: a cluster lives as long as the process that
// started it (see [Cluster.Detach] for the exception).
package localpg
