package pool_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

type observations struct {
	mu  sync.Mutex
	all []pool.Observation
}

func (o *observations) Observe(x pool.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, x)
}

func (o *observations) of(m pool.Measure) (found []pool.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, x := range o.all {
		if x.What == m {
			found = append(found, x)
		}
	}
	return found
}

func TestObserversAreToldEveryDurationOnce(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	var first, second observations
	stop := in.Observe(&first)
	defer in.Observe(&second)()
	for range 3 {
		_, err := db.Exec(within(t, soon), "select pg_sleep(0.01)")
		require.NoError(t, err)
	}
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	c.Discard()
	eventually(t, "drained", func() bool { return len(second.of(pool.MeasuredDrain)) == 1 })
	for _, o := range []*observations{&first, &second} {
		waits, uses, dials := o.of(pool.MeasuredWait), o.of(pool.MeasuredUse), o.of(pool.MeasuredDial)
		require.Len(t, waits, 4)
		require.Positive(t, waits[0].Took, "it waited for its dial")
		require.Zero(t, waits[1].Took)
		require.Len(t, uses, 4)
		require.Greater(t, uses[0].Took, 10*time.Millisecond)
		require.Len(t, dials, 1)
		require.Positive(t, dials[0].Took)
		require.NoError(t, dials[0].Err)
		require.Same(t, db, uses[0].Database)
	}

	require.EqualValues(t, 4, in.Stat().Use.Count)

	stop()
	stop() // does nothing
	require.NoError(t, db.Ping(within(t, soon)))
	require.Len(t, first.of(pool.MeasuredWait), 4)
	require.Len(t, second.of(pool.MeasuredWait), 5)
}

type panickingObserver struct{}

func (panickingObserver) Observe(pool.Observation) { panic("an observer of the caller") }

func TestAPanicInAnObserverOrALogHandlerCostsNothing(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.Log = slog.New(panickingHandler{slog.DiscardHandler}) })
	defer in.Observe(panickingObserver{})()
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	require.NoError(t, in.SetLimit(1))
	eventually(t, "wait, use, dial and the line of the log", func() bool { return in.Stat().HookErrors >= 4 })
	require.NoError(t, db.Ping(within(t, soon)))
	require.Zero(t, in.Stat().InUse)
}

type panickingHandler struct{ slog.Handler }

func (panickingHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (panickingHandler) Handle(context.Context, slog.Record) error { panic("a handler of the caller") }

func TestAFailedDialIsObservedWithItsError(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	var o observations
	defer in.Observe(&o)()
	require.Error(t, in.Database("no_such_database", pool.DatabaseConfig{}).Ping(within(t, soon)))
	require.ErrorContains(t, o.of(pool.MeasuredDial)[0].Err, "3D000")
	require.Empty(t, o.of(pool.MeasuredWait), "who got no connection has no time until it")
}

func TestWithAnObserverEveryUseIsMeasured(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	require.NoError(t, db.Ping(ctx))
	var o observations
	defer in.Observe(&o)()
	for range 20_000 {
		c, err := db.Acquire(ctx)
		require.NoError(t, err)
		c.Release()
	}
	require.Len(t, o.of(pool.MeasuredUse), 20_000)
	require.Len(t, o.of(pool.MeasuredWait), 20_000)
	require.EqualValues(t, 20_001, in.Stat().Use.Count)
}
