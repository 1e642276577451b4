package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/keyway-go/keyway/examples/quickstart"
	"github.com/keyway-go/keyway/txn"
)

// callTimeout bounds one call of the service. It outlives the restart of a server, so a call may wait it out.
const callTimeout = 15 * time.Second

// workload drives the repository from many goroutines and keeps a ledger of what was acknowledged.
type workload struct {
	accounts  *quickstart.Accounts
	callers   int
	highest   int32 // accounts are 1..highest
	tellers   int32
	branches  int32
	postsOnly bool // pgbench's -N transaction and nothing else
}

// outcome is what the callers saw.
type outcome struct {
	elapsed   time.Duration
	latencies []time.Duration // of the postings that were acknowledged
	acked     []quickstart.Posting
	inDoubt   []quickstart.Posting // the reply to COMMIT was lost: either is possible
	failed    []error              // postings that were reported as not done
	reads     int
	writes    int
}

// run drives the repository until ctx ends.
func (w *workload) run(ctx context.Context) outcome {
	var (
		mu    sync.Mutex
		total outcome
		group sync.WaitGroup
	)
	start := time.Now()
	for caller := range w.callers {
		group.Go(func() {
			one := w.call(ctx, rand.New(rand.NewPCG(uint64(caller), uint64(start.UnixNano()))))
			mu.Lock()
			defer mu.Unlock()
			total.add(one)
		})
	}
	group.Wait()
	total.elapsed = time.Since(start)
	slices.Sort(total.latencies)
	return total
}

// call is one caller of the service: it posts, and unless told otherwise also reads and renames.
func (w *workload) call(ctx context.Context, random *rand.Rand) outcome {
	var o outcome
	for ctx.Err() == nil {
		p := quickstart.Posting{
			Account: 1 + random.Int32N(w.highest), Teller: 1 + random.Int32N(w.tellers),
			Branch: 1 + random.Int32N(w.branches), Delta: random.Int32N(10001) - 5000,
		}
		// The call outlives the end of the phase: what was begun is finished, so the ledger is whole.
		callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		o.post(callCtx, w.accounts, p)
		if !w.postsOnly {
			o.read(callCtx, w.accounts, p.Account)
			if random.IntN(4) == 0 {
				o.write(callCtx, w.accounts, p.Account)
			}
		}
		cancel()
	}
	return o
}

func (o *outcome) post(ctx context.Context, accounts *quickstart.Accounts, p quickstart.Posting) {
	start := time.Now()
	_, err := accounts.Post(ctx, p)
	var doubt *txn.InDoubtError
	switch {
	case err == nil:
		o.acked = append(o.acked, p)
		o.latencies = append(o.latencies, time.Since(start))
	case errors.As(err, &doubt):
		o.inDoubt = append(o.inDoubt, p)
	default:
		o.failed = append(o.failed, err)
	}
}

func (o *outcome) read(ctx context.Context, accounts *quickstart.Accounts, id int32) {
	if _, err := accounts.Get(ctx, id); err != nil {
		o.failed = append(o.failed, err)
		return
	}
	o.reads++
}

func (o *outcome) write(ctx context.Context, accounts *quickstart.Accounts, id int32) {
	if err := accounts.Rename(ctx, id, "renamed by the demo"); err != nil {
		o.failed = append(o.failed, err)
		return
	}
	o.writes++
}

func (o *outcome) add(other outcome) {
	o.latencies = append(o.latencies, other.latencies...)
	o.acked = append(o.acked, other.acked...)
	o.inDoubt = append(o.inDoubt, other.inDoubt...)
	o.failed = append(o.failed, other.failed...)
	o.reads += other.reads
	o.writes += other.writes
}

// percentile returns the p-th percentile of the sorted latencies, in whole tenths of a millisecond.
func (o *outcome) percentile(p float64) time.Duration {
	if len(o.latencies) == 0 {
		return 0
	}
	return o.latencies[min(int(p/100*float64(len(o.latencies))), len(o.latencies)-1)].Round(100 * time.Microsecond)
}

// perSecond is the acknowledged postings per second.
func (o *outcome) perSecond() float64 { return float64(len(o.acked)) / o.elapsed.Seconds() }
