// Package bench measures the router over real servers beside what one would write by hand.
package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	shards  = 4
	rows    = 40_000
	perPool = 4 // connections that serve queries on the catalog's server, on both sides; the others have one more
	rounds  = 9 // of each side, one after the other
	round   = 500 * time.Millisecond
)

const schema = `create table accounts (id bigint primary key, balance integer not null, payload text not null);
create table history (id bigint not null, delta integer not null);
select keyway.shard_table('accounts', 'id');
select keyway.shard_table('history', 'id');`

const point = "select balance, payload from accounts where id = $1"

// byHand is the baseline: pgxpool for each server, and the hash written out.
type byHand struct {
	slots [16384]uint8
	pools [shards]*pgxpool.Pool
}

func (h *byHand) pool(id int64) *pgxpool.Pool {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	return h.pools[h.slots[xxhash.Sum64(b[:])>>50]]
}

// BenchmarkPointSelect reads one row by key from many goroutines: by hand and through the router, in turn, and reports
// the median of the rounds' ratios. Everything shares this machine's cores, so the ratio is of all CPU per read.
func BenchmarkPointSelect(b *testing.B) {
	set, hand := open(b)
	for _, goroutines := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			for b.Loop() {
				compare(b, goroutines,
					func(ctx context.Context, id int64) error {
						var balance int32
						var payload string
						return hand.pool(id).QueryRow(ctx, point, id).Scan(&balance, &payload)
					},
					func(ctx context.Context, id int64) error {
						var balance int32
						var payload string
						return set.DB.QueryRow(ctx, point, id).Scan(&balance, &payload)
					})
			}
		})
	}
}

type read func(ctx context.Context, id int64) error

// compare runs both sides in turn and reports their medians.
func compare(b *testing.B, goroutines int, hand, routed read) {
	b.Helper()
	var ratios, handRates, routedRates []float64
	drive(b, goroutines, hand)
	drive(b, goroutines, routed)
	for n := range rounds {
		var h, r float64
		if n%2 == 0 {
			h = drive(b, goroutines, hand)
			r = drive(b, goroutines, routed)
		} else {
			r = drive(b, goroutines, routed)
			h = drive(b, goroutines, hand)
		}
		ratios, handRates, routedRates = append(ratios, r/h), append(handRates, h), append(routedRates, r)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(handRates), "by-hand/s")
	b.ReportMetric(median(routedRates), "routed/s")
	b.ReportMetric(median(ratios), "ratio")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// drive reads from many goroutines for one round and returns reads per second.
func drive(b *testing.B, goroutines int, one read) float64 {
	b.Helper()
	var done atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for g := range goroutines {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 7))
			n := int64(0)
			for time.Since(start) < round {
				if err := one(context.Background(), 1+random.Int64N(rows)); err != nil {
					b.Error(err)
					return
				}
				n++
			}
			done.Add(n)
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}

// open fills four servers and opens both sides on them.
func open(b *testing.B) (*testkit.Set, *byHand) {
	b.Helper()
	clusters := pgtest.SharedN(b, shards)
	set := testkit.New(b, clusters, schema, testkit.Connections(shards*(perPool+2)))
	source := pgx.CopyFromSlice(rows, func(i int) ([]any, error) {
		return []any{int64(i + 1), int32(i), "sixty-four characters of payload, as in pgbench's filler columns"}, nil
	})
	copied, err := set.DB.CopyFrom(context.Background(), pgx.Identifier{"accounts"}, []string{"id", "balance", "payload"}, source)
	require.NoError(b, err)
	require.EqualValues(b, rows, copied)

	hand := &byHand{}
	for i, c := range clusters {
		// The same role as the router's: a superuser would skip the checks of rights.
		role := set.Config.Instances[fmt.Sprintf("pg-%d", i)].Credentials.App.User
		cfg, err := pgxpool.ParseConfig(c.DSN(role, set.DBNames[i]))
		require.NoError(b, err)
		cfg.MaxConns = working(b, set, i)
		hand.pools[i], err = pgxpool.NewWithConfig(context.Background(), cfg)
		require.NoError(b, err)
		b.Cleanup(hand.pools[i].Close)
		_, err = set.Super(b, i).Exec(context.Background(), "vacuum analyze accounts")
		require.NoError(b, err)
		for _, r := range set.DB.Map().RangesOf(testkit.ID(i)) {
			for slot := r.Lo; slot <= r.Hi; slot++ {
				hand.slots[slot] = uint8(i)
			}
		}
	}
	return set, hand
}

// working is how many connections of the router's lease on the i-th server serve queries: on the catalog's server one
// of them hears of changes of the map.
func working(b *testing.B, set *testkit.Set, i int) int32 {
	b.Helper()
	n := set.DB.Stat().Budget[i].Limit
	if testkit.ID(i) == set.Config.Catalog {
		n--
		require.Equal(b, perPool, n)
	}
	return int32(n)
}
