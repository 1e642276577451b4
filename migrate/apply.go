package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// apply runs one file to the end, trying again while only locks are in the way.
func (s *session) apply(ctx context.Context, f *file) error {
	run := s.runInTx
	if f.noTx {
		run = s.runNoTx
	}
	started := time.Now()
	s.event(Event{Kind: Started, File: f.name, Version: f.version})
	wait := firstRetry
	for attempt := 1; ; attempt++ {
		err := run(ctx, f)
		if err == nil {
			s.event(Event{Kind: Applied, File: f.name, Version: f.version, Took: time.Since(started)})
			return nil
		}
		if ctx.Err() != nil {
			return &FileError{Shard: s.target.Shard, File: f.name, Err: errors.Join(ctx.Err(), err)}
		}
		if !lockTrouble(err) || attempt == s.opts.attempts {
			return s.failed(f, err, attempt)
		}
		s.event(Event{Kind: Retry, File: f.name, Version: f.version, Attempt: attempt})
		if stopped := pause(ctx, wait); stopped != nil {
			return &FileError{Shard: s.target.Shard, File: f.name, Err: errors.Join(stopped, err)}
		}
		wait = min(2*wait, lastRetry)
	}
}

// lockTrouble is what goes away by waiting: lock_timeout, a deadlock, a
// serialization failure. Each is known to have rolled back.
func lockTrouble(err error) bool {
	switch code(err) {
	case "55P03", "40P01", "40001":
		return true
	}
	return false
}

// runInTx runs the body and writes the history in one transaction. The row goes
// first: should two runners ever get here at once, the second waits at its
// primary key and then fails before it has run anything.
func (s *session) runInTx(ctx context.Context, f *file) (err error) {
	if err := s.freshSession(ctx); err != nil {
		return err
	}
	if err := s.exec(ctx, "begin"); err != nil {
		return err
	}
	defer func() {
		if err != nil && !s.work.IsClosed() {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = s.exec(undo, "rollback") // its failure closes the connection, which rolls back too
		}
	}()
	var xid, after string
	if err := s.setLockTimeout(ctx, s.opts.lockTimeout); err != nil {
		return err
	}
	if err := s.logStart(ctx, f); err != nil {
		return err
	}
	if err := s.work.QueryRow(ctx, "select pg_catalog.pg_current_xact_id()::text").Scan(&xid); err != nil {
		return err
	}
	if err := s.body(ctx, f); err != nil {
		return err
	}
	if s.work.PgConn().TxStatus() != 'T' {
		return errEndedTx
	}
	if err := s.exec(ctx, "reset role"); err != nil { // the file may have taken the owner's
		return err
	}
	if err := s.work.QueryRow(ctx, "select pg_catalog.pg_current_xact_id()::text").Scan(&after); err != nil {
		return err
	}
	if after != xid {
		return errEndedTx
	}
	if err := s.logFinish(ctx, f); err != nil {
		return err
	}
	return s.exec(ctx, "commit")
}

// errEndedTx is the last guard behind the reading of files: a transaction can
// also be ended in ways that no reading finds.
var errEndedTx = errors.New("the file ended the transaction it runs in; take COMMIT, ROLLBACK and BEGIN out of it")

// freshSession forgets what the file before left in the session: search_path,
// role, temporary tables.
func (s *session) freshSession(ctx context.Context) error { return s.exec(ctx, "discard all") }

func (s *session) setLockTimeout(ctx context.Context, d time.Duration) error {
	local := s.work.PgConn().TxStatus() == 'T'
	_, err := s.work.Exec(ctx, "select pg_catalog.set_config('lock_timeout', $1, $2)",
		fmt.Sprintf("%dms", d.Milliseconds()), local)
	return err
}

func (s *session) exec(ctx context.Context, sql string) error {
	_, err := s.work.Exec(ctx, sql)
	return err
}

// body sends the whole file as one simple query, so that its text reaches the
// server as it was written.
func (s *session) body(ctx context.Context, f *file) error {
	if len(f.statements) == 0 {
		return nil
	}
	results := s.work.PgConn().Exec(ctx, f.body)
	completed := 0
	for results.NextResult() {
		if _, err := results.ResultReader().Close(); err == nil {
			completed++
		}
	}
	if err := results.Close(); err != nil {
		return &bodyError{error: err, statement: completed}
	}
	return nil
}
