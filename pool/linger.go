package pool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// firstInquiry and inquiryPeriod are the shortest and the longest time between questions about one backend.
const (
	firstInquiry  = 10 * time.Millisecond
	inquiryPeriod = time.Second
)

// linger waits for a backend that did not end within DrainTimeout, or of which only something in between has said so. A backend may run for long after its client has
// gone (it notices when it writes, or by client_connection_check_interval), and its slot is taken for as long. So the
// token stays charged until the socket ends after all, or pg_stat_activity, read over another connection, shows that
// the backend is gone. What can be seen neither way within LingerTimeout is forgotten, and counted in Stat.Forgotten.
func (s *socket) linger(until time.Time) {
	s.in.mu.Lock()
	s.in.lingering++
	s.unpromiseLocked() // do not let anyone rely on this one
	s.in.pumpLocked()
	s.in.mu.Unlock()
	defer s.lingered()

	b := backend{pid: s.pid.Load()}
	start := time.Now()
	for wait := firstInquiry; time.Now().Before(until); wait = min(2*wait, inquiryPeriod) {
		if s.sawEnd(untilPresumption(start, wait)) || s.in.isDead() || b.gone(s) {
			return
		}
		if time.Since(start) >= presumption && s.presumeGone() {
			break
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

// presumption is how long a backend behind a proxy is waited for before it may be presumed to be gone.
const presumption = 1500 * time.Millisecond

// untilPresumption shortens a wait that would go past the moment of presumption: somebody may wait for nothing else.
func untilPresumption(start time.Time, wait time.Duration) time.Duration {
	if left := presumption - time.Since(start); left > 0 {
		return min(wait, left)
	}
	return wait
}

// presumeGone gives one token back when every connection was cut by something in between and so nobody is left to ask:
// the next connection then asks about the others. By now the backend has been sent cancel requests; if it ignores them,
// the server has one backend more than the limit until it ends.
func (s *socket) presumeGone() bool {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if s.proxied.Load() && in.closing {
		return true // nobody can be asked any more, and nothing will be dialled
	}
	if !s.proxied.Load() || in.presumed != nil || in.inUse+in.idle+in.dialling > 0 || in.freeLocked(work) > 0 {
		return false
	}
	in.presumed = s
	return true
}

// sawEnd waits for the socket's end. The end of one that is proxied says nothing.
func (s *socket) sawEnd(wait time.Duration) bool {
	start := time.Now()
	if s.readToEnd(start.Add(wait)) != nothing && !s.proxied.Load() {
		return true
	}
	t := time.NewTimer(time.Until(start.Add(wait)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.in.alive.Done():
	}
	return false
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
	wait, cancel := context.WithTimeout(context.Background(), inquiryPeriod)
	r, err := s.db.acquire(wait, 0)
	cancel()
	if err != nil {
		return false
	}
	defer r.release()
	// The question has its own time. With what the wait has left of the period it would often be too late on a busy
	// machine, and each one that is too late costs a sound connection, which may be the last.
	ctx, cancel := context.WithTimeout(s.in.alive, s.in.cfg.PingTimeout)
	defer cancel()
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

func (in *Instance) isDead() bool { return in.alive.Err() != nil }
