package otelpool

import (
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/keyway-go/keyway/pool"
)

// gauges are the instruments that are read from snapshots, counters too.
type gauges struct {
	all []metric.Observable

	count, acquires, refused, dialErrors, closed, bound metric.Int64Observable
	oldestWait, roundTrip                               metric.Float64Observable

	plain []metric.Int64Observable // of plainLevels and plainTotals, in their order
}

// plain is an instrument that is one number of a snapshot, whose only attribute is the pool's name.
type plain struct {
	name, unit, text string
	of               func(s *pool.Stat) int64
}

var plainLevels = []plain{
	{"db.client.connection.idle.max", "{connection}", "The most idle connections allowed.", func(s *pool.Stat) int64 { return int64(s.MaxIdle) }},
	{"db.client.connection.idle.min", "{connection}", "The fewest idle connections kept.", func(s *pool.Stat) int64 { return int64(s.MinIdle) }},
	{"db.client.connection.max", "{connection}", "The most open connections allowed.", func(s *pool.Stat) int64 { return int64(s.Limit) }},
	{"db.client.connection.pending_requests", "{request}", "Requests that wait for a connection.", func(s *pool.Stat) int64 { return int64(s.Waiting) }},
	{"keyway.pool.backing_off", "{database}", "Databases whose last dial failed.", func(s *pool.Stat) int64 { return int64(s.BackingOff) }},
	{"keyway.pool.cancelling", "{request}", "Cancel requests in flight.", func(s *pool.Stat) int64 { return int64(s.Cancelling) }},
	{"keyway.pool.lingering", "{connection}", "Connections whose backend does not end, of those that drain.", func(s *pool.Stat) int64 { return int64(s.Lingering) }},
	{"keyway.pool.peak", "{connection}", "The most connections that were open at once.", func(s *pool.Stat) int64 { return int64(s.Peak) }},
	{"keyway.pool.paused", "{pool}", "1 while the pool is paused.", func(s *pool.Stat) int64 {
		if s.Paused {
			return 1
		}
		return 0
	}},
}

var plainTotals = []plain{
	{"db.client.connection.timeouts", "{timeout}", "Waits for a connection that were ended by time.", func(s *pool.Stat) int64 { return s.Timeouts }},
	{"keyway.pool.handoffs", "{connection}", "Connections that went from one caller straight to the next.", func(s *pool.Stat) int64 { return s.Handoffs }},
	{"keyway.pool.cancels", "{request}", "Waits for a connection that were ended by cancellation.", func(s *pool.Stat) int64 { return s.Cancels }},
	{"keyway.pool.failed", "{request}", "Waits for a connection that were ended by a dial that failed.", func(s *pool.Stat) int64 { return s.Failed }},
	{"keyway.pool.evictions", "{connection}", "Idle connections closed for another database.", func(s *pool.Stat) int64 { return s.Evictions }},
	{"keyway.pool.transactions", "{transaction}", "Transactions begun.", func(s *pool.Stat) int64 { return s.Transactions }},
	{"keyway.pool.pings", "{check}", "Connections checked before their use.", func(s *pool.Stat) int64 { return s.Pings }},
	{"keyway.pool.ping_errors", "{check}", "Connections closed by a check before their use.", func(s *pool.Stat) int64 { return s.PingErrors }},
	{"keyway.pool.checks", "{check}", "Connections checked in the background or between two uses.", func(s *pool.Stat) int64 { return s.Checks }},
	{"keyway.pool.check_errors", "{check}", "Connections closed by such a check.", func(s *pool.Stat) int64 { return s.CheckErrors }},
	{"keyway.pool.leaks", "{connection}", "Connections held for too long, or dropped.", func(s *pool.Stat) int64 { return s.Leaks }},
	{"keyway.pool.hook_errors", "{error}", "Hooks that panicked or hung.", func(s *pool.Stat) int64 { return s.HookErrors }},
	{"keyway.pool.cancel_dials", "{request}", "Cancel requests sent.", func(s *pool.Stat) int64 { return s.CancelDials }},
	{"keyway.pool.forgotten", "{connection}", "Connections given up without having seen their backend end.", func(s *pool.Stat) int64 { return s.Forgotten }},
}

