package txn

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options are about one transaction. The zero value is a read-write transaction at the server's default level.
type Options struct {
	Iso        pgx.TxIsoLevel
	Access     pgx.TxAccessMode
	Deferrable pgx.TxDeferrableMode

	// Rerunnable declares that the function may run again after its connection was lost in the middle: everything it
	// does outside the transaction can be repeated.
	Rerunnable bool

	// MaxAttempts replaces the runner's, when it is not 0. 1 means that nothing is run again.
	MaxAttempts int
}

// begin is the text that begins the transaction; each part is one of pgx's constants or refused by the server.
func (o Options) begin() string {
	parts := []string{"begin"}
	if o.Iso != "" {
		parts = append(parts, "isolation level "+string(o.Iso))
	}
	if o.Access != "" {
		parts = append(parts, string(o.Access))
	}
	if o.Deferrable != "" {
		parts = append(parts, string(o.Deferrable))
	}
	return strings.Join(parts, " ")
}

// RunnerConfig is about all transactions of a [Runner]. Every zero value is a default.
type RunnerConfig struct {
	// MaxAttempts is how often a transaction is tried at most. Zero means 4.
	MaxAttempts int

	// BaseDelay bounds the first wait after a conflict; the bound doubles with each attempt. Zero means 5ms.
	BaseDelay time.Duration

	// ConnectDelay is the same after a lost connection or a server that was full or starting; those waits are at least
	// half of it, because waits near zero would burn all attempts at once. Zero means 50ms.
	ConnectDelay time.Duration

	// MaxDelay is the largest bound of a wait. Zero means 1s.
	MaxDelay time.Duration

	// RerouteTime is how long a transaction is tried again whose shard refuses its slot, before the map says where the
	// slot is now; five times at least, however long they take. It is longer than a move's pause. Such retries have no
	// limit of number and cost no budget, since the refused attempts did nothing. Zero means 2s.
	RerouteTime time.Duration

	// CommitTimeout bounds the wait for the reply to COMMIT; the caller's context does not, because giving up there
	// can only make a known outcome unknown. Zero means 10s.
	CommitTimeout time.Duration

	// RollbackTimeout bounds a rollback; a connection that does not answer in time is closed. Zero means 2s.
	RollbackTimeout time.Duration

	// Budget limits the retries of each shard.
	Budget Budget

	// Sleep waits d or until ctx ends; nil means a timer. Rand returns a number in [0, 1); nil means math/rand/v2's. Both
	// are for tests.
	Sleep func(ctx context.Context, d time.Duration) error
	Rand  func() float64
}

func (c RunnerConfig) withDefaults() RunnerConfig {
	orDefault(&c.MaxAttempts, 4)
	orDefault(&c.BaseDelay, 5*time.Millisecond)
	orDefault(&c.ConnectDelay, 50*time.Millisecond)
	orDefault(&c.MaxDelay, time.Second)
	orDefault(&c.RerouteTime, 2*time.Second)
	orDefault(&c.CommitTimeout, 10*time.Second)
	orDefault(&c.RollbackTimeout, 2*time.Second)
	c.Budget = c.Budget.withDefaults()
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c
}

// orDefault replaces a value that is not positive.
func orDefault[T int | float64 | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
