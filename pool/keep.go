package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// keepLocked dials what MinOpen and MinIdle want. It takes only tokens that are free while nobody waits, so it never
// opens what the limit does not allow, nor at anyone's expense. mu must be held.
func (in *Instance) keepLocked() {
	if in.cfg.MinOpen == 0 && in.cfg.MinIdle == 0 {
		return
	}
	for in.mayDialLocked() {
		d := in.neediestLocked(func(d *Database) int {
			return max(in.cfg.MinOpen-d.openLocked(), in.cfg.MinIdle-d.idle.n-d.dialling)
		})
		if d == nil {
			return
		}
		in.startDialLocked(d)
	}
}

// mayDialLocked reports whether a dial that nobody waits for may begin. A token that is free and room to dial are left
// only when whoever waits can have neither: see pumpLocked. mu must be held.
func (in *Instance) mayDialLocked() bool {
	return !in.closing && in.dialRoomLocked() > 0 && in.freeLocked(work) > 0
}

// openLocked is how many connections the database has or will have. The instance's mu must be held.
func (d *Database) openLocked() int { return len(d.resources) + d.dialling }

// neediestLocked is the database that lacks most and may be dialled now, or nil. mu must be held.
func (in *Instance) neediestLocked(lacks func(*Database) int) *Database {
	var neediest *Database
	most := 0
	for _, d := range in.dbs {
		if n := lacks(d); n > most && !d.backingOffLocked() {
			neediest, most = d, n
		}
	}
	return neediest
}

// Warm opens connections until each database of the instance has n, idle or in use, or the limit is reached. They are
// dialled MaxDials at a time, to the database that has fewest first, and callers who wait go before. They stay as long
// as IdleTimeout lets them; see MinOpen for connections that are kept. More than MaxIdle is as much as MaxIdle.
//
// Dials that fail are tried again until ctx ends; the error then says how many connections are missing, and why.
func (in *Instance) Warm(ctx context.Context, n int) error {
	if in.cfg.NoIdle {
		return fmt.Errorf("pool: instance %s: Warm was called, but with NoIdle no connection is kept", in.cfg.Name)
	}
	n = min(n, in.mostIdle) // one more would be closed again as soon as it is there
	for {
		progress, err := in.warm(n)
		if progress == nil {
			return err
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return in.notWarm(ctx.Err(), n)
		}
	}
}

// warm starts what may be started and returns a channel that is closed when there may be more to do, or nil.
func (in *Instance) warm(n int) (<-chan struct{}, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closing {
		return nil, &closedError{in.cfg.Name}
	}
	for in.mayDialLocked() {
		d := in.neediestLocked(func(d *Database) int { return n - d.openLocked() })
		if d == nil {
			break
		}
		in.startDialLocked(d)
	}
	missing := in.missingLocked(n)
	if missing == 0 || in.dialling+in.drainingLocked() == 0 && in.freeLocked(work) <= 0 {
		return nil, nil
	}
	if in.progress == nil {
		in.progress = make(chan struct{})
	}
	return in.progress, nil
}

// missingLocked is how many connections the databases lack to have n each. mu must be held.
func (in *Instance) missingLocked(n int) int {
	missing := 0
	for _, d := range in.dbs {
		missing += max(n-len(d.resources), 0)
	}
	return missing
}

// progressLocked wakes those who wait for dials to end or for tokens. mu must be held.
func (in *Instance) progressLocked() {
	if in.progress != nil {
		close(in.progress)
		in.progress = nil
	}
}

func (in *Instance) notWarm(cause error, n int) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	errs := []error{cause}
	for _, d := range in.dbs {
		if d.failures > 0 {
			errs = append(errs, d.dialErr)
		}
	}
	return fmt.Errorf("pool: instance %s: %d of %d connections were not opened in time: %w",
		in.cfg.Name, in.missingLocked(n), n*len(in.dbs), errors.Join(errs...))
}

// readyPause is the time between two attempts of Ready on one database. Dials have their own, longer pauses.
const readyPause = 20 * time.Millisecond

// Ready waits until every database of the instance has answered a ping. When ctx ends first, the error has the last
// reason for each database that did not. An instance without databases is ready.
func (in *Instance) Ready(ctx context.Context) error {
	in.mu.Lock()
	dbs := in.dbs
	in.mu.Unlock()
	errs := make([]error, len(dbs))
	var wg sync.WaitGroup
	for i, d := range dbs {
		wg.Go(func() { errs[i] = d.ready(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (d *Database) ready(ctx context.Context) error {
	var reason error
	for {
		err := d.Ping(ctx)
		if err == nil {
			return nil
		}
		if reason == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
			reason = err // not "gave up waiting": that much is clear
		}
		t := time.NewTimer(readyPause)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return fmt.Errorf("pool: instance %s: database %s is not ready: %w", d.in.cfg.Name, d.name, reason)
		}
	}
}

// Recycle closes every connection that exists or is being dialled now instead of lending it again: idle ones at once,
// others when they are returned. New ones take their places as the server closes them, never before. It does not wait.
// Connections of pgxpools are recycled too; the control connection, which its owner closes, is not.
func (in *Instance) Recycle() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.generation++
	for _, d := range in.dbs {
		for r := range d.resources {
			r.doom = &in.stat.Closes.Recycled
		}
	}
	for r := in.oldestIdleLocked(nil); r != nil; r = in.oldestIdleLocked(nil) {
		in.closeLocked(r, &in.stat.Closes.Recycled)
	}
	in.resetPgxPoolsLocked()
	in.pace = pace{began: sinceEpoch()}
	in.pumpLocked()
}
