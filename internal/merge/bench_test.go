package merge_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/merge"
	"github.com/keyway-go/keyway/pool"
)

const (
	benchShards = 4
	perShard    = 10_000
	perPool     = 4
	top         = 50
	topSQL      = "select id, balance, payload from accounts order by balance desc, id limit 50"
	napSQL      = "select pg_sleep($1)::text"
)

type account struct {
	ID      int64
	Balance int32
	Payload string
}

// servers are the same accounts behind the pool of this module and behind pgxpool.
type servers struct {
	dbs  []*pool.Database
	hand []*pgxpool.Pool
}

func newServers(t testing.TB) *servers {
	s := &servers{}
	for i, c := range pgtest.SharedN(t, benchShards) {
		db := pgtest.Database(t, c)
		pgtest.Exec(t, c, db, fmt.Sprintf(`create table accounts as select i * %d + %d as id, (i * 7919 %% 100003)::int as balance,
			'sixty-four characters of payload, as in pgbench''s filler columns' as payload from generate_series(1, %d) i;
			create index on accounts (balance desc, id); alter table accounts alter id type bigint; analyze accounts`, benchShards, i, perShard))
		dsn := c.DSN(localpg.Superuser, db)
		cc, err := pgx.ParseConfig(dsn)
		require.NoError(t, err)
		in, err := pool.New(pool.Config{Name: fmt.Sprintf("pg-%d", i), Conn: cc, Limit: perPool, Control: -1})
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), soon)
			defer cancel()
			require.NoError(t, in.Close(ctx))
		})
		s.dbs = append(s.dbs, in.Database(db, pool.DatabaseConfig{}))

		pc, err := pgxpool.ParseConfig(dsn)
		require.NoError(t, err)
		pc.MaxConns = perPool
		p, err := pgxpool.NewWithConfig(context.Background(), pc)
		require.NoError(t, err)
		t.Cleanup(p.Close)
		s.hand = append(s.hand, p)
	}
	return s
}

// lent is an input over a connection of the pool.
type lent struct {
	conn *pool.Conn
	sql  string
	args []any
}

func (l *lent) Shard() string { return "s" }

func (l *lent) Open(ctx context.Context) (merge.Source, error) {
	return l.conn.Query(ctx, l.sql, l.args...)
}

func (l *lent) Cancel() { _ = l.conn.Conn().PgConn().CancelRequest(context.Background()) }

func (l *lent) Release() { l.conn.Release() }

func (s *servers) inputs(ctx context.Context, sql string, args ...any) ([]merge.Input, error) {
	conns, err := pool.AcquireMany(ctx, s.dbs...)
	if err != nil {
		return nil, err
	}
	lents, inputs := make([]lent, len(conns)), make([]merge.Input, len(conns))
	for i, c := range conns {
		lents[i] = lent{conn: c, sql: sql, args: args}
		inputs[i] = &lents[i]
	}
	return inputs, nil
}

var byBalance = []merge.SortColumn{{Index: 1, Desc: true, NullsFirst: true}, {Index: 0}}

// merged is the merge's way to the first accounts.
func (s *servers) merged(ctx context.Context) ([]account, error) {
	inputs, err := s.inputs(ctx, topSQL)
	if err != nil {
		return nil, err
	}
	rows := merge.Ordered(ctx, inputs, byBalance, merge.Options{Limit: merge.AtMost(top)})
	return read(make([]account, 0, top), rows)
}

