package router

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/keyway-go/keyway/pool"
)

// Warm opens connections until each shard has n, idle or in use, or the budget has no more for this process, and waits
// for them: before a process says that it is ready, so that its first callers do not wait for dials. [PoolConfig.MinOpen]
// does it in [Open] and keeps them. A shard that is down is waited for until ctx ends; the error then says which
// connections are missing, and why.
func (db *DB) Warm(ctx context.Context, n int) error {
	if err := db.open(); err != nil {
		return err
	}
	return onPools(db.Instances(), func(in *pool.Instance) error { return in.Warm(ctx, n) })
}

// Pause lets nobody have a connection to the named instances, or to all when none is named, and returns when all that were
// in use are back: the servers may be restarted or switched then. Callers wait meanwhile, as long as their contexts and
// [PoolConfig].AcquireTimeout allow, until [DB.Resume]. See [pool.Instance.Pause] for what is not paused. Leases are
// renewed all the same while the servers answer.
//
// When one instance cannot be paused before ctx ends, those that were not paused before are resumed: a pause that failed
// must not be forgotten.
func (db *DB) Pause(ctx context.Context, instances ...string) error {
	pools, err := db.pools(instances)
	if err != nil {
		return err
	}
	var mine []*pool.Instance
	for _, in := range pools {
		if !in.Paused() {
			mine = append(mine, in)
		}
	}
	if err := onPools(pools, func(in *pool.Instance) error { return in.Pause(ctx) }); err != nil {
		for _, in := range mine {
			in.Resume()
		}
		return err
	}
	return nil
}

// Resume ends the pause of the named instances, or of all when none is named. Those that are not paused stay as they are.
func (db *DB) Resume(instances ...string) error {
	pools, err := db.pools(instances)
	for _, in := range pools {
		in.Resume()
	}
	return err
}

// pools returns the named pools, or all when none is named.
func (db *DB) pools(names []string) ([]*pool.Instance, error) {
	if err := db.open(); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return db.Instances(), nil
	}
	pools := make([]*pool.Instance, 0, len(names))
	for _, name := range names {
		in, ok := db.instances[name]
		if !ok {
			return nil, fmt.Errorf("%sthere is no instance %q with a shard (%s)", errPrefix, name, joined(db.instances))
		}
		pools = append(pools, in)
	}
	return pools, nil
}

// warm opens what Pool.MinOpen asks for while Open waits, for the time of one connection attempt. What is missing then
// is no reason to fail: it is dialled in the background.
func (db *DB) warm(ctx context.Context) {
	if db.cfg.Pool.MinOpen <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, db.cfg.connectTimeout())
	defer cancel()
	if err := db.Warm(ctx, db.cfg.Pool.MinOpen); err != nil {
		db.opts.log.Warn("keyway: not all connections of min_open are open yet", "error", err.Error())
	}
}

// onPools calls f for all pools at once and joins the errors in their order.
func onPools(pools []*pool.Instance, f func(*pool.Instance) error) error {
	errs := make([]error, len(pools))
	var wg sync.WaitGroup
	for i, in := range pools {
		wg.Go(func() { errs[i] = f(in) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
