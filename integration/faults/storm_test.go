package faults_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

const (
	stormAccounts = 300
	stormCallers  = 40
	stormShare    = 4 // connections to each server
	callTime      = 15 * time.Second
)

// storms is how often each thing is broken: once, or KEYWAY_STORMS times for a soak.
func storms(t testing.TB) int {
	t.Helper()
	text := os.Getenv("KEYWAY_STORMS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "KEYWAY_STORMS")
	return n
}

// storm is a service of many callers under attack.
type storm struct {
	t       *testing.T
	set     *testkit.Set
	db      *router.DB
	proxies []*faultproxy.Proxy
	ledger  *ledger

	mu      sync.Mutex
	touched map[int64][2]int64 // least and most per account
	strange []string
}

func TestNothingAcknowledgedIsLostAndNothingFailedIsStored(t *testing.T) {
	clusters := make([]*localpg.Cluster, 3)
	var starting sync.WaitGroup
	for i := range clusters {
		starting.Go(func() { clusters[i] = pgtest.Private(t) })
	}
	starting.Wait()
	proxies := make([]*faultproxy.Proxy, len(clusters))
	for i, c := range clusters {
		p, err := faultproxy.New(context.Background(), c.Addr())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		proxies[i] = p
	}
	set := testkit.New(t, clusters, bank, testkit.Connections(stormShare*len(clusters)),
		testkit.Through(func(i int) string { return proxies[i].Addr() }),
		testkit.Router(router.WithPollInterval(200*time.Millisecond)))
	s := &storm{t: t, set: set, db: set.DB, proxies: proxies, ledger: newLedger(), touched: map[int64][2]int64{}}
	var rows [][]any
	for aid := int64(1); aid <= stormAccounts; aid++ {
		rows = append(rows, []any{aid})
	}
	_, err := s.db.CopyFrom(t.Context(), pgx.Identifier{"accounts"}, []string{"aid"}, pgx.CopyFromRows(rows))
	require.NoError(t, err)

	samples := newSampler(t, set)
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for caller := range stormCallers {
		callers.Go(func() { s.call(rand.New(rand.NewPCG(7, uint64(caller))), stop) })
	}
	s.breakServers()
	for i := range clusters {
		t.Logf("server %d: %d backends at most in %d looks, share %d", i, samples.most[i].Load(), samples.looks[i].Load(), stormShare)
		require.LessOrEqual(t, samples.most[i].Load(), int64(stormShare), "server %d", i)
	}
	s.breakNetwork()
	close(stop)
	callers.Wait()

	s.audit()
	s.db.Close()
	samples.end()
	for i := range clusters {
		// What cuts a connection in the middle tells the client before the server: here the bound is one of sockets.
		t.Logf("server %d: %d backends at most with connections cut", i, samples.most[i].Load())
		super := set.Super(t, i)
		require.Eventually(t, func() bool {
			var left int
			err := super.QueryRow(context.Background(), "select count(*) from pg_stat_activity where usename = $1", appOf(set, i)).Scan(&left)
			return err == nil && left == 0
		}, time.Minute, 10*time.Millisecond, "a backend is left on server %d", i)
	}
	counts := s.ledger.counts
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-32s %6d", what, counts[what])
	}
	for _, line := range s.strange {
		t.Error(line)
	}
}

// call is one caller of the service.
func (s *storm) call(random *rand.Rand, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		s.one(random)
	}
}

// one is one call, sometimes with a context that ends in the middle.
func (s *storm) one(random *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	if random.IntN(5) == 0 {
		ctx, cancel = context.WithTimeout(context.Background(), time.Duration(random.IntN(20_000))*time.Microsecond)
	}
	defer cancel()
	aid := 1 + random.Int64N(stormAccounts)
	switch random.IntN(9) {
	case 0, 1, 2:
		s.post(ctx, aid, random)
	case 3:
		e := entry{aid: aid, ref: s.ledger.ref(), how: "exec"}
		_, err := s.db.Exec(ctx, "insert into events (aid, ref) values ($1, $2)", e.aid, e.ref)
		s.ledger.note(e, err)
	case 4:
		e := entry{aid: aid, ref: s.ledger.ref(), how: "returning"}
		err := s.db.QueryRow(ctx, "insert into events (aid, ref) values ($1, $2) returning slot", e.aid, e.ref).Scan(new(int16))
		s.ledger.note(e, err)
	case 5:
		s.touch(ctx, aid)
	case 6:
		s.copy(ctx, aid, random.IntN(2) == 0)
	case 7:
		s.batch(ctx, aid)
	default:
		s.read(ctx, aid, random)
	}
}