func read(all []account, rows pgx.Rows) ([]account, error) {
	defer rows.Close()
	for rows.Next() {
		var a account
		if err := rows.Scan(&a.ID, &a.Balance, &a.Payload); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// byHand is what one would write: every shard's rows in a goroutine, then a sort, then the cut.
func (s *servers) byHand(ctx context.Context) ([]account, error) {
	var parts [benchShards][]account
	var errs [benchShards]error
	var group sync.WaitGroup
	for i, p := range s.hand {
		group.Go(func() {
			rows, err := p.Query(ctx, topSQL)
			if err != nil {
				errs[i] = err
				return
			}
			parts[i], errs[i] = read(make([]account, 0, top), rows)
		})
	}
	group.Wait()
	all := make([]account, 0, benchShards*top)
	for i, part := range parts {
		if errs[i] != nil {
			return nil, errs[i]
		}
		all = append(all, part...)
	}
	slices.SortFunc(all, func(a, b account) int { return cmp.Or(cmp.Compare(b.Balance, a.Balance), cmp.Compare(a.ID, b.ID)) })
	return all[:top], nil
}

func TestTopRowsCostFewerAllocationsThanByHand(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := newServers(t)
	ctx := within(t)
	count := func(f func(context.Context) ([]account, error)) (float64, []account) {
		var last []account
		n := testing.AllocsPerRun(100, func() {
			var err error
			last, err = f(ctx)
			require.NoError(t, err)
		})
		return n, last
	}
	hand, want := count(s.byHand)
	ours, got := count(s.merged)
	require.Equal(t, want, got)
	t.Logf("allocations: merged %.0f, by hand %.0f", ours, hand)
	require.LessOrEqual(t, ours, 300.0)
	require.Less(t, ours, hand)
}

// BenchmarkTop50 reads the first rows of four servers from some goroutines, merged and by hand in turn, and reports the
// medians of the rounds and of their ratios. On a machine that does other things the ratio of this process's own CPU per
// read says more than that of the rates.
func BenchmarkTop50(b *testing.B) {
	s := newServers(b)
	for _, goroutines := range []int{1, 4} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			for b.Loop() {
				var hands, ours, rates, cpus []float64
				for n := range 31 {
					var h, m pace
					if n%2 == 0 {
						h, m = drive(b, goroutines, s.byHand), drive(b, goroutines, s.merged)
					} else {
						m, h = drive(b, goroutines, s.merged), drive(b, goroutines, s.byHand)
					}
					hands, ours = append(hands, h.rate), append(ours, m.rate)
					rates, cpus = append(rates, m.rate/h.rate), append(cpus, m.cpu/h.cpu)
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(hands), "by-hand/s")
				b.ReportMetric(median(ours), "merged/s")
				b.ReportMetric(median(rates), "rate-ratio")
				b.ReportMetric(median(cpus), "cpu-ratio")
			}
		})
	}
}

// pace is reads per second, and seconds of this process's CPU per read.
type pace struct{ rate, cpu float64 }

func drive(b *testing.B, goroutines int, f func(context.Context) ([]account, error)) pace {
	b.Helper()
	const round = 150 * time.Millisecond
	var done atomic.Int64
	var group sync.WaitGroup
	start, before := time.Now(), cpuTime()
	for range goroutines {
		group.Go(func() {
			for time.Since(start) < round {
				if _, err := f(context.Background()); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	n := float64(done.Load())
	return pace{n / time.Since(start).Seconds(), (cpuTime() - before).Seconds() / n}
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// BenchmarkLatency merges shards of which the slowest takes 3 ms, and reports by how many microseconds the whole takes
// longer than the slowest shard was read.
func BenchmarkLatency(b *testing.B) {
	s := newServers(b)
	ctx := context.Background()
	for b.Loop() {
		var over, hand []float64
		for range 150 {
			over = append(over, s.overSlowest(b, ctx))
			hand = append(hand, s.overSlowestByHand(b, ctx))
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(over), "us-over-slowest")
		b.ReportMetric(median(hand), "us-over-slowest-by-hand")
	}
}

var naps = [benchShards]float64{0.002, 0.002, 0.002, 0.003}

// overSlowest is the time of a merge beyond that of its slowest shard, measured alone before.
func (s *servers) overSlowest(b *testing.B, ctx context.Context) float64 {
	slowest := s.alone(b, ctx)
	start := time.Now()
	inputs, err := s.inputs(ctx, napSQL)
	require.NoError(b, err)
	for i := range inputs {
		inputs[i].(*lent).args = []any{naps[i]}
	}
	rows := merge.Ordered(ctx, inputs, []merge.SortColumn{{Index: 0, Bytewise: true}}, merge.Options{})
	for rows.Next() {
	}
	require.NoError(b, rows.Err())
	return float64(time.Since(start)-slowest) / 1e3
}

func (s *servers) overSlowestByHand(b *testing.B, ctx context.Context) float64 {
	slowest := s.alone(b, ctx)
	start := time.Now()
	var group sync.WaitGroup
	for i, p := range s.hand {
		group.Go(func() {
			_, err := p.Exec(ctx, napSQL, naps[i])
			if err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
	return float64(time.Since(start)-slowest) / 1e3
}

func (s *servers) alone(b *testing.B, ctx context.Context) time.Duration {
	start := time.Now()
	_, err := s.hand[benchShards-1].Exec(ctx, napSQL, naps[benchShards-1])
	require.NoError(b, err)
	return time.Since(start)
}

// BenchmarkKeys makes keys of what sorts most often.
func BenchmarkKeys(b *testing.B) {
	key := make([]byte, 0, 64)
	for name, c := range map[string]struct {
		oid   uint32
		value []byte
	}{
		"bigint":    {20, []byte{0, 0, 0, 0, 0, 0, 1, 2}},
		"timestamp": {1184, []byte{0, 2, 0, 0, 0, 0, 1, 2}},
		"numeric":   {1700, []byte{0, 2, 0, 1, 0, 0, 0, 2, 0, 12, 4, 5}},
		"text":      {25, []byte("a name of ordinary length")},
	} {
		append1 := merge.Encoder(c.oid, 1, merge.SortColumn{Bytewise: true})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				key, _ = append1(key[:0], c.value)
			}
		})
	}
}
