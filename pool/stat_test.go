package pool_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

func TestStatisticsTellWhoWaitedAndForHowLong(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() { got <- db.Ping(within(t, soon)) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	eventually(t, "time passes for it", func() bool { return in.Stat().OldestWait > time.Millisecond })
	require.Positive(t, in.Stat().Databases[0].OldestWait)
	require.Equal(t, 1, in.Stat().Classes[pool.Interactive].Waiting)
	held.Release()
	require.NoError(t, <-got)

	ctx, cancel := context.WithCancel(within(t, soon))
	held, err = db.Acquire(within(t, soon))
	require.NoError(t, err)
	go func() { got <- db.Ping(ctx) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	cancel()
	require.Error(t, <-got)
	held.Release()

	st := in.Stat()
	require.Zero(t, st.OldestWait)
	require.EqualValues(t, 3, st.Acquires)
	require.EqualValues(t, 2, st.Waits, "the first one waited for its dial")
	require.EqualValues(t, 1, st.Handoffs)
	require.EqualValues(t, 1, st.Cancels)
	require.Zero(t, st.Elided, "there was no room for another one")
	require.Equal(t, st.Acquires, st.Wait.Count, "every acquire is in the histogram")
	require.Equal(t, st.Wait, st.Classes[pool.Interactive].Wait)
	require.EqualValues(t, 1, st.Wait.Buckets[0], "the one that was served at once")
	require.Equal(t, st.Wait.Sum, st.Databases[0].WaitTime)
	require.Greater(t, st.Wait.Sum, time.Millisecond)
	require.Positive(t, st.WastedWait)
	require.EqualValues(t, 1, st.Databases[0].Cancels)
	require.EqualValues(t, 3, st.Databases[0].Acquires)
	require.Equal(t, s.db, st.Databases[0].Database)
	require.NotEmpty(t, st.Databases[0].User)
}

func TestEveryUseOfAQuietPoolIsMeasured(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	for range 5 {
		_, err := db.Exec(within(t, soon), "select pg_sleep(0.01)")
		require.NoError(t, err)
	}
	st := in.Stat()
	require.EqualValues(t, 5, st.Use.Count)
	require.GreaterOrEqual(t, st.Use.Sum, 50*time.Millisecond)
	require.GreaterOrEqual(t, st.Use.Mean(), 10*time.Millisecond)
	require.GreaterOrEqual(t, st.Use.Quantile(0.5), 10*time.Millisecond)
	require.Equal(t, st.Use.Sum, st.Databases[0].UseTime)
	require.EqualValues(t, 1, st.Dial.Count)
	require.Positive(t, st.Dial.Sum)
}

func TestUsesOfABusyPoolAreEstimatedAndLongOnesAlwaysCounted(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.PingAfter = 40 * time.Millisecond }) // a tick of 20 ms
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	require.NoError(t, db.Ping(ctx))
	const n = 200_000
	for range n {
		c, err := db.Acquire(ctx)
		require.NoError(t, err)
		c.Release()
	}
	st := in.Stat()
	t.Logf("%d uses, estimated %d, mean %s", st.Acquires, st.Use.Count, st.Use.Mean())
	require.InEpsilon(t, st.Acquires, st.Use.Count, 0.1)

	for range 10 {
		before := in.Stat().Use
		c, err := db.Acquire(ctx)
		require.NoError(t, err)
		lent := pool.Clock(in)
		// The first may be late and come just now, and the second right after it.
		eventually(t, "four ticks", func() bool { return pool.Clock(in)-lent >= 4 })
		c.Release()
		use := in.Stat().Use
		require.EqualValues(t, 1, use.Count-before.Count, "counted once, whether it was measured or not")
		require.Greater(t, use.Sum-before.Sum, 30*time.Millisecond)
		for range 300 { // leaves the allowance of measured uses
			c, err := db.Acquire(ctx)
			require.NoError(t, err)
			c.Release()
		}
	}
}

func TestTimeInTheIdleListIsNoUse(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) {
		c.PingAfter, c.IdleTimeout = 40*time.Millisecond, 100*time.Millisecond
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	before := in.Stat().Use
	eventually(t, "idle for too long", func() bool { return in.Stat().Open == 0 })
	require.Equal(t, before, in.Stat().Use)
	require.EqualValues(t, 1, in.Stat().Databases[0].Closed)
	require.EqualValues(t, 1, in.Stat().Drain.Count)
}

func TestFailedDialsAreCountedByWhatTheServerSaid(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	missing := in.Database("no_such_database", pool.DatabaseConfig{})
	there := in.Database(s.db, pool.DatabaseConfig{})
	require.Error(t, missing.Ping(within(t, soon)))
	require.NoError(t, there.Ping(within(t, soon)))
	st := in.Stat()
	require.Equal(t, map[string]int64{"3D000": st.DialErrors}, st.DialErrorsBy)
	require.Equal(t, 1, st.BackingOff)
	require.Equal(t, "3D000", st.LastDialError)
	require.True(t, st.Databases[0].BackingOff)
	require.False(t, st.Databases[1].BackingOff)
	require.EqualValues(t, 1, st.Failed)
	require.EqualValues(t, 1, st.Databases[0].Failed)

	refused := s.instance(limit(2), func(c *pool.Config) { c.Conn.Port, c.Conn.Host, c.Conn.TLSConfig = 1, "127.0.0.1", nil })
	require.Error(t, refused.Database(s.db, pool.DatabaseConfig{}).Ping(within(t, soon)))
	require.Equal(t, "refused", refused.Stat().LastDialError)
}

