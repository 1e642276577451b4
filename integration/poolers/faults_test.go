package poolers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// killed: what was acknowledged before a pooler died is there, and what is there was acknowledged or in doubt.
func killed(t *testing.T, base *testkit.Set) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := open(t, base, k)
			for tenant := range int64(8) {
				insertAccount(t, s.through, tenant)
			}
			var mu sync.Mutex
			outcome := map[[16]byte]error{}
			after := 0 // acknowledged since the poolers came back
			back := make(chan struct{})
			ctx, stop := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for caller := range 16 {
				wg.Go(func() {
					for ctx.Err() == nil {
						ref := newRef()
						err := post(t.Context(), s.through, int64(caller%8), ref, 1)
						mu.Lock()
						outcome[ref] = err
						select {
						case <-back:
							if err == nil {
								after++
							}
						default:
						}
						mu.Unlock()
					}
				})
			}
			written := func(n int) func() bool {
				return func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(outcome) >= n
				}
			}
			require.Eventually(t, written(100), soon, time.Millisecond)
			for _, p := range s.poolers {
				require.NoError(t, p.Kill())
			}
			for _, p := range s.poolers {
				require.NoError(t, p.Start(t.Context()))
			}
			close(back)
			require.Eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return after >= 100
			}, soon, time.Millisecond)
			stop()
			wg.Wait()
			audit(t, s, outcome)
		})
	}
}

// audit compares the books with what callers were told.
func audit(t *testing.T, s *set, outcome map[[16]byte]error) {
	t.Helper()
	stored := map[[16]byte]bool{}
	for i := range shards {
		rows, err := s.Super(t, i).Query(t.Context(), "select ref from entries")
		require.NoError(t, err)
		refs, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
		require.NoError(t, err)
		for _, ref := range refs {
			stored[ref] = true
		}
	}
	told := map[string]int{}
	for ref, err := range outcome {
		switch {
		case err == nil:
			told["acknowledged"]++
			require.True(t, stored[ref], "an acknowledged write is lost")
		case errors.Is(err, txn.ErrInDoubt):
			told["in doubt"]++
		default:
			told["failed"]++
			require.False(t, stored[ref], "a write that failed is there: %v", err)
		}
	}
	t.Logf("%v", told)
}

const envConfig = "KEYWAY_TEST_POOLERS_CONFIG"

// otherProcess is what a second process of the service does: it posts for a while, and says how many sockets it had.
func otherProcess(config string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var cfg router.Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		fmt.Println(err)
		return 1
	}
	db, err := router.Open(ctx, cfg)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer db.Close()
	if err := crush(ctx, db); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("peak", db.Stat().Instances[0].Peak, db.Stat().Instances[1].Peak)
	return 0
}

