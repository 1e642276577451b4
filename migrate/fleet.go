package migrate

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// fleet is one Up over many shards.
type fleet struct {
	runner *Runner
	slots  chan struct{} // one for each shard that may be migrated at a time

	mu      sync.Mutex
	applied []ShardResult
	failed  []ShardFailure // once it has any, no further shard is started
}

func (f *fleet) run(ctx context.Context, targets []Target) ([]ShardResult, []ShardFailure) {
	var wg sync.WaitGroup
	for _, queue := range byInstance(targets) {
		wg.Go(func() { f.instance(ctx, queue) })
	}
	wg.Wait()
	slices.SortFunc(f.applied, func(a, b ShardResult) int { return cmp.Compare(a.Shard, b.Shard) })
	slices.SortFunc(f.failed, func(a, b ShardFailure) int { return cmp.Compare(a.Shard, b.Shard) })
	return f.applied, f.failed
}

// instance migrates the shards of one server, one after the other.
func (f *fleet) instance(ctx context.Context, queue []Target) {
	for _, t := range queue {
		f.slots <- struct{}{}
		f.one(ctx, t)
		<-f.slots
	}
}

func (f *fleet) one(ctx context.Context, t Target) {
	f.mu.Lock()
	stop := len(f.failed) > 0
	f.mu.Unlock()
	if stop {
		return
	}
	started := time.Now()
	result, err := f.runner.upShard(ctx, t)
	result.Took = time.Since(started)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied = append(f.applied, result)
	if err != nil {
		f.failed = append(f.failed, ShardFailure{Shard: t.Shard, Err: err})
	}
}

// byInstance groups targets, each group in the order of its shards.
func byInstance(targets []Target) [][]Target {
	var queues [][]Target
	index := make(map[string]int)
	for _, t := range targets {
		i, known := index[t.Instance]
		if !known || t.Instance == "" {
			i = len(queues)
			index[t.Instance] = i
			queues = append(queues, nil)
		}
		queues[i] = append(queues[i], t)
	}
	return queues
}
