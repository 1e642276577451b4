// Package otelpool makes OpenTelemetry metrics of pools, under the names of the semantic conventions for database
// clients. It is a package of its own so that a service without OpenTelemetry does not link it.
//
//	metrics, err := otelpool.Register(otel.GetMeterProvider(), db.Instances()...) // of a router.DB
//	defer metrics.Close()
//
// Every metric has db.client.connection.pool.name, which is the instance's name. Those of one database have
// db.namespace, keyway.role and keyway.shard too. What the conventions have no name for is under keyway.pool.
package otelpool

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/keyway-go/keyway/pool"
)

const scope = "github.com/keyway-go/keyway/pool/otelpool"

// Metrics are registered until Close.
type Metrics struct {
	times     map[pool.Measure]metric.Float64Histogram
	callback  metric.Registration
	observers []func() // end the observation of one instance each
	close     sync.Once
	closed    error

	databases sync.Map // of *pool.Database to its metric.MeasurementOption
}

// Register makes the instruments and observes the instances, which must have different names, until Close. Every use
// of a connection is measured from here on; see [pool.Instance.Observe].
func Register(provider metric.MeterProvider, instances ...*pool.Instance) (*Metrics, error) {
	meter := provider.Meter(scope)
	m := &Metrics{times: map[pool.Measure]metric.Float64Histogram{}}
	if err := m.makeTimes(meter); err != nil {
		return nil, err
	}
	g, err := newGauges(meter)
	if err != nil {
		return nil, err
	}
	m.callback, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, in := range instances {
			g.observe(o, in.Stat())
		}
		return nil
	}, g.all...)
	if err != nil {
		return nil, err
	}
	for _, in := range instances {
		m.observers = append(m.observers, in.Observe(m))
	}
	return m, nil
}

// Close ends the metrics. Closing twice is fine.
func (m *Metrics) Close() error {
	m.close.Do(func() {
		for _, stop := range m.observers {
			stop()
		}
		m.closed = m.callback.Unregister()
	})
	return m.closed
}

// times are the histograms of single durations.
var times = []struct {
	what       pool.Measure
	name, text string
}{
	{pool.MeasuredDial, "db.client.connection.create_time", "The time it took to create a new connection."},
	{pool.MeasuredWait, "db.client.connection.wait_time", "The time it took to obtain an open connection from the pool."},
	{pool.MeasuredUse, "db.client.connection.use_time", "The time between borrowing a connection and returning it to the pool."},
	{pool.MeasuredDrain, "keyway.pool.drain_time", "From the close of a connection to the end of its backend."},
}

func (m *Metrics) makeTimes(meter metric.Meter) error {
	var bounds []float64
	for _, b := range pool.Bounds() {
		bounds = append(bounds, b.Seconds())
	}
	for _, t := range times {
		h, err := meter.Float64Histogram(t.name, metric.WithUnit("s"), metric.WithDescription(t.text),
			metric.WithExplicitBucketBoundaries(bounds...))
		if err != nil {
			return err
		}
		m.times[t.what] = h
	}
	return nil
}

// Observe records one duration. It is called by the pool. Dials that failed are counted elsewhere.
func (m *Metrics) Observe(o pool.Observation) {
	if h, ok := m.times[o.What]; ok && o.Err == nil {
		h.Record(context.Background(), o.Took.Seconds(), m.of(o.Database))
	}
}

// of is the attributes of a database, made once.
func (m *Metrics) of(d *pool.Database) metric.MeasurementOption {
	if known, ok := m.databases.Load(d); ok {
		return known.(metric.MeasurementOption)
	}
	made := databaseAttributes(d.Instance().Name(), d.Name(), d.User(), d.Shard())
	m.databases.Store(d, made)
	return made
}

func databaseAttributes(instance, database, role, shard string, more ...attribute.KeyValue) metric.MeasurementOption {
	return attributes(instance, append(more, attribute.String("db.namespace", database),
		attribute.String("keyway.role", role), attribute.String("keyway.shard", shard))...)
}

func attributes(instance string, more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(more, attribute.String("db.client.connection.pool.name", instance))...))
}
