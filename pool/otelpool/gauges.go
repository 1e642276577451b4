package otelpool

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/keyway-go/keyway/pool"
)

// gauges are the instruments that are read from snapshots, counters too.
type gauges struct {
	all []metric.Observable

	count, idleMax, idleMin, most, pending           metric.Int64Observable
	timeouts, acquires, refused, dialErrors, closed  metric.Int64Observable
	handoffs, cancelled, failed, evicted, transacted metric.Int64Observable
	backingOff                                       metric.Int64Observable
	oldestWait                                       metric.Float64Observable
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
	g.idleMax = level("db.client.connection.idle.max", "{connection}", "The most idle connections allowed.")
	g.idleMin = level("db.client.connection.idle.min", "{connection}", "The fewest idle connections kept.")
	g.most = level("db.client.connection.max", "{connection}", "The most open connections allowed.")
	g.pending = level("db.client.connection.pending_requests", "{request}", "Requests that wait for a connection.")
	g.timeouts = total("db.client.connection.timeouts", "{timeout}", "Waits for a connection that were ended by time.")
	g.acquires = total("keyway.pool.acquires", "{connection}", "Connections handed out, by class of work.")
	g.handoffs = total("keyway.pool.handoffs", "{connection}", "Connections that went from one caller straight to the next.")
	g.cancelled = total("keyway.pool.cancels", "{request}", "Waits for a connection that were ended by cancellation.")
	g.failed = total("keyway.pool.failed", "{request}", "Waits for a connection that were ended by a dial that failed.")
	g.refused = total("keyway.pool.refused", "{request}", "Requests that were turned away, by reason.")
	g.dialErrors = total("keyway.pool.dial_errors", "{error}", "Connections that could not be opened, by SQLSTATE or kind.")
	g.closed = total("keyway.pool.closes", "{connection}", "Connections closed, by reason.")
	g.evicted = total("keyway.pool.evictions", "{connection}", "Idle connections closed for another database.")
	g.transacted = total("keyway.pool.transactions", "{transaction}", "Transactions begun.")
	g.backingOff = level("keyway.pool.backing_off", "{database}", "Databases whose last dial failed.")
	oldest, err := meter.Float64ObservableGauge("keyway.pool.oldest_wait", metric.WithUnit("s"),
		metric.WithDescription("How long the first of those who wait has waited."))
	g.oldestWait, g.all = oldest, append(g.all, oldest)
	return g, errors.Join(append(errs, err)...)
}

// observe reports one snapshot.
func (g *gauges) observe(o metric.Observer, s pool.Stat) {
	whole := attributes(s.Name)
	by := func(key, value string) metric.MeasurementOption {
		return attributes(s.Name, attribute.String(key, value))
	}
	g.observeCount(o, s)
	o.ObserveInt64(g.idleMax, int64(s.Limit), whole)
	o.ObserveInt64(g.idleMin, 0, whole)
	o.ObserveInt64(g.most, int64(s.Limit), whole)
	o.ObserveInt64(g.pending, int64(s.Waiting), whole)
	o.ObserveInt64(g.timeouts, s.Timeouts, whole)
	for _, c := range s.Classes {
		o.ObserveInt64(g.acquires, c.Acquires, by("keyway.class", c.Class.String()))
	}
	o.ObserveInt64(g.handoffs, s.Handoffs, whole)
	o.ObserveInt64(g.cancelled, s.Cancels, whole)
	o.ObserveInt64(g.failed, s.Failed, whole)
	for reason, n := range s.Refused.All() {
		o.ObserveInt64(g.refused, n, by("keyway.reason", reason))
	}
	for state, n := range s.DialErrorsBy {
		o.ObserveInt64(g.dialErrors, n, by("error.type", state))
	}
	for reason, n := range s.Closes.All() {
		o.ObserveInt64(g.closed, n, by("keyway.reason", reason))
	}
	o.ObserveInt64(g.evicted, s.Evictions, whole)
	o.ObserveInt64(g.transacted, s.Transactions, whole)
	o.ObserveInt64(g.backingOff, int64(s.BackingOff), whole)
	o.ObserveFloat64(g.oldestWait, s.OldestWait.Seconds(), whole)
}

// observeCount reports connections by database where they belong to one, else by instance. Two ways to one database,
// such as through and past a pooler, are one: the last report of a set of attributes would win.
func (g *gauges) observeCount(o metric.Observer, s pool.Stat) {
	type key struct{ database, role, shard, state string }
	counts := map[key]int{}
	for _, d := range s.Databases {
		counts[key{d.Database, d.User, d.Shard, "idle"}] += d.Idle
		counts[key{d.Database, d.User, d.Shard, "used"}] += d.InUse
		counts[key{d.Database, d.User, d.Shard, "connecting"}] += d.Dialling
	}
	const state = "db.client.connection.state"
	for k, n := range counts {
		o.ObserveInt64(g.count, int64(n), databaseAttributes(s.Name, k.database, k.role, k.shard, attribute.String(state, k.state)))
	}
	o.ObserveInt64(g.count, int64(s.Draining), attributes(s.Name, attribute.String(state, "draining")))
	o.ObserveInt64(g.count, int64(s.Lent), attributes(s.Name, attribute.String(state, "lent")))
}
