package pool

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A connection is under suspicion when its number differs from the instance's, which is raised when a connection
// breaks, when a check fails, and when the server says that it shuts down or is read-only. It is checked before anyone
// gets it again.

// readOnlyPause is the least time between two rounds of suspicion because of 25006, which a caller's own read-only
// transaction gives too. The connection that got it is checked in any case.
const readOnlyPause = time.Second

// watchErrors makes r hear of the server's errors. They arrive in the goroutine of whoever uses the connection.
func (r *resource) watchErrors(cc *pgx.ConnConfig) {
	next := cc.OnPgError
	cc.OnPgError = func(c *pgconn.PgConn, e *pgconn.PgError) bool {
		switch {
		case e.Code == "25006":
			r.suspectReadOnly()
		case e.Code == "57P01", e.Code == "57P02", e.Code == "57P03", len(e.Code) == 5 && e.Code[:2] == "08":
			r.db.in.suspect()
		}
		if next != nil {
			return next(c, e)
		}
		return e.Severity != "FATAL" && e.SeverityUnlocalized != "FATAL"
	}
}

// suspect puts every connection under suspicion.
func (in *Instance) suspect() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.suspicion++
}

func (r *resource) suspectReadOnly() {
	in := r.db.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if now := time.Now(); now.Sub(in.readOnlyAt) >= readOnlyPause {
		in.readOnlyAt = now
		in.suspicion++
	}
	r.suspicion = in.suspicion - 1
}

// notePrimaryLocked remembers that the instance is meant to be writable, when a new connection shows that it is.
// PostgreSQL reports both settings to every client, so this asks nothing. mu must be held.
func (in *Instance) notePrimaryLocked(r *resource) {
	pg := r.conn.PgConn()
	if pg.ParameterStatus("in_hot_standby") == "off" && pg.ParameterStatus("default_transaction_read_only") == "off" {
		in.primary = true
	}
}

// isReadOnly is what a check asks: a server that was demoted or fenced answers pings as well as ever.
const isReadOnly = "select pg_catalog.pg_is_in_recovery() or pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool"

// askReadOnly is "t" when no statement could write. A pooler that is not known yet is looked at instead: see probe.
func (r *resource) askReadOnly(ctx context.Context) (string, error) {
	if f := r.db.seen(); f.pooled && !f.shared {
		return "", r.probe(ctx)
	}
	return r.ask(ctx, isReadOnly)
}

// ask sends one statement below pgx's tracers and caches and returns the only value of its answer.
func (r *resource) ask(ctx context.Context, sql string) (string, error) {
	results, err := r.conn.PgConn().Exec(ctx, sql).ReadAll()
	switch {
	case err != nil:
		return "", err
	case len(results) != 1 || len(results[0].Rows) != 1:
		return "", nil
	}
	return string(results[0].Rows[0][0]), nil
}

// check asks whether the connection lives and leads to what it should, and returns the reason to close it, or nil.
// asked and failed are counters of the instance. The caller must hold the connection.
func (r *resource) check(asked, failed *int64) (reason *int64) {
	in := r.db.in
	ctx, cancel := context.WithTimeout(context.Background(), in.cfg.PingTimeout)
	defer cancel()
	in.mu.Lock()
	*asked++
	suspicion := in.suspicion
	in.mu.Unlock()

	start := sinceEpoch()
	readOnly, err := r.askReadOnly(ctx)
	if err == nil {
		r.db.tripped(start)
	}

	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case err != nil && (r.conn.IsClosed() || r.dirty()):
		*failed++
		in.suspicion++
		return &in.stat.Closes.Broken
	case readOnly == "t" && in.primary:
		*failed++
		in.suspicion++
		return &in.stat.Closes.Demoted
	}
	// An error that leaves the connection usable is from a server that is no PostgreSQL: it lives, which is all it can say.
	r.suspicion, r.checkedAt = suspicion, in.clock
	return nil
}

// checkAndPlace checks a connection that somebody has just returned, before the next one gets it.
func (r *resource) checkAndPlace() {
	in := r.db.in
	r.checked(r.check(&in.stat.Checks, &in.stat.CheckErrors))
}

// checked gives a connection that nobody waits for any more to the next one.
func (r *resource) checked(reason *int64) {
	in := r.db.in
	if reason != nil {
		in.dropUnused(r, reason)
	} else {
		in.putBackUnused(r)
	}
}

// watchLocked begins the background check of one idle connection if one is due. mu must be held.
func (in *Instance) watchLocked() {
	if in.checking || in.closing || in.idle == 0 {
		return
	}
	health := in.cfg.HealthInterval > 0 && in.clock-in.healthAt >= in.ticks(in.cfg.HealthInterval)
	r := in.longestUncheckedLocked()
	if r == nil || !health && !in.needsKeepAliveLocked(r) {
		return
	}
	in.checking = true
	in.healthAt = in.clock
	in.fromIdleLocked(r)
	in.backgroundLocked(func() { in.checkIdle(r) })
}

// needsKeepAliveLocked reports whether an idle connection has been silent for too long. mu must be held.
func (in *Instance) needsKeepAliveLocked(r *resource) bool {
	return in.cfg.KeepAlive > 0 && in.clock-r.checkedAt >= in.ticks(in.cfg.KeepAlive)
}

// longestUncheckedLocked is the idle connection that was neither used nor checked for longest, or nil. mu must be held.
func (in *Instance) longestUncheckedLocked() *resource {
	var longest *resource
	for _, d := range in.dbs {
		for e := d.idle.first; e != nil; e = e.next {
			if r := e.of; longest == nil || in.clock-r.checkedAt > in.clock-longest.checkedAt {
				longest = r
			}
		}
	}
	return longest
}

// suspectLocked is an idle connection under suspicion, or nil. mu must be held.
func (in *Instance) suspectLocked() *resource {
	for _, d := range in.dbs {
		for e := d.idle.first; e != nil; e = e.next {
			if r := e.of; r.suspicion != in.suspicion {
				return r
			}
		}
	}
	return nil
}

// checkIdle checks r, and after a failure one connection under suspicion after the other until one is sound: a server
// that is gone costs nobody a ping then.
func (in *Instance) checkIdle(r *resource) {
	for r != nil {
		reason := r.check(&in.stat.Checks, &in.stat.CheckErrors)
		in.mu.Lock()
		if reason != nil {
			in.closeLocked(r, reason)
		} else {
			in.backToIdleLocked(r)
		}
		r = nil
		if reason != nil && !in.closing {
			if r = in.suspectLocked(); r != nil {
				in.fromIdleLocked(r)
			}
		}
		in.checking = r != nil
		in.pumpLocked()
		in.noteQuietLocked()
		in.mu.Unlock()
	}
}

// backToIdleLocked puts a checked connection where it was, unless it is needed elsewhere. mu must be held.
func (in *Instance) backToIdleLocked(r *resource) {
	if in.waiting > 0 || in.closing || r.doom != nil || in.freeLocked(work) < 0 {
		in.placeLocked(r)
		return
	}
	in.inUse--
	in.idle++
	r.db.lent--
	r.db.insertIdleLocked(r)
}
