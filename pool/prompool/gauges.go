package prompool

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyway-go/keyway/pool"
)

const namespace = "keyway_pool_"

// gauges are the metrics that go up and down.
var gauges = []struct {
	name, help string
	labels     []string
}{
	{"limit", "Sockets that this process may have open.", instanceLabels},
	{"bound", "Always 1; the label says what the limit bounds, backends or sockets.", []string{"instance", "bound"}},
	{"min_idle", "The fewest idle connections kept.", instanceLabels},
	{"max_idle", "The most idle connections kept.", instanceLabels},
	{"peak", "The most sockets that were open at once.", instanceLabels},
	{"connections", "Open sockets by what they are doing; their sum is never above the limit, unless it was lowered.",
		[]string{"instance", "state"}},
	{"cancelling", "Cancel requests in flight.", instanceLabels},
	{"waiting", "Callers that wait for a connection.", classLabels},
	{"oldest_wait_seconds", "How long the first of those who wait has waited.", instanceLabels},
	{"paused", "1 while the pool is paused.", instanceLabels},
	{"database_connections", "Connections to a database by what they are doing.",
		[]string{"instance", "database", "role", "shard", "state"}},
	{"database_waiting", "Callers that wait for a connection to a database.", databaseLabels},
	{"database_oldest_wait_seconds", "How long the first of those who wait for a database has waited.", databaseLabels},
	{"database_backing_off", "1 while the last dial of a database has failed.", databaseLabels},
	{"database_round_trip_seconds", "How long the server takes to answer when it has nothing to do; 0 while not measured.",
		databaseLabels},
}

func (c *Collector) collectGauges(ch chan<- prometheus.Metric, s *pool.Stat) {
	send := func(name string, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(c.gauges[name], prometheus.GaugeValue, value, labels...)
	}
	send("limit", float64(s.Limit), s.Name)
	send("bound", 1, s.Name, s.Bound)
	send("min_idle", float64(s.MinIdle), s.Name)
	send("max_idle", float64(s.MaxIdle), s.Name)
	send("peak", float64(s.Peak), s.Name)
	for state, n := range map[string]int{
		"idle": s.Idle, "in_use": s.InUse, "dialling": s.Dialling, "draining": s.Draining - s.Lingering,
		"lingering": s.Lingering, "lent": s.Lent,
	} {
		send("connections", float64(n), s.Name, state)
	}
	send("cancelling", float64(s.Cancelling), s.Name)
	send("oldest_wait_seconds", s.OldestWait.Seconds(), s.Name)
	send("paused", oneIf(s.Paused), s.Name)
	for _, k := range s.Classes {
		send("waiting", float64(k.Waiting), s.Name, k.Class.String())
	}
	for _, d := range merged(s.Databases) {
		labels := []string{s.Name, d.Database, d.User, d.Shard}
		for state, n := range map[string]int{"idle": d.Idle, "in_use": d.InUse, "dialling": d.Dialling} {
			send("database_connections", float64(n), append(labels[:4:4], state)...)
		}
		send("database_waiting", float64(d.Waiting), labels...)
		send("database_oldest_wait_seconds", d.OldestWait.Seconds(), labels...)
		send("database_backing_off", oneIf(d.BackingOff), labels...)
		send("database_round_trip_seconds", d.RoundTrip.Seconds(), labels...)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// texts say what counters mean, by their names in JSON.
var texts = map[string]string{
	"acquires":           "Connections handed out.",
	"waits":              "Of the connections handed out: those that were not there at once.",
	"handoffs":           "Waits that ended with a connection another caller returned.",
	"elided":             "Hand-offs while there was room to dial another connection, which was not needed.",
	"timeouts":           "Waits for a connection that were ended by time.",
	"cancels":            "Waits for a connection that were ended by cancellation.",
	"failed":             "Waits for a connection that were ended by a dial that failed.",
	"refused":            "Callers that were turned away.",
	"refusals":           "Callers that were turned away, by reason.",
	"wait":               "How long callers that got a connection waited for it.",
	"wasted_wait_ns":     "How long callers waited that got no connection.",
	"use":                "How long connections were in the hands of callers; sampled above 10,000 uses a second.",
	"dials":              "Attempts to open a connection.",
	"dial_errors":        "Attempts to open a connection that failed.",
	"dials_full":         "Attempts that failed because the server had no slot left (SQLSTATE 53300).",
	"dial":               "How long good dials took, preparation included.",
	"dial_errors_by":     "Attempts to open a connection that failed, by SQLSTATE or kind.",
	"drain":              "From the close of a socket to the end of its backend.",
	"token_waits":        "Sockets of pgxpools and of control that were given room.",
	"token_wait_time_ns": "How long those sockets waited for room.",
	"pings":              "Pings of connections that had been idle for long.",
	"ping_errors":        "Pings that were not answered in time.",
	"ping_time_ns":       "How long pings took.",
	"cancel_dials":       "Cancel requests sent.",
	"evictions":          "Idle connections closed so that another database could have one.",
	"forgotten":          "Tokens given back without having seen the backend end.",
	"transactions":       "Transactions begun.",
	"closes":             "Connections closed, by reason.",
	"wait_time_ns":       "How long callers that got a connection waited for it.",
	"use_time_ns":        "How long connections were in the hands of callers.",
	"closed":             "Connections closed.",
}

func help(name string) string {
	if text, ok := texts[name]; ok {
		return text
	}
	return "See " + strings.ReplaceAll(name, "_", " ") + " in the documentation of the Go type pool.Stat."
}
