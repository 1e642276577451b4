package fleet_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/shard"
)

// The workload of the shares: six processes on four servers of 36 connections each. Each server has 60 callers, 42 of
// them (70 %) in one process; which one changes with the server and with time. A statement keeps its connection for
// 120 ms, so connections are what is scarce: one process with all 36 would serve 300 statements a second on each server.
const (
	shareServers     = 4
	shareProcesses   = 6
	shareConnections = 36
	shareCallers     = 60
	shareHot         = 42
	stay             = 4 // how long the load stays where it is, in TTLs: two minutes with the default times
	shareHold        = 120 * time.Millisecond
)

// callersAt are the callers of each process on each server at a step.
func callersAt(step, process, server int) int {
	hot := (step + server) % shareProcesses
	if process == hot {
		return shareHot
	}
	cold := (process - hot + shareProcesses) % shareProcesses // 1 to 5
	rest := shareCallers - shareHot
	n := rest / (shareProcesses - 1)
	if cold <= rest%(shareProcesses-1) {
		n++
	}
	return n
}

// fleet are processes that divide the load of a step among them.
type fleet struct {
	name      string
	processes []*process
	shares    []float64 // statements a second in each round
}

func (f *fleet) loaded(step int) {
	index := map[*process]int{}
	for i, p := range f.processes {
		index[p] = i
	}
	at(f.processes, func(p *process) {
		o := order{Callers: map[shard.ID]int{}, Hold: shareHold}
		for v := range shareServers {
			if len(f.processes) == 1 && step >= 0 {
				o.Callers[shardID(v)] = shareCallers
			} else if step >= 0 {
				o.Callers[shardID(v)] = callersAt(step, index[p], v)
			} else {
				o.Callers[shardID(v)] = 0
			}
		}
		p.tell(o)
	})
}

// round runs the load for some time, moved once in between, and notes the statements that were served. The time that
// leases need to follow the load is part of it.
//
// A busy machine may delay renewals; what callers are then refused counts as not served.
func (f *fleet) round(step int, d time.Duration) {
	f.loaded(step)
	before, began := f.servedByAll(), time.Now()
	time.Sleep(d / 2)
	f.loaded(step + 1)
	time.Sleep(d / 2)
	rate := float64(f.servedByAll()-before) / time.Since(began).Seconds()
	f.shares = append(f.shares, rate)
	f.loaded(-1)
}

func (f *fleet) servedByAll() (n int64) {
	at(f.processes, func(p *process) { p.status() })
	for _, p := range f.processes {
		for _, served := range p.last.Served {
			n += served
		}
	}
	return n
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// roomy are servers with room for the three fleets.
func roomy(t testing.TB) []*localpg.Cluster {
	t.Helper()
	clusters := make([]*localpg.Cluster, shareServers)
	var starting sync.WaitGroup
	for i := range clusters {
		starting.Go(func() {
			clusters[i] = pgtest.Private(t, localpg.Options{Settings: map[string]string{"max_connections": "130"}})
		})
	}
	starting.Wait()
	return clusters
}

// compareShares runs the three fleets in turn on the same servers.
func compareShares(t testing.TB, rounds int, grant time.Duration) (leased, static, ideal float64) {
	t.Helper()
	b := lease.Budget{Connections: shareConnections, Processes: shareProcesses, TTL: grant, MemberTTL: 4 * grant}
	s := begin(t, roomy(t), b)
	// The three fleets have a budget each on the same servers; only the first one's is leased.
	s.allow(shareConnections-s.budget.Reserve, 3*shareConnections)
	for i, a := range s.plan.Servers {
		s.super(i, fmt.Sprintf("alter role %s connection limit -1", a.User))
	}
	fleets := []*fleet{{name: "leased"}, {name: "static"}, {name: "ideal"}}
	for range shareProcesses {
		fleets[0].processes = append(fleets[0].processes, s.start())
		fleets[1].processes = append(fleets[1].processes, s.start(func(p *plan) { p.Unleased = shareConnections / shareProcesses }))
	}
	fleets[2].processes = append(fleets[2].processes, s.start(func(p *plan) { p.Unleased = shareConnections }))
	s.eventually("all work", func() bool { return s.ready() == len(s.processes) })
	for _, f := range fleets { // connections are opened, statements prepared
		f.round(0, 2*time.Second)
		f.shares = nil
	}
	for n := range rounds {
		for i := range fleets {
			fleets[(n+i)%len(fleets)].round(2*n, 2*stay*grant)
		}
	}
	for _, f := range fleets {
		t.Logf("%s: %.0f statements/s (median of %v)", f.name, median(f.shares), f.shares)
	}
	return median(fleets[0].shares), median(fleets[1].shares), median(fleets[2].shares)
}

func TestTheBudgetFollowsTheLoad(t *testing.T) {
	s := begin(t, pgtest.SharedN(t, shareServers), lease.Budget{Connections: shareConnections, Processes: shareProcesses})
	f := &fleet{}
	for range shareProcesses {
		f.processes = append(f.processes, s.start())
	}
	s.eventually("all work", func() bool { return s.ready() == shareProcesses })
	for step := range 3 {
		f.loaded(step)
		s.eventually("the busy process of each server has what the others leave", func() bool {
			for v, c := range s.plan.Servers {
				// The others have 18 callers, and on the catalog's server five connections that listen for a changed map.
				most := s.budget.Connections - s.budget.Reserve - (shareCallers - shareHot)
				if v == 0 {
					most -= shareProcesses - 1
				}
				if f.processes[(step+v)%shareProcesses].status().Limits[c.Instance] < most-2 {
					return false
				}
			}
			return true
		})
	}
	for _, p := range s.processes {
		require.Empty(t, p.last.Failed, "%s: %v", p.name, p.last.Last)
	}
}

// BenchmarkShareOfTheIdeal gives the throughput of leases and of a static split as shares of what one process with the
// whole budget serves. KEYWAY_FLEET_ROUNDS is how often the three take turns.
func BenchmarkShareOfTheIdeal(b *testing.B) {
	rounds, _ := strconv.Atoi(cmp.Or(os.Getenv("KEYWAY_FLEET_ROUNDS"), "3"))
	for b.Loop() {
		leased, static, ideal := compareShares(b, max(rounds, 1), 5*time.Second)
		b.ReportMetric(ideal, "ideal/s")
		b.ReportMetric(leased/ideal, "leased-share")
		b.ReportMetric(static/ideal, "static-share")
	}
	b.ReportMetric(0, "ns/op")
}
