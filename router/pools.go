package router

import (
	"context"
	"errors"
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