func newGauges(meter metric.Meter) (*gauges, error) {
	g := &gauges{}
	var errs []error
	level := func(name, unit, text string) metric.Int64Observable {
		i, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = append(errs, err)
		g.all = append(g.all, i)
		return i
	}
	total := func(name, unit, text string) metric.Int64Observable {
		i, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = append(errs, err)
		g.all = append(g.all, i)
		return i
	}
	g.count = level("db.client.connection.count", "{connection}", "Connections that are in the state of the attribute.")
	g.acquires = total("keyway.pool.acquires", "{connection}", "Connections handed out, by class of work.")
	g.refused = total("keyway.pool.refused", "{request}", "Requests that were turned away, by reason.")
	g.dialErrors = total("keyway.pool.dial_errors", "{error}", "Connections that could not be opened, by SQLSTATE or kind.")
	g.closed = total("keyway.pool.closes", "{connection}", "Connections closed, by reason.")
	g.bound = level("keyway.pool.bound", "{pool}", "Always 1; the attribute says what the limit bounds, backends or sockets.")
	for _, p := range plainLevels {
		g.plain = append(g.plain, level(p.name, p.unit, p.text))
	}
	for _, p := range plainTotals {
		g.plain = append(g.plain, total(p.name, p.unit, p.text))
	}
	seconds := func(name, text string) metric.Float64Observable {
		i, err := meter.Float64ObservableGauge(name, metric.WithUnit("s"), metric.WithDescription(text))
		errs = append(errs, err)
		g.all = append(g.all, i)
		return i
	}
	g.oldestWait = seconds("keyway.pool.oldest_wait", "How long the first of those who wait has waited.")
	g.roundTrip = seconds("keyway.pool.round_trip", "How long the server takes to answer when it has nothing to do.")
	return g, errors.Join(errs...)
}

// observe reports one snapshot.
func (g *gauges) observe(o metric.Observer, s pool.Stat) {
	whole := attributes(s.Name)
	by := func(key, value string) metric.MeasurementOption {
		return attributes(s.Name, attribute.String(key, value))
	}
	g.observeCount(o, s)
	for i, p := range plainLevels {
		o.ObserveInt64(g.plain[i], p.of(&s), whole)
	}
	for i, p := range plainTotals {
		o.ObserveInt64(g.plain[len(plainLevels)+i], p.of(&s), whole)
	}
	o.ObserveInt64(g.bound, 1, by("keyway.bound", s.Bound))
	for _, c := range s.Classes {
		o.ObserveInt64(g.acquires, c.Acquires, by("keyway.class", c.Class.String()))
	}
	for reason, n := range s.Refused.All() {
		o.ObserveInt64(g.refused, n, by("keyway.reason", reason))
	}
	for state, n := range s.DialErrorsBy {
		o.ObserveInt64(g.dialErrors, n, by("error.type", state))
	}
	for reason, n := range s.Closes.All() {
		o.ObserveInt64(g.closed, n, by("keyway.reason", reason))
	}
	o.ObserveFloat64(g.oldestWait, s.OldestWait.Seconds(), whole)
}

// observeCount reports connections and round trips by database where they belong to one, else by instance. Two ways to one database,
// such as through and past a pooler, are one: the last report of a set of attributes would win.
func (g *gauges) observeCount(o metric.Observer, s pool.Stat) {
	type key struct{ database, role, shard, state string }
	counts, trips := map[key]int{}, map[key]time.Duration{}
	for _, d := range s.Databases {
		whole := key{d.Database, d.User, d.Shard, ""}
		trips[whole] = max(trips[whole], d.RoundTrip)
		counts[key{d.Database, d.User, d.Shard, "idle"}] += d.Idle
		counts[key{d.Database, d.User, d.Shard, "used"}] += d.InUse
		counts[key{d.Database, d.User, d.Shard, "connecting"}] += d.Dialling
	}
	const state = "db.client.connection.state"
	for k, n := range counts {
		o.ObserveInt64(g.count, int64(n), databaseAttributes(s.Name, k.database, k.role, k.shard, attribute.String(state, k.state)))
	}
	for k, trip := range trips {
		if trip > 0 {
			o.ObserveFloat64(g.roundTrip, trip.Seconds(), databaseAttributes(s.Name, k.database, k.role, k.shard))
		}
	}
	o.ObserveInt64(g.count, int64(s.Draining), attributes(s.Name, attribute.String(state, "draining")))
	o.ObserveInt64(g.count, int64(s.Lent), attributes(s.Name, attribute.String(state, "lent")))
}