func (s *storm) post(ctx context.Context, aid int64, random *rand.Rand) {
	e := entry{aid: aid, ref: s.ledger.ref(), delta: random.Int64N(2001) - 1000, how: "transaction"}
	err := s.db.InTx(ctx, shard.Int64(aid), func(ctx context.Context, tx *txn.Tx) error {
		if _, err := tx.Exec(ctx, "update accounts set balance = balance + $1 where aid = $2", e.delta, aid); err != nil {
			return err
		}
		var balance int64
		if err := tx.QueryRow(ctx, "select balance from accounts where aid = $1", aid).Scan(&balance); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "insert into history (aid, ref, delta) values ($1, $2, $3)", aid, e.ref, e.delta)
		return err
	}, txn.Options{Rerunnable: random.IntN(2) == 0})
	s.ledger.note(e, err)
}

// touch is a write that is not idempotent: done twice it counts twice.
func (s *storm) touch(ctx context.Context, aid int64) {
	tag, err := s.db.Exec(ctx, "update accounts set touched = touched + 1 where aid = $1", aid)
	s.mu.Lock()
	defer s.mu.Unlock()
	bounds := s.touched[aid]
	switch verdict(err) {
	case acknowledged:
		bounds[0]++
		bounds[1]++
		if tag.RowsAffected() != 1 {
			s.strange = append(s.strange, fmt.Sprintf("account %d: %d rows updated", aid, tag.RowsAffected()))
		}
	case inDoubt:
		bounds[1]++
	case failed:
	}
	s.touched[aid] = bounds
}

// copy copies rows of one account, or of many.
func (s *storm) copy(ctx context.Context, aid int64, many bool) {
	var list []entry
	var rows [][]any
	for i := range int64(8) {
		e := entry{aid: aid, ref: s.ledger.ref(), how: "copy to one"}
		if many {
			e.aid, e.how = 1+(aid+37*i)%stormAccounts, "copy to many"
		}
		list = append(list, e)
		rows = append(rows, []any{e.aid, e.ref})
	}
	_, err := s.db.CopyFrom(ctx, pgx.Identifier{"events"}, []string{"aid", "ref"}, pgx.CopyFromRows(rows))
	var partial *router.PartialCopyError
	if !errors.As(err, &partial) {
		for _, e := range list {
			s.ledger.note(e, err)
		}
		return
	}
	for _, e := range list {
		route, _ := s.db.Route(shard.Int64(e.aid))
		_, committed := partial.Committed[route.Shard]
		switch {
		case committed:
			s.ledger.noteAs(e, acknowledged, err)
		case slices.Contains(partial.InDoubt, route.Shard):
			s.ledger.noteAs(e, inDoubt, err)
		default:
			s.ledger.noteAs(e, failed, err)
		}
	}
}

// batch is one implicit transaction.
func (s *storm) batch(ctx context.Context, aid int64) {
	first := entry{aid: aid, ref: s.ledger.ref(), how: "batch"}
	second := entry{aid: aid, ref: s.ledger.ref(), how: "batch"}
	b := &pgx.Batch{}
	for _, e := range []entry{first, second} {
		b.Queue("insert into events (aid, ref) values ($1, $2)", e.aid, e.ref)
	}
	err := s.db.SendBatch(ctx, b).Close()
	s.ledger.note(first, err)
	s.ledger.note(second, err)
}

func (s *storm) read(ctx context.Context, aid int64, random *rand.Rand) {
	rows, err := s.db.Query(ctx, "select aid, ref from events where aid = $1", aid)
	if err != nil {
		return
	}
	defer rows.Close()
	for rows.Next() {
		var got, ref int64
		if err := rows.Scan(&got, &ref); err != nil {
			break
		}
		if got != aid {
			s.mu.Lock()
			s.strange = append(s.strange, fmt.Sprintf("asked for account %d and got %d", aid, got))
			s.mu.Unlock()
		}
		if random.IntN(8) == 0 {
			return // the rest is left unread
		}
	}
}

