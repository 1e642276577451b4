package lab

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyway-go/keyway/internal/localpg"
)

// Workload is what the callers do: each of them sends requests, one after the other, until all are done.
type Workload struct {
	Requests int // in all
	Callers  int // goroutines that share them

	// Hold is how long a request keeps its connection while the server only waits (pg_sleep), as a transaction does
	// that talks to its client in between.
	Hold time.Duration

	// Work is how much processor time a request costs the server.
	Work time.Duration
}

// String describes the workload in a line.
func (w Workload) String() string {
	s := fmt.Sprintf("%d requests from %d callers", w.Requests, w.Callers)
	if w.Hold == 0 && w.Work == 0 {
		return s + ", each a select of one constant"
	}
	if w.Hold > 0 {
		s += fmt.Sprintf(", each holds its connection for %s", w.Hold)
	}
	if w.Work > 0 {
		s += fmt.Sprintf(", each costs the server %s of processor time", w.Work)
	}
	return s
}

// Result is what one run cost. Costs that the machine cannot tell are negative; see [Cost].
type Result struct {
	Name    string
	Elapsed time.Duration

	// Wait is the time from a request's start to having a connection, Total to its end.
	Wait, Total Spread

	Connects int // connections opened
	Cost     Cost
}

// Rate is requests per second.
func (r Result) Rate(w Workload) float64 { return float64(w.Requests) / r.Elapsed.Seconds() }

// Spread is the distribution of a time.
type Spread struct{ Median, P99, Max time.Duration }

func spread(of []time.Duration) Spread {
	slices.Sort(of)
	return Spread{Median: of[len(of)/2], P99: of[len(of)*99/100], Max: of[len(of)-1]}
}

// Run sends the requests through one kind of connection and measures. Connections of the contestant are opened within
// the measured time, as a service that starts under load opens them.
func Run(ctx context.Context, c *localpg.Cluster, k Contestant, w Workload) (Result, error) {
	if w.Requests < 1 || w.Callers < 1 {
		return Result{}, fmt.Errorf("a workload of %d requests from %d callers: both must be at least 1", w.Requests, w.Callers)
	}
	statement, err := statementOf(ctx, c, w)
	if err != nil {
		return Result{}, err
	}
	cost, err := meter(c)
	if err != nil {
		return Result{}, err
	}
	defer cost.stop()
	start := time.Now()
	way, err := k.Open(ctx, c)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", k.Name, err)
	}
	waits, totals, err := drive(ctx, way, statement, w)
	elapsed := time.Since(start)
	connects := way.Connects()
	way.Close()
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", k.Name, err)
	}
	return Result{
		Name: k.Name, Elapsed: elapsed, Wait: spread(waits), Total: spread(totals), Connects: connects, Cost: cost.read(),
	}, nil
}

// drive lets the callers take requests from one counter until there are none left.
func drive(ctx context.Context, way Way, statement string, w Workload) (waits, totals []time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waits, totals = make([]time.Duration, w.Requests), make([]time.Duration, w.Requests)
	var next atomic.Int64
	var callers sync.WaitGroup
	for range w.Callers {
		callers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= w.Requests {
					return
				}
				start := time.Now()
				err := way.Do(ctx, statement, func() { waits[i] = time.Since(start) })
				totals[i] = time.Since(start)
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	callers.Wait()
	return waits, totals, context.Cause(ctx)
}