func TestPopIsWhatChangedAndSinceServesAnyNumberOfReaders(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	first := in.Stat()
	require.EqualValues(t, 1, in.Pop().Acquires)
	require.Zero(t, in.Pop().Acquires)
	for range 3 {
		require.NoError(t, db.Ping(within(t, soon)))
	}
	_ = in.Database("no_such_database", pool.DatabaseConfig{}).Ping(within(t, soon))
	since, popped := in.Stat().Since(first), in.Pop()
	for _, st := range []pool.Stat{since, popped} {
		require.EqualValues(t, 3, st.Acquires)
		require.EqualValues(t, 3, st.Classes[pool.Interactive].Acquires)
		require.EqualValues(t, 3, st.Databases[0].Acquires)
		require.EqualValues(t, 3, st.Wait.Buckets[0])
		require.Equal(t, map[string]int64{"3D000": 1}, st.DialErrorsBy)
		require.Equal(t, 1, st.Limit, "gauges stay")
	}
	require.EqualValues(t, 1, first.Acquires, "a snapshot never changes")
	require.Nil(t, first.DialErrorsBy)
}

// Whoever adds a counter to Stat gets it subtracted without doing anything; a gauge stays.
func TestSinceSubtractsEveryCounter(t *testing.T) {
	var a, b pool.Stat
	fill(reflect.ValueOf(&a).Elem(), 7)
	fill(reflect.ValueOf(&b).Elem(), 5)
	b.DialErrorsBy, a.DialErrorsBy = map[string]int64{"x": 5}, map[string]int64{"x": 7, "y": 1}
	got := a.Since(b)
	require.Equal(t, map[string]int64{"x": 2, "y": 1}, got.DialErrorsBy)
	requireAll(t, reflect.ValueOf(got.Counters), 2)
	for _, c := range got.Classes {
		require.Equal(t, 7, c.Waiting)
		c.Waiting = 2
		requireAll(t, reflect.ValueOf(c), 2)
	}
	require.Equal(t, a.Limit, got.Limit)
}

func fill(v reflect.Value, n int64) {
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			fill(f, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	default:
		if v.CanInt() {
			v.SetInt(n)
		}
	}
}

func requireAll(t *testing.T, v reflect.Value, n int64) {
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			requireAll(t, f, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			requireAll(t, v.Index(i), n)
		}
	default:
		if v.CanInt() {
			require.Equal(t, n, v.Int())
		}
	}
}

func TestStatIsJSONWithUnitsInItsNames(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	require.NoError(t, in.Database(s.db, pool.DatabaseConfig{}).Ping(within(t, soon)))
	text, err := json.Marshal(in.Stat())
	require.NoError(t, err)
	var back map[string]any
	require.NoError(t, json.Unmarshal(text, &back))
	for _, name := range []string{"oldest_wait_ns", "in_use", "acquires", "wait", "use", "dial", "drain", "databases"} {
		require.Contains(t, back, name)
	}
	require.Contains(t, string(text), `"class":"interactive"`)
	requireUnits(t, reflect.TypeFor[pool.Stat]())
}

// requireUnits finds durations whose JSON name hides the unit, and fields without a name.
func requireUnits(t *testing.T, typ reflect.Type) {
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type == reflect.TypeFor[time.Duration]() {
			require.True(t, strings.HasSuffix(name, "_ns"), f.Name)
		}
		if !f.Anonymous {
			require.NotEmpty(t, name, f.Name)
		}
		elem := f.Type
		for elem.Kind() == reflect.Slice || elem.Kind() == reflect.Array {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Struct {
			requireUnits(t, elem)
		}
	}
}

func TestTransactionsAreCounted(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	for range 3 {
		require.NoError(t, pgx.BeginFunc(within(t, soon), db, func(pgx.Tx) error { return nil }))
	}
	require.EqualValues(t, 3, in.Stat().Transactions)
	require.EqualValues(t, 3, in.Stat().Databases[0].Transactions)
}

func TestRefusalsAreCountedByTheirReason(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.MaxWaiting = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	_, err := pool.AcquireMany(within(t, soon), db, db, db)
	require.Error(t, err)
	in.Suspend("test")
	require.Error(t, db.Ping(within(t, soon)))
	require.NoError(t, in.SetLimit(1))
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() { got <- db.Ping(within(t, soon)) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	require.Error(t, db.Ping(within(t, soon)))
	held.Release()
	require.NoError(t, <-got)
	closeWithin(t, in, soon)
	require.Error(t, db.Ping(within(t, soon)))
	want := pool.Refusals{TooMany: 1, NoBudget: 1, QueueFull: 1, Closed: 1}
	require.Equal(t, want, in.Stat().Refused)
	require.EqualValues(t, 4, want.Total())
	require.EqualValues(t, 4, in.Stat().Classes[pool.Interactive].Refused)
}

func TestStatSaysHowManyIdleConnectionsAreWanted(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(8), func(c *pool.Config) { c.MinIdle, c.MaxIdle = 2, 3 })
	in.Database(s.db, pool.DatabaseConfig{})
	in.Database("postgres", pool.DatabaseConfig{})
	st := in.Stat()
	require.Equal(t, [2]int{4, 6}, [2]int{st.MinIdle, st.MaxIdle})
	require.NoError(t, in.SetLimit(3))
	st = in.Stat()
	require.Equal(t, [2]int{3, 3}, [2]int{st.MinIdle, st.MaxIdle})
}