// breakServers kills two servers and starts them again, stops one for a while, and ends backends.
func (s *storm) breakServers() {
	ctx := context.Background()
	s.work(300)
	for n := range storms(s.t) {
		victim := 1 + n%2
		s.terminate(ctx)
		s.work(100)
		require.NoError(s.t, s.set.Clusters[victim].Kill())
		s.work(50)
		require.NoError(s.t, s.set.Clusters[victim].Start(ctx))
		s.work(300)
	}
	require.NoError(s.t, s.set.Clusters[0].Pause())
	pause(1500 * time.Millisecond) // a server that hangs: there is no event to wait for
	require.NoError(s.t, s.set.Clusters[0].Resume())
	s.work(300)
}

// breakNetwork cuts connections where it hurts, with a server that dies meanwhile.
func (s *storm) breakNetwork() {
	random := rand.New(rand.NewPCG(1, 2))
	starts := []string{"commit", "insert into events", "update accounts set touched"}
	actions := []faultproxy.Action{faultproxy.LoseReply, faultproxy.CutBefore, faultproxy.CutAfter, faultproxy.Fatal("57P01")}
	for round := range 2 * storms(s.t) {
		for _, p := range s.proxies {
			for range 8 {
				p.On(faultproxy.Match{Frontend: starts[random.IntN(3)], Skip: random.IntN(20)}, actions[random.IntN(4)])
			}
			p.On(faultproxy.Match{Backend: "CommandComplete COPY", Skip: random.IntN(3)}, faultproxy.CutBefore)
			p.On(faultproxy.Match{Backend: "CommandComplete COMMIT", Skip: random.IntN(10)}, faultproxy.CutBefore)
		}
		s.work(400)
		if round%4 == 1 {
			require.NoError(s.t, s.set.Clusters[1].Kill())
			s.work(50)
			require.NoError(s.t, s.set.Clusters[1].Start(context.Background()))
		}
		for _, p := range s.proxies {
			p.Cut()
		}
	}
	s.work(300)
}

func pause(d time.Duration) { <-time.After(d) }

// work waits until the callers have been told about n more rows, or for two seconds: with a server down, many wait.
func (s *storm) work(n int64) {
	target := s.ledger.next.Load() + n
	for until := time.Now().Add(2 * time.Second); s.ledger.next.Load() < target && time.Now().Before(until); {
		pause(5 * time.Millisecond)
	}
}

// terminate ends every backend of the application on every server that runs.
func (s *storm) terminate(ctx context.Context) {
	for i, c := range s.set.Clusters {
		conn, err := pgx.Connect(ctx, c.DSN(localpg.Superuser, "postgres"))
		require.NoError(s.t, err)
		_, err = conn.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", appOf(s.set, i))
		require.NoError(s.t, err)
		require.NoError(s.t, conn.Close(ctx))
	}
}

// audit reads past the library.
func (s *storm) audit() {
	t := s.t
	s.ledger.audit(t, s.set)
	noMisplaced(t, s.set, "accounts", "history", "events")
	accounts := 0
	for i := range s.set.Clusters {
		rows, err := s.set.Super(t, i).Query(t.Context(), `select a.aid, a.balance, a.touched,
			coalesce((select sum(delta) from history h where h.aid = a.aid), 0)::bigint from accounts a`)
		require.NoError(t, err)
		var aid, balance, touched, deltas int64
		_, err = pgx.ForEachRow(rows, []any{&aid, &balance, &touched, &deltas}, func() error {
			accounts++
			if balance != deltas {
				t.Errorf("account %d: balance %d and history %d", aid, balance, deltas)
			}
			if b := s.touched[aid]; touched < b[0] || touched > b[1] {
				t.Errorf("account %d: touched %d times, acknowledged %d, at most %d", aid, touched, b[0], b[1])
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.Equal(t, stormAccounts, accounts)
}
