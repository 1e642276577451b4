// Package promrouter makes Prometheus metrics of what observe mode lets run. It is a package of its own so that a service
// without Prometheus does not link its client; the pools have pool/prompool.
//
//	registry.MustRegister(promrouter.New(db))
//
// The labels are bounded: statements are counted by verdict, and which they are is in the log and in [router.DB.Observed].
package promrouter

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyway-go/keyway/router"
)

// A Collector is a [prometheus.Collector] of one DB. What it reads costs nothing between two scrapes.
type Collector struct {
	stat                       func() router.ObservedStat
	statements, notKept, going *prometheus.Desc
}

// New makes the collector of db.
func New(db *router.DB) *Collector {
	return &Collector{
		stat: func() router.ObservedStat { return db.Stat().Observed },
		statements: prometheus.NewDesc("keyway_observed_statements_total",
			"Statements that ran although they are refused, because observe mode lets them, by what several shards would do with them.",
			[]string{"verdict"}, nil),
		notKept: prometheus.NewDesc("keyway_observed_not_kept_total",
			"Of these, those that are only counted because too many others are kept apart.", nil, nil),
		going: prometheus.NewDesc("keyway_observing", "1 while observe mode is configured and in force.", nil, nil),
	}
}

// Describe sends all descriptions.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.statements
	ch <- c.notKept
	ch <- c.going
}

// Collect reads the counters.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.stat()
	send := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	send(c.statements, s.Scatter, router.WouldScatter)
	send(c.statements, s.Refused, router.WouldBeRefused)
	send(c.notKept, s.NotKept)
	on := 0.0
	if s.InForce {
		on = 1
	}
	ch <- prometheus.MustNewConstMetric(c.going, prometheus.GaugeValue, on)
}
