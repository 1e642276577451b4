package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/router"
)

const (
	columns = "select id, balance, payload from accounts"
	first   = " order by balance desc, id limit 50"
	listed  = "id = any($1)"
	top     = columns + first
	lookup  = columns + " where " + listed
)

type account struct {
	ID      int64
	Balance int32
	Payload string
}

// texts are what is sent by hand to each server.
type texts [shards]string

// alike sends the same to all, and knows nothing of slots that move.
func alike(sql string) (all texts) {
	for i := range all {
		all[i] = sql
	}
	return all
}

// exactly is as exact as the router: rows of other shards' slots do not count, and a shard that does not own its slots any
// more fails. Where keys are asked for, their slots need no comparing.
func exactly(set *testkit.Set, before, where, after string, slots bool) (all texts) {
	for i := range all {
		r := set.DB.Map().RangesOf(testkit.ID(i))[0]
		conds := []string{fmt.Sprintf("cast(case when exists (select from keyway.owned where lo <= %d and hi >= %d) then 't' else 'moved' end as bool)", r.Lo, r.Hi)}
		if where != "" {
			conds = append(conds, where)
		}
		if slots {
			conds = append(conds, fmt.Sprintf("slot between '%d' and '%d'", r.Lo, r.Hi))
		}
		all[i] = before + " where " + strings.Join(conds, " and ") + after
	}
	return all
}

// apart reads from every server, in a goroutine each.
func apart(ctx context.Context, hand *byHand, sql texts, args func(i int) []any) ([]account, error) {
	var parts [shards][]account
	var errs [shards]error
	var group sync.WaitGroup
	for i := range shards {
		group.Go(func() {
			got, err := hand.pools[i].Query(ctx, sql[i], args(i)...)
			if err != nil {
				errs[i] = err
				return
			}
			parts[i], errs[i] = pgx.CollectRows(got, pgx.RowToStructByPos[account])
		})
	}
	group.Wait()
	return slices.Concat(parts[:]...), cmp.Or(errs[0], errs[1], errs[2], errs[3])
}

// topByHand is what one would write without Scatter.
func topByHand(ctx context.Context, hand *byHand, sql texts) ([]account, error) {
	all, err := apart(ctx, hand, sql, func(int) []any { return nil })
	slices.SortFunc(all, func(a, b account) int { return cmp.Or(cmp.Compare(b.Balance, a.Balance), cmp.Compare(a.ID, b.ID)) })
	return all[:min(50, len(all))], err
}

func lookupByHand(ctx context.Context, hand *byHand, sql texts, ids []int64) ([]account, error) {
	var of [shards][]int64
	for _, id := range ids {
		i := slices.Index(hand.pools[:], hand.pool(id))
		of[i] = append(of[i], id)
	}
	return apart(ctx, hand, sql, func(i int) []any { return []any{of[i]} })
}

// scatterRead is one read of several shards, by hand and through the router.
type scatterRead struct {
	name         string
	hand, routed func(context.Context) ([]account, error)
}

// scatterReads are the first 50 rows of four shards, and 100 keys of all of them, by hand as one would write it who has no
// slots that move, and as one must who has.
func scatterReads(b *testing.B, set *testkit.Set, hand *byHand) []scatterRead {
	for i := range shards {
		_, err := set.Super(b, i).Exec(b.Context(), "create index on accounts (balance desc, id)")
		require.NoError(b, err)
	}
	ids := make([]int64, 100)
	for i := range ids {
		ids[i] = int64(i*397 + 1)
	}
	firstRows := func(sql texts) func(context.Context) ([]account, error) {
		return func(ctx context.Context) ([]account, error) { return topByHand(ctx, hand, sql) }
	}
	routedRows := func(ctx context.Context) ([]account, error) {
		return router.Select[account](ctx, set.DB.Scatter(), router.Text(top))
	}
	keys := func(sql texts) func(context.Context) ([]account, error) {
		return func(ctx context.Context) ([]account, error) { return lookupByHand(ctx, hand, sql, ids) }
	}
	routedKeys := func(ctx context.Context) ([]account, error) {
		return router.Select[account](ctx, set.DB, router.Text(lookup, ids))
	}
	return []scatterRead{
		{"top50", firstRows(alike(top)), routedRows},
		{"lookup100", keys(alike(lookup)), routedKeys},
		{"top50-exact-by-hand", firstRows(exactly(set, columns, "", first, true)), routedRows},
		{"lookup100-exact-by-hand", keys(exactly(set, columns, listed, "", false)), routedKeys},
	}
}

// BenchmarkScatter reads the first 50 rows of four shards, and 100 keys of all of them, by hand and through the router in
// turn.
func BenchmarkScatter(b *testing.B) {
	set, hand := open(b)
	for _, c := range scatterReads(b, set, hand) {
		b.Run(c.name, func(b *testing.B) {
			ctx := context.Background()
			want, err := c.hand(ctx)
			require.NoError(b, err)
			got, err := c.routed(ctx)
			require.NoError(b, err)
			require.ElementsMatch(b, want, got)
			allocs := func(f func(context.Context) ([]account, error)) float64 {
				return testing.AllocsPerRun(100, func() {
					if _, err := f(ctx); err != nil {
						b.Fatal(err)
					}
				})
			}
			hand, routed := allocs(c.hand), allocs(c.routed)
			for b.Loop() {
				compare(b, 4,
					func(ctx context.Context, _ int64) error { _, err := c.hand(ctx); return err },
					func(ctx context.Context, _ int64) error { _, err := c.routed(ctx); return err })
			}
			b.ReportMetric(hand, "by-hand-allocs")
			b.ReportMetric(routed, "routed-allocs")
		})
	}
}

// BenchmarkScatterLatency makes one of four shards wait for ten milliseconds and reports by how much the whole takes
// longer than that shard alone, by hand and through the router: medians of reads in turn, one at a time.
func BenchmarkScatterLatency(b *testing.B) {
	set, hand := open(b)
	const slowest = 2
	for i := range shards {
		_, err := set.Super(b, i).Exec(b.Context(), "create index on accounts (balance desc, id)")
		require.NoError(b, err)
	}
	_, err := set.Super(b, slowest).Exec(b.Context(), `alter table accounts enable row level security;
		create policy slow on accounts using ((select pg_sleep(0.01)) is not null)`)
	require.NoError(b, err)
	took := func(read func() error) float64 {
		start := time.Now()
		require.NoError(b, read())
		return float64(time.Since(start).Microseconds())
	}
	ctx := context.Background()
	alone := func() error {
		got, err := hand.pools[slowest].Query(ctx, top)
		if err == nil {
			_, err = pgx.CollectRows(got, pgx.RowToStructByPos[account])
		}
		return err
	}
	byHand := func() error { _, err := topByHand(ctx, hand, alike(top)); return err }
	routed := func() error {
		_, err := router.Select[account](ctx, set.DB.Scatter(), router.Text(top))
		return err
	}
	for b.Loop() {
		var one, all, through []float64
		for range 300 {
			one, all, through = append(one, took(alone)), append(all, took(byHand)), append(through, took(routed))
		}
		b.ReportMetric(median(one), "slowest-us")
		b.ReportMetric(median(all)-median(one), "by-hand-over-us")
		b.ReportMetric(median(through)-median(one), "routed-over-us")
	}
	b.ReportMetric(0, "ns/op")
}
