package router

import (
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// Option changes how [Open] and the DB it returns work.
type Option func(*options)

type options struct {
	log       *slog.Logger
	allowDown bool
	poll      time.Duration
	plans     int
	tracer    pgx.QueryTracer
	grace     time.Duration
	unleased  int
}

const (
	defaultPoll  = 5 * time.Second
	defaultPlans = 4096
	defaultGrace = 10 * time.Second
)

func newOptions(opts []Option) options {
	o := options{log: slog.New(slog.DiscardHandler), poll: defaultPoll, plans: defaultPlans, grace: defaultGrace}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// AllowDown makes [Open] succeed when shards cannot be reached, as long as one can. Calls for a shard that is down get
// a [*ShardDownError] until it is back and has been verified. A shard that answers as something else than what the
// configuration says is an error with this option too.
func AllowDown() Option { return func(o *options) { o.allowDown = true } }

// WithLogger sends warnings and changes of state to log. Without it they go nowhere.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) {
		if log != nil {
			o.log = log
		}
	}
}

// WithPollInterval sets how often the slot map and the registry are looked at besides being notified of changes, and
// how often shards that are down are tried. Zero or negative means 5 s.
func WithPollInterval(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.poll = d
		}
	}
}

// WithPlanCache sets how many statement texts are remembered with their plans. Zero or negative means 4096. They are
// fewer where they are large: all together have 16 KiB for each, so 64 MiB by default.
func WithPlanCache(n int) Option {
	return func(o *options) {
		if n > 0 {
			o.plans = n
		}
	}
}

// WithTracer gives every connection a pgx tracer. It sees the statements with their arguments.
func WithTracer(t pgx.QueryTracer) Option { return func(o *options) { o.tracer = t } }

// WithoutLease is for tools of an operator: the DB takes no place in the connection budget, and at most n connections to
// each instance. They are to fit into the budget's reserve. Zero or negative means a lease like any service's.
func WithoutLease(n int) Option { return func(o *options) { o.unleased = max(n, 0) } }

// WithCloseGrace sets how long [DB.Close] waits for running queries before it ends them. Zero or negative ends them at
// once; without this option it is 10 s.
func WithCloseGrace(d time.Duration) Option { return func(o *options) { o.grace = max(d, 0) } }
