package pool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// inquiryPeriod is the time between questions about one backend.
const inquiryPeriod = time.Second

// linger waits for a backend that did not end within DrainTimeout. A backend may run for long after its client has
// gone (it notices when it writes, or by client_connection_check_interval), and its slot is taken for as long. So the
// token stays charged until the socket ends after all, or pg_stat_activity, read over another connection, shows that
// the backend is gone. What can be seen neither way within LingerTimeout is forgotten, and counted in Stat.Forgotten.
func (s *socket) linger() {
	s.in.mu.Lock()
	s.in.lingering++
	s.unpromiseLocked() // do not let anyone rely on this one
	s.in.pumpLocked()
	s.in.mu.Unlock()
	defer s.lingered()

	b := backend{pid: s.pid.Load()}
	for end := time.Now().Add(s.in.cfg.LingerTimeout); time.Now().Before(end); {
		if s.readToEnd(time.Now().Add(inquiryPeriod)) || s.in.isDead() || b.gone(s) {
			return
		}
	}
	s.in.mu.Lock()
	s.in.stat.Forgotten++
	s.tellForgottenLocked()
	s.in.mu.Unlock()
}

func (s *socket) lingered() {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.lingering--
}

// backend is what is known of a server process that should have ended.
type backend struct {
	pid     uint32
	started *time.Time
}

// gone asks the server. It is false when nobody can be asked now: all tokens may be charged for backends like this
// one.
func (b *backend) gone(s *socket) bool {
	if b.pid == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), inquiryPeriod)
	defer cancel()
	r, err := s.db.acquire(ctx)
	if err != nil {
		return false
	}
	defer r.release()
	if r.conn.PgConn().PID() == b.pid {
		return true // the server has given the number to another one, which happens to be ours
	}
	var started *time.Time // null for a backend of a role whose details we may not see
	err = r.conn.QueryRow(ctx, "select backend_start from pg_catalog.pg_stat_activity where pid = $1",
		pgx.QueryExecModeExec, int32(b.pid)).Scan(&started)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return true
	case err != nil:
		return false
	case b.started != nil && started != nil && !b.started.Equal(*started):
		return true
	}
	b.started = started
	return false
}

func (in *Instance) isDead() bool {
	select {
	case <-in.dead:
		return true
	default:
		return false
	}
}