// crush posts from more callers than there are connections.
func crush(ctx context.Context, db *router.DB) error {
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		wg.Go(func() {
			for range rounds {
				errs[i] = errors.Join(errs[i], post(ctx, db, int64(i%8), newRef(), 1))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// twoProcesses counts their sockets at the pooler while both have more callers than connections.
func twoProcesses(t *testing.T, base *testkit.Set) {
	s := prepare(t, base, kinds[1])
	s.init(t)
	db := s.openDB(t)
	for tenant := range int64(8) {
		insertAccount(t, db, tenant)
	}
	config, err := json.Marshal(s.config)
	require.NoError(t, err)
	for i := range shards { // a process of an earlier story whose pooler died keeps its place until that runs out
		super := s.Super(t, i)
		require.Eventually(t, func() bool {
			v, err := lease.Overview(t.Context(), super)
			return err == nil && places(v) <= 2
		}, 3*time.Minute, 100*time.Millisecond, "no place is free for the other process")
	}
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), envConfig+"="+string(config))
	count := s.countClients(t)
	var said []byte
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() { said, failed = other.CombinedOutput() })
	wg.Go(func() {
		if err := crush(t.Context(), db); err != nil {
			t.Errorf("crush: %v", err)
		}
	})
	wg.Wait()
	most := count()
	require.NoError(t, failed, string(said))
	require.Contains(t, string(said), "peak")
	t.Logf("at most %v clients of the poolers; the other process: %s", most, strings.TrimSpace(string(said)))
	for i := range shards {
		require.LessOrEqual(t, most[i], perInstance)
		require.Positive(t, most[i])
		now := stat(db, i)
		require.LessOrEqual(t, now.Open, now.Limit)
	}
	var entries int
	for i := range shards {
		var n int
		require.NoError(t, s.Super(t, i).QueryRow(t.Context(), "select count(*) from entries").Scan(&n))
		entries += n
	}
	require.Equal(t, 2*callers*rounds, entries)
}

// places counts those of the budget that are taken.
func places(v lease.View) (n int) {
	for _, l := range v.Leases {
		if l.Floor > 0 {
			n++
		}
	}
	return n
}

// countClients asks each PgBouncer for its clients until the result is called, which is the most it saw.
func (s *set) countClients(t *testing.T) func() []int {
	t.Helper()
	most := make([]int, shards)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range shards {
		cc, err := pgx.ParseConfig(s.poolers[i].DSN(localpg.Superuser, "pgbouncer"))
		require.NoError(t, err)
		conn, err := pgx.ConnectConfig(ctx, cc)
		require.NoError(t, err)
		wg.Go(func() {
			defer func() { _ = conn.Close(context.Background()) }()
			for ctx.Err() == nil {
				results, err := conn.PgConn().Exec(context.Background(), "show clients").ReadAll()
				if err != nil {
					t.Errorf("show clients: %v", err)
					return
				}
				n := 0
				for _, row := range results[0].Rows {
					if string(row[2]) == s.DBNames[i] { // type, user, database
						n++
					}
				}
				most[i] = max(most[i], n)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	return func() []int {
		stop()
		wg.Wait()
		return most
	}
}

// cancelled: the end of a context reaches the backend through the pooler, and the connection's place comes back.
func cancelled(t *testing.T, base *testkit.Set) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := open(t, base, k)
			key := keyOn(t, s.through, "s0")
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				err := s.through.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) error {
					_, err := tx.Conn().Exec(ctx, "select pg_sleep(60)")
					return err
				})
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
			super := s.Super(t, 0)
			require.Eventually(t, func() bool {
				var running int
				err := super.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = $1 and state = 'active' and query like '%sleep%' and pid <> pg_backend_pid()",
					s.DBNames[0]).Scan(&running)
				return err == nil && running == 0 && stat(s.through, 0).Draining == 0
			}, soon, 10*time.Millisecond)
			_, err := s.through.ForKey(key).Exec(t.Context(), "select count(*) from accounts")
			require.NoError(t, err)
		})
	}
}

// columnAdded: descriptions that are cached on the client are of the table as it was.
func columnAdded(t *testing.T, base *testkit.Set) {
	s := open(t, base, kinds[1])
	insertAccount(t, s.through, 1)
	read := func() error {
		rows, err := s.through.Query(t.Context(), "select * from entries where tenant = $1", 1)
		if err != nil {
			return err
		}
		_, err = pgx.CollectRows(rows, pgx.RowToMap)
		return err
	}
	inTx := func() error {
		return s.through.InTx(t.Context(), shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			rows, err := tx.Query(ctx, "select * from entries where tenant = $1", 1)
			if err != nil {
				return err
			}
			_, err = pgx.CollectRows(rows, pgx.RowToMap)
			return err
		})
	}
	for range 20 {
		require.NoError(t, read())
		require.NoError(t, inTx())
	}
	for i := range shards {
		_, err := s.Super(t, i).Exec(t.Context(), "alter table entries add column note text")
		require.NoError(t, err)
	}
	for range 20 {
		require.NoError(t, read())
		require.NoError(t, inTx())
	}
}
