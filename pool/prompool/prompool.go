// Package prompool makes Prometheus metrics of pools. It is a package of its own so that a service without Prometheus
// does not link its client.
//
//	registry.MustRegister(prompool.New(db.Instances()...)) // of a router.DB
//
// Counters are read from [pool.Stat] when a scrape comes and cost nothing in between. docs/pool.md lists the metrics,
// with alert rules.
package prompool

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyway-go/keyway/pool"
)

// A Collector is a [prometheus.Collector] of the statistics of some instances.
type Collector struct {
	stats  func() []pool.Stat
	bounds []float64

	gauges     map[string]*prometheus.Desc // those that are written out in Collect
	byInstance []counter                   // fields of pool.Counters
	byClass    []counter                   // fields of pool.ClassStat
	byDatabase []counter                   // fields of pool.DatabaseCounters
}

// New makes a collector of instances that have different names.
func New(instances ...*pool.Instance) *Collector {
	return newCollector(func() []pool.Stat {
		all := make([]pool.Stat, len(instances))
		for i, in := range instances {
			all[i] = in.Stat()
		}
		return all
	})
}

var (
	instanceLabels = []string{"instance"}
	classLabels    = []string{"instance", "class"}
	databaseLabels = []string{"instance", "database", "role", "shard"}
)

func newCollector(stats func() []pool.Stat) *Collector {
	c := &Collector{stats: stats, gauges: map[string]*prometheus.Desc{}}
	for _, b := range pool.Bounds() {
		c.bounds = append(c.bounds, b.Seconds())
	}
	for _, g := range gauges {
		c.gauges[g.name] = prometheus.NewDesc(namespace+g.name, g.help, g.labels, nil)
	}
	c.byClass = counters(reflect.TypeFor[pool.ClassStat](), namespace, classLabels, nil)
	c.byInstance = counters(reflect.TypeFor[pool.Counters](), namespace, instanceLabels, c.byClass)
	c.byDatabase = counters(reflect.TypeFor[pool.DatabaseCounters](), namespace+"database_", databaseLabels, nil)
	return c
}

// Describe sends all descriptions.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- c.gauges[g.name]
	}
	for _, list := range [][]counter{c.byInstance, c.byClass, c.byDatabase} {
		for _, k := range list {
			ch <- k.desc
		}
	}
}

// Collect takes a snapshot of each instance.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.stats() {
		c.collectGauges(ch, &s)
		c.collect(ch, c.byInstance, reflect.ValueOf(s.Counters), s.Name)
		for _, k := range s.Classes {
			c.collect(ch, c.byClass, reflect.ValueOf(k), s.Name, k.Class.String())
		}
		for _, d := range merged(s.Databases) {
			c.collect(ch, c.byDatabase, reflect.ValueOf(d.DatabaseCounters), s.Name, d.Database, d.User, d.Shard)
		}
	}
}

// merged adds up those that have the same labels, which would be an error of the whole scrape.
func merged(databases []pool.DatabaseStat) []pool.DatabaseStat {
	type labels struct{ database, user, shard string }
	at := map[labels]int{}
	var all []pool.DatabaseStat
	for _, d := range databases {
		key := labels{d.Database, d.User, d.Shard}
		i, known := at[key]
		if !known {
			at[key] = len(all)
			all = append(all, d)
			continue
		}
		waited, trip := max(all[i].OldestWait, d.OldestWait), max(all[i].RoundTrip, d.RoundTrip)
		add(reflect.ValueOf(&all[i]).Elem(), reflect.ValueOf(d))
		all[i].OldestWait, all[i].RoundTrip = waited, trip
	}
	return all
}

// add adds up the numbers of two structs.
func add(to, from reflect.Value) {
	for field, f := range to.Fields() {
		other := from.FieldByIndex(field.Index)
		switch {
		case f.Kind() == reflect.Struct:
			add(f, other)
		case f.CanInt():
			f.SetInt(f.Int() + other.Int())
		case f.Kind() == reflect.Bool:
			f.SetBool(f.Bool() || other.Bool())
		}
	}
}

// counter is a field of a struct that only grows.
type counter struct {
	field int
	name  string
	desc  *prometheus.Desc
}

// counters finds them by their type, so that whatever the pool learns to count is a metric at once. Those that exist
// by class already are left out.
func counters(t reflect.Type, prefix string, labels []string, but []counter) (found []counter) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type == reflect.TypeFor[pool.Refusals]() {
			name = "refusals" // by reason; by class they are "refused"
		}
		if contains(but, name) {
			continue
		}
		k := counter{field: f.Index[0], name: name}
		full, more := name, []string(nil)
		switch f.Type {
		case reflect.TypeFor[int64]():
			full += "_total"
		case reflect.TypeFor[time.Duration]():
			full = strings.TrimSuffix(strings.TrimSuffix(name, "_ns"), "_time") + "_seconds_total"
		case reflect.TypeFor[pool.Histogram]():
			full += "_seconds"
		case reflect.TypeFor[pool.Refusals](), reflect.TypeFor[pool.Closes]():
			full, more = name+"_total", []string{"reason"}
		case reflect.TypeFor[map[string]int64]():
			full, more = "dial_errors_by_state_total", []string{"state"}
		default:
			continue
		}
		k.desc = prometheus.NewDesc(prefix+full, help(name), append(slices.Clip(labels), more...), nil)
		found = append(found, k)
	}
	return found
}

func contains(list []counter, name string) bool {
	for _, k := range list {
		if k.name == name {
			return true
		}
	}
	return false
}

// collect sends the counters of one struct.
func (c *Collector) collect(ch chan<- prometheus.Metric, list []counter, of reflect.Value, labels ...string) {
	for _, k := range list {
		send := func(n float64, more ...string) {
			values := append(slices.Clip(labels), more...)
			ch <- prometheus.MustNewConstMetric(k.desc, prometheus.CounterValue, n, values...)
		}
		switch v := of.Field(k.field).Interface().(type) {
		case int64:
			send(float64(v))
		case time.Duration:
			send(v.Seconds())
		case pool.Histogram:
			ch <- prometheus.MustNewConstHistogram(k.desc, uint64(v.Count), v.Sum.Seconds(), c.cumulative(v), labels...)
		case pool.Refusals:
			for reason, n := range v.All() {
				send(float64(n), reason)
			}
		case pool.Closes:
			for reason, n := range v.All() {
				send(float64(n), reason)
			}
		case map[string]int64:
			for state, n := range v {
				send(float64(n), state)
			}
		}
	}
}

func (c *Collector) cumulative(h pool.Histogram) map[float64]uint64 {
	buckets, sum := make(map[float64]uint64, len(c.bounds)), uint64(0)
	for i, b := range c.bounds {
		sum += uint64(h.Buckets[i])
		buckets[b] = sum
	}
	return buckets
}
