package txn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/shard"
)

// Runner runs transactions. One Runner serves all shards of a process, since the retry budgets are its own. It is safe
// for use by many goroutines, starts none, and needs no closing.
type Runner struct {
	cfg      RunnerConfig
	budget   *buckets
	counters *counters
}

// NewRunner makes a Runner.
func NewRunner(c RunnerConfig) *Runner {
	c = c.withDefaults()
	return &Runner{cfg: c, budget: newBuckets(c.Budget), counters: newCounters()}
}

// Stat is a snapshot of what the runner has done.
func (r *Runner) Stat() Stat {
	s := r.counters.snapshot()
	s.Tokens = r.budget.left()
	return s
}

// Run calls fn inside a transaction on the connection that src gives, and commits when fn returns nil. When the
// transaction is known to have been rolled back for a reason that can pass, it asks src again and runs the whole again;
// see the package's documentation for which.
//
// It returns nil when the transaction is committed, and [*InDoubtError] when that is unknown. Any other error means that
// nothing is committed, but for [ErrEndedInside]: it is fn's own error, or the last attempt's inside a [*GaveUpError].
// The text of a server's error is without values of rows; [errors.As] reaches the *pgconn.PgError.
//
// The end of ctx before COMMIT rolls back. COMMIT itself is never cut short: Run returns when its reply is there, or
// after RunnerConfig.CommitTimeout. A panic of fn rolls back and goes on.
//
// A Run whose ctx comes from the function of another Run is refused with [ErrNested].
func (r *Runner) Run(ctx context.Context, src Source, o Options, fn func(ctx context.Context, tx *Tx) error) error {
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = r.cfg.MaxAttempts
	}
	switch markOf(ctx) {
	case markInside:
		return ErrNested
	case markIndependent:
		o.MaxAttempts = 1 // the outer transaction has retries enough
	}
	r.counters.add(func(s *Stat) { s.Runs++ })
	t := &trial{Runner: r, src: src, o: o, fn: fn}
	return t.run(ctx)
}

// outcome is how one attempt ended.
type outcome struct {
	shard   shard.ID
	version uint64
	err     error // nil when committed
	pgerr.Judgement
}

// trial is one call of Run.
type trial struct {
	*Runner
	src Source
	o   Options
	fn  func(context.Context, *Tx) error

	attempts int            // made so far
	failed   int            // of them: those that count against MaxAttempts
	causes   map[string]int // retries by cause
	rerouted time.Time      // when a shard refused its slot for the first time
	fastest  time.Duration  // of the attempts that failed
}

func (t *trial) run(ctx context.Context) error {
	for {
		t.attempts++
		t.counters.add(func(s *Stat) { s.Attempts++ })
		began := time.Now()
		out := t.attempt(ctx)
		if out.err == nil {
			t.budget.refund(out.shard)
			t.counters.add(func(s *Stat) { s.Committed++ })
			return nil
		}
		t.note(time.Since(began))
		if ctx.Err() != nil || !out.Verdict.Retries(t.o.Rerunnable) {
			return t.end(out)
		}
		wait, limit := t.next(ctx, out)
		if limit == "" && t.cfg.Sleep(ctx, wait) != nil {
			limit = LimitDeadline
		}
		if limit != "" {
			return t.giveUp(out, limit)
		}
		t.counters.add(func(s *Stat) { s.Retries[cause(out)]++ })
	}
}

func (t *trial) note(took time.Duration) {
	if t.fastest == 0 || took < t.fastest {
		t.fastest = took
	}
}

// end is for what must not run again.
func (t *trial) end(out outcome) error {
	if out.Verdict == pgerr.InDoubt {
		t.counters.add(func(s *Stat) { s.InDoubt++ })
		return &InDoubtError{Shard: out.shard, MapVersion: out.version, Attempt: t.attempts, Err: pgerr.Public(out.err)}
	}
	t.counters.add(func(s *Stat) { s.Failed++ })
	if out.Verdict == pgerr.RetryTxIfRerunnable && !errors.Is(out.err, ErrLost) {
		return fmt.Errorf("%w (shard %s): %w", ErrLost, out.shard, pgerr.Public(out.err))
	}
	return pgerr.Public(out.err)
}

func (t *trial) giveUp(out outcome, limit Limit) error {
	t.counters.add(func(s *Stat) { s.Failed++; s.GaveUp[limit]++ })
	if t.o.MaxAttempts == 1 && limit == LimitAttempts {
		return pgerr.Public(out.err) // nobody gave up: once was all there was to be
	}
	return &GaveUpError{Shard: out.shard, Attempts: t.attempts, Why: limit, Err: pgerr.Public(out.err)}
}

// cause names what made an attempt fail, for counting.
func cause(out outcome) string {
	code := pgerr.Code(out.err)
	switch {
	case code != "":
		return code
	case out.Verdict == pgerr.RetryLater:
		return "connect"
	case errors.Is(out.err, ErrLost), pgerr.ConnectionLost(out.err):
		return "connection lost"
	default:
		return out.Verdict.String()
	}
}
