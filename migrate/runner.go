package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// Runner applies one directory of migration files. It holds no connection
// between calls and is safe for use by several goroutines and, against the same
// shards, by several processes.
type Runner struct {
	files *fileSet
	opts  options
}

// New reads and checks every file in fsys (take [fs.Sub] of an embed.FS) without
// connecting anywhere. It refuses, with [InvalidFileError], files that
// golang-migrate would pass over in silence, transaction commands inside a file,
// psql's own commands, and statements that need a transaction of their own
// without the no-transaction mark. Down files are left alone.
func New(fsys fs.FS, opts ...Option) (*Runner, error) {
	o := defaults()
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	o.progress = oneAtATime(o.progress)
	return &Runner{files: files, opts: o}, nil
}

func oneAtATime(f func(Event)) func(Event) {
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		f(e)
	}
}

// Latest is the highest version among the files, or [None].
func (r *Runner) Latest() int64 {
	if n := len(r.files.files); n > 0 {
		return r.files.files[n-1].version
	}
	return None
}

// Up brings every target to the latest version. Nothing is applied anywhere
// unless every target can be reached and its history fits the files
// ([DriftError]). Then shards are migrated in parallel, one at a time on each
// instance; after a failure those under way are finished and no other is
// started. The error is then a [*PartialError], and calling Up again goes on
// where this call stopped.
//
// When ctx ends, statements are cancelled on the servers and what they did in
// their file is rolled back.
func (r *Runner) Up(ctx context.Context, targets []Target) (*Report, error) {
	targets, err := checked(targets)
	if err != nil {
		return nil, err
	}
	if failed := r.preflight(ctx, targets); len(failed) > 0 {
		return nil, partial(nil, failed)
	}
	f := &fleet{runner: r, slots: make(chan struct{}, r.opts.parallel)}
	applied, failed := f.run(ctx, targets)
	if len(failed) > 0 {
		return nil, partial(applied, failed)
	}
	return &Report{Shards: applied}, nil
}

// Status compares every target with the files, under no lock, and changes
// nothing. The list has every target, by shard. The error joins those of shards
// that could not be read, which also stand in their [ShardStatus].
func (r *Runner) Status(ctx context.Context, targets []Target) ([]ShardStatus, error) {
	targets, err := checked(targets)
	if err != nil {
		return nil, err
	}
	list := make([]ShardStatus, len(targets))
	r.each(targets, func(i int, t Target) { list[i] = r.status(ctx, t) })
	var errs []error
	for _, s := range list {
		errs = append(errs, s.Err)
	}
	return list, errors.Join(errs...)
}

// preflight returns the shards that cannot be migrated at all.
func (r *Runner) preflight(ctx context.Context, targets []Target) []ShardFailure {
	found := make([]ShardStatus, len(targets))
	r.each(targets, func(i int, t Target) { found[i] = r.status(ctx, t) })
	var failed []ShardFailure
	for _, s := range found {
		switch {
		case s.Err != nil:
			failed = append(failed, ShardFailure{Shard: s.Shard, Err: s.Err})
		case len(s.Drift) > 0:
			failed = append(failed, ShardFailure{Shard: s.Shard, Err: &DriftError{Shard: s.Shard, Drifts: s.Drift}})
		}
	}
	return failed
}

// each calls do for every target, at most parallel at a time, and waits for all.
func (r *Runner) each(targets []Target, do func(i int, t Target)) {
	slots := make(chan struct{}, r.opts.parallel)
	var wg sync.WaitGroup
	for i, t := range targets {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i, t)
		})
	}
	wg.Wait()
}

func (r *Runner) status(ctx context.Context, t Target) ShardStatus {
	status := ShardStatus{Shard: t.Shard, Instance: t.Instance, Version: None}
	s, err := open(ctx, t, &r.opts)
	if err != nil {
		status.Err = err
		return status
	}
	defer s.close()
	entries, err := s.readHistory(ctx)
	if err != nil {
		status.Err = err
		return status
	}
	st := r.files.compare(entries)
	status.Version, status.Drift = st.version, st.drifts
	status.Pending, status.Running = names(st.pending), names(st.running)
	return status
}

func partial(applied []ShardResult, failed []ShardFailure) *PartialError {
	errs := make([]error, len(failed))
	for i, f := range failed {
		errs[i] = f.Err
	}
	return &PartialError{Applied: applied, Failed: failed, Err: errors.Join(errs...)}
}

// upShard migrates one shard. The result is right also when it fails.
func (r *Runner) upShard(ctx context.Context, t Target) (ShardResult, error) {
	result := ShardResult{Shard: t.Shard, Instance: t.Instance, From: None, To: None}
	s, err := open(ctx, t, &r.opts)
	if err != nil {
		return result, err
	}
	defer s.close()
	if err := s.acquire(ctx); err != nil {
		return result, err
	}
	if err := s.prepareHistory(ctx); err != nil {
		return result, err
	}
	entries, err := s.readHistory(ctx)
	if err != nil {
		return result, err
	}
	// Again, now under the lock: another runner may have been here since the preflight.
	st := r.files.compare(entries)
	result.From, result.To = st.version, st.version
	if len(st.drifts) > 0 {
		return result, &DriftError{Shard: t.Shard, Drifts: st.drifts}
	}
	drv := &driver{ctx: ctx, session: s, files: r.files}
	for _, f := range st.pending {
		if err := ctx.Err(); err != nil {
			return result, fmt.Errorf("shard %s: stopped before %s: %w", t.Shard, f.name, err)
		}
		if err := drv.step(); err != nil {
			return result, err
		}
		result.To = f.version
		result.Files = append(result.Files, f.name)
	}
	return result, nil
}
