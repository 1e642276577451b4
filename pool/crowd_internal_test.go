package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestAHundredThousandWaitersLeaveInAnyOrder needs no server: nobody is served.
func TestAHundredThousandWaitersLeaveInAnyOrder(t *testing.T) {
	const n = 100_000
	cc, err := pgx.ParseConfig("host=127.0.0.1 port=1 user=u dbname=d sslmode=disable")
	require.NoError(t, err)
	in, err := New(Config{Name: "pg-a", Conn: cc, Limit: 1, Control: -1, MaxWaiting: n})
	require.NoError(t, err)
	defer func() { require.NoError(t, in.Close(context.Background())) }()
	d := in.Database("d", DatabaseConfig{})
	in.mu.Lock()
	in.chargeLocked(work) // the only token is somebody's
	in.mu.Unlock()

	var all []*waiter
	allocated := testing.AllocsPerRun(n-1, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		w, err := d.queueUpLocked(context.Background(), 0)
		if err == nil {
			all = append(all, w)
		}
	})
	require.Len(t, all, n)
	require.LessOrEqual(t, allocated, 3.0, "a waiter and its channel")
	in.mu.Lock()
	_, err = d.queueUpLocked(context.Background(), 0)
	in.mu.Unlock()
	_, full := errors.AsType[*QueueFullError](err)
	require.True(t, full)

	rand.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, w := range all {
		require.False(t, in.leave(w))
		if i%10_000 == 0 {
			require.Equal(t, n-1-i, in.Stat().Waiting)
			require.Empty(t, Audit(in))
		}
	}
	require.Zero(t, in.Stat().Waiting)
	in.giveBack(work)
}
