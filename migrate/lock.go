package migrate

import (
	"context"
	"fmt"
	"time"
)

// The advisory lock's two halves: "keyw" in ASCII, and which lock of Keyway's it
// is. Advisory locks belong to a database, so shards never share one.
const (
	lockSpace   int32 = 0x6b657977
	lockMigrate int32 = 0x6d696772 // "migr"
)

const (
	firstPoll = 50 * time.Millisecond
	lastPoll  = time.Second
)

// acquire takes the shard's lock, polling. It does not call pg_advisory_lock: a
// session that waits in it holds a snapshot, for which another runner's CREATE
// INDEX CONCURRENTLY waits in turn, and that for ever: the lock belongs to another
// session than the build, so the server sees no deadlock.
//
// The lock is given back by ending its session, which also serves when this
// process dies.
func (s *session) acquire(ctx context.Context) error {
	conn, err := connect(ctx, s.target)
	if err != nil {
		return err
	}
	s.lock = conn
	deadline := time.Now().Add(s.opts.lockWait)
	for poll := firstPoll; ; poll = min(2*poll, lastPoll) {
		var held bool
		err := conn.QueryRow(ctx, "select pg_catalog.pg_try_advisory_lock($1, $2)", lockSpace, lockMigrate).Scan(&held)
		if err != nil {
			return fmt.Errorf("shard %s: lock: %w", s.target.Shard, err)
		}
		if held {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("shard %s: waited %v: %w (%s)", s.target.Shard, s.opts.lockWait, ErrLockWait, s.holder(ctx))
		}
		if poll == firstPoll {
			s.event(Event{Kind: Waiting})
		}
		if err := pause(ctx, poll); err != nil {
			return fmt.Errorf("shard %s: waiting for another runner: %w", s.target.Shard, err)
		}
	}
}

// holder says whom to ask about the lock.
func (s *session) holder(ctx context.Context) string {
	var pid int32
	err := s.lock.QueryRow(ctx, `select pid from pg_catalog.pg_locks
		where locktype = 'advisory' and granted and classid = $1::bigint::oid and objid = $2::bigint::oid
		and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())`,
		int64(lockSpace), int64(lockMigrate)).Scan(&pid)
	if err != nil {
		return "its holder is gone by now"
	}
	return fmt.Sprintf("server process %d has it", pid)
}

// stillLocked is asked before every file. The lock lives as long as its session
// and nothing else is ever run there, so an answer is proof.
func (s *session) stillLocked(ctx context.Context) error {
	if err := s.lock.Ping(ctx); err != nil {
		return fmt.Errorf("shard %s: the migration lock's connection was lost: %w", s.target.Shard, err)
	}
	return nil
}

func (s *session) event(e Event) {
	e.Shard = s.target.Shard
	s.opts.progress(e)
}
