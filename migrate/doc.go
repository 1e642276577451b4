// Package migrate applies the same SQL files to every shard.
//
// golang-migrate reads and orders the files, so the names stay as they are
// (000001_accounts.up.sql); what touches the database is this package's own:
//
//   - The file's statements, its row in keyway.migration_log and therefore the
//     version are one transaction. A runner or a server that dies in the middle
//     leaves nothing behind, and there is no "dirty" state to repair.
//   - Runners exclude each other by an advisory lock on a connection of its own,
//     polled and never waited for inside PostgreSQL: a session that waits inside
//     a statement holds a snapshot, and CREATE INDEX CONCURRENTLY waits for
//     snapshots, which is a deadlock.
//   - Every statement runs with a short lock_timeout and is tried again, so that
//     DDL behind a long reader does not stop all other readers meanwhile.
//   - A file that was changed, removed, or slipped in below the applied version
//     is [DriftError], on every shard, before anything is run on any.
//
// A file that cannot run in a transaction (CREATE INDEX CONCURRENTLY, VACUUM)
// says so in a line of its own and holds that one statement:
//
//	-- keyway:no-transaction
//	create index concurrently orders_state on orders (state);
//
// It is written down as running before it starts. When a later run finds it so,
// an index left INVALID is dropped and built again, and a valid one counts as
// done.
//
// # A fleet
//
// [Runner.Up] first compares every shard with the files, then migrates shards in
// parallel, one at a time on each server. After a failure no further shard is
// started; [PartialError] says what was applied where, and the same call again
// goes on from there. There are no down migrations on a fleet: write a new file
// that undoes the old one.
//
// What it needs: a direct connection (not through a pooler: the lock belongs to
// the session), and a role that owns the tables and the keyway schema. No
// superuser.
package migrate
