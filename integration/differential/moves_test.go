package differential

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestDifferentialAnswersHoldWhileSlotsChangeHands runs the statements of the scatter comparison while ranges of slots go
// from shard to shard, map by map. Every shard has every row, so a statement of which two shards are asked by two maps
// counts rows twice or not at all. An answer is right, or it is an error that says that slots moved.
//
// What a shard may be asked while it has no rows yet, or none any more, is not compared here but counted by the router's
// own test of moves.
func TestDifferentialAnswersHoldWhileSlotsChangeHands(t *testing.T) {
	seed := setting(t, "KEYWAY_SEED", time.Now().UnixNano())
	count := setting(t, "KEYWAY_STATEMENTS", 60)
	t.Logf("KEYWAY_SEED=%d KEYWAY_STATEMENTS=%d", seed, count)
	g := &scatterGenerator{r: rand.New(rand.NewPCG(uint64(seed), 3))}
	w := newScatterWorld(t, g.r, func() bool { return true })
	db := w.set.DB.Scatter()
	m := startMoving(t, w.set, rand.New(rand.NewPCG(uint64(seed), 4)))
	answered, moved, failed, refused := 0, 0, 0, 0
	for n := range count {
		sql, args, ordered := g.statement()
		gotColumns, got, err := raw(t.Context(), db, sql, args, ordered)
		if refusal(err) != "" {
			refused++
			continue
		}
		if _, ok := errors.AsType[*router.MovedError](err); ok {
			moved++
			continue
		}
		wantColumns, want, wantErr := raw(t.Context(), w.one, sql, args, ordered)
		var a, b *pgconn.PgError
		switch {
		case errors.As(err, &a) && errors.As(wantErr, &b) && a.Code == b.Code:
			failed++
		case err != nil || wantErr != nil:
			t.Fatalf("statement %d: %s %v\nthrough the router: %v\non one server: %v", n, sql, args, err, wantErr)
		case gotColumns != wantColumns || !slices.Equal(got, want):
			t.Fatalf("statement %d, after %d moves: %s %v\n%s", n, m.done.Load(), sql, args, firstDifference(got, want))
		default:
			answered++
		}
	}
	m.stop()
	moves := m.done.Load()
	t.Logf("%d answered alike during %d moves, %d failed alike, %d gave up because slots moved, %d refused", answered, moves, failed, moved, refused)
	require.Greater(t, answered, int(count)/4, "too few statements were answered")
	require.Greater(t, moves, int64(5), "the slots hardly moved")
}

// moving is what changes the map until it is stopped.
type moving struct {
	done atomic.Int64
	stop func() // ends it and waits; with the test at the latest
}

// startMoving gives one range after the other to another shard: the shard that loses it is told first, the one that gets
// it last. The catalog is on the first shard.
func startMoving(t *testing.T, set *testkit.Set, r *rand.Rand) *moving {
	conns := make([]*pgx.Conn, len(set.Clusters))
	for i := range conns {
		conns[i] = set.Super(t, i)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	m := &moving{stop: sync.OnceFunc(func() { close(end); <-ended })}
	t.Cleanup(m.stop)
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond): // statements need an unmoved map to be answered by
			}
			if err := moveSomething(conns, r); err != nil {
				t.Errorf("a move: %v", err)
				return
			}
			m.done.Add(1)
		}
	}()
	return m
}

func moveSomething(conns []*pgx.Conn, r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	current, err := catalog.ReadMap(ctx, conns[0])
	if err != nil {
		return err
	}
	ranges := current.Ranges()
	at := ranges[r.IntN(len(ranges))]
	lo := at.Lo + shard.Slot(r.IntN(int(at.Hi-at.Lo)+1))
	hi := lo + shard.Slot(r.IntN(int(at.Hi-lo)+1))
	if r.IntN(3) == 0 { // the whole of it, so that ranges also join again
		lo, hi = at.Lo, at.Hi
	}
	to := r.IntN(len(conns))
	if testkit.ID(to) == at.Shard {
		to = (to + 1) % len(conns)
	}
	next, err := current.Move(lo, hi, testkit.ID(to))
	if err != nil {
		return err
	}
	store := func(i int) error {
		if i == 0 {
			return nil // SwapMap has
		}
		return catalog.StoreMap(ctx, conns[i], next, testkit.ID(i))
	}
	from := 0
	for testkit.ID(from) != at.Shard {
		from++
	}
	if err := store(from); err != nil {
		return err
	}
	if err := catalog.SwapMap(ctx, conns[0], current.Version(), next); err != nil {
		return err
	}
	if to == 0 {
		if err := catalog.StoreMap(ctx, conns[0], next, testkit.ID(0)); err != nil {
			return err
		}
	}
	return store(to)
}
