package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// TestAHookThatWantsAConnectionOfItsOwnPool would wait for itself for ever at a limit of one.
func TestAHookThatWantsAConnectionOfItsOwnPoolEndsInASentence(t *testing.T) {
	s := shared(t)
	for _, hook := range hooks {
		t.Run(hook, func(t *testing.T) {
			var db *pool.Database
			var again atomic.Bool
			inner := make(chan error, 1)
			in := s.instance(limit(1), func(c *pool.Config) {
				c.AcquireTimeout, c.DialTimeout = 300*time.Millisecond, 5*time.Second
			}, misbehave(hook, func() {
				if again.CompareAndSwap(false, true) {
					inner <- db.Ping(context.Background())
				}
			}))
			db = in.Database(s.db, pool.DatabaseConfig{})
			_ = db.Ping(within(t, soon))
			select {
			case err := <-inner:
				if err != nil { // AfterRelease and its like run when the connection may be lent again, or is closed
					require.Contains(t, err.Error(), "pg-a")
				}
			case <-time.After(soon):
				t.Fatal("the hook waits for ever")
			}
			eventually(t, "the pool goes on", func() bool { return db.Ping(within(t, soon)) == nil })
			eventually(t, "nothing is lost", func() bool { st := in.Stat(); return st.InUse+st.Waiting+st.Dialling == 0 && st.Open == st.Idle })
			require.Equal(t, 1, in.Stat().Peak)
		})
	}
}

// TestAHookThatClosesItsPoolDoesNotHang: Close waits for the hook, and the hook for Close.
func TestAHookThatClosesItsPoolDoesNotHang(t *testing.T) {
	s := shared(t)
	for _, hook := range hooks {
		t.Run(hook, func(t *testing.T) {
			var in *pool.Instance
			var once atomic.Bool
			closed := make(chan error, 1)
			in = s.instance(limit(2), func(c *pool.Config) {
				c.DialTimeout = 5 * time.Second
			}, misbehave(hook, func() {
				if once.CompareAndSwap(false, true) {
					ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
					defer cancel()
					closed <- in.Close(ctx)
				}
			}))
			db := in.Database(s.db, pool.DatabaseConfig{})
			_ = db.Ping(within(t, soon))
			select {
			case err := <-closed:
				t.Log(err)
			case <-time.After(soon):
				t.Fatal("Close hangs")
			}
			require.NoError(t, in.Close(within(t, soon)), "the second one finds nothing left")
			require.ErrorIs(t, db.Ping(within(t, soon)), pool.ErrClosed)
			require.Zero(t, in.Stat().Open)
		})
	}
}

func TestTheSecondAcquireOfOneCallerAtALimitOfOneEndsInASentence(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.AcquireTimeout = 2 * time.Second })
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	defer held.Release()
	_, err = db.Acquire(context.Background())
	var timeout *pool.AcquireTimeoutError
	require.True(t, errors.As(err, &timeout), fmt.Sprint(err))
	require.Equal(t, []int{1, 1}, []int{timeout.Limit, timeout.InUse})
}
