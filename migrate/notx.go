package migrate

import (
	"context"
	"errors"
	"fmt"
)

// runNoTx runs a file's one statement on its own, between two transactions on
// the history.
func (s *session) runNoTx(ctx context.Context, f *file) error {
	if err := s.freshSession(ctx); err != nil {
		return err
	}
	done, err := s.beginNoTx(ctx, f)
	if err != nil {
		return err
	}
	if !done {
		// Waiting for a lock, the CONCURRENTLY statements hold up no reader and no
		// writer, and time out into an INVALID index: they get all the time there is.
		if !needsNoTransaction(f.statements[0]) || f.statements[0].starts("vacuum") {
			err = s.setLockTimeout(ctx, s.opts.lockTimeout)
		}
		if err == nil {
			err = s.body(ctx, f)
		}
		if err != nil {
			return err
		}
	}
	if f.index != nil {
		st, err := s.indexState(ctx, f.index)
		if err != nil {
			return err
		}
		if !st.valid {
			return errors.New("the index is INVALID after it was built; the next run drops it and builds it again")
		}
	}
	if err := s.freshSession(ctx); err != nil {
		return err
	}
	return s.logFinish(ctx, f)
}

// beginNoTx writes the file down as running, and deals with what an earlier run
// left. It reports whether the statement has been done already.
func (s *session) beginNoTx(ctx context.Context, f *file) (done bool, err error) {
	var again bool
	err = s.work.QueryRow(ctx, "select exists (select from keyway.migration_log where version = $1)", f.version).Scan(&again)
	if err != nil {
		return false, err
	}
	if !again {
		if err := s.refuseForeignIndex(ctx, f); err != nil {
			return false, err
		}
		return false, s.logStart(ctx, f)
	}
	if err := s.logStart(ctx, f); err != nil || f.index == nil {
		return false, err
	}
	return s.clearInvalid(ctx, f.index)
}

// refuseForeignIndex keeps an index that this file did not make from being taken
// for its own later, or dropped.
func (s *session) refuseForeignIndex(ctx context.Context, f *file) error {
	if f.index == nil {
		return nil
	}
	st, err := s.indexState(ctx, f.index)
	switch {
	case err != nil:
		return err
	case st.exists && !st.valid:
		return fmt.Errorf("an INVALID index %s is there already, and not from this file; drop it first", st.qualified)
	case st.exists && !f.index.ifNotExists:
		return fmt.Errorf("index %s exists already; drop it, or write IF NOT EXISTS when it is the one that is meant", st.qualified)
	}
	return nil
}
