package router

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/keyway-go/keyway/shard"
)

// maxEachShard bounds how many shards EachShard works on at once.
const maxEachShard = 16

// EachShard calls fn once for every configured shard, several at a time, and waits for all of them. It does not stop at
// an error: the errors of all shards come back joined, sorted by shard, each a [*ShardError]. There is no common
// snapshot and no common transaction: each shard is as it is when fn looks at it.
//
// fn is for maintenance and reports. What fn writes is on the shards where it succeeded.
func (db *DB) EachShard(ctx context.Context, fn func(ctx context.Context, s *ShardDB) error) error {
	if err := db.open(); err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(db.nodes))
	errs := make([]error, len(ids))
	room := make(chan struct{}, maxEachShard)
	var wg sync.WaitGroup
	for i, id := range ids {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			errs[i] = db.eachShard(ctx, id, fn)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (db *DB) eachShard(ctx context.Context, id shard.ID, fn func(ctx context.Context, s *ShardDB) error) error {
	s := db.Shard(id)
	err := ctx.Err()
	if err == nil {
		err = s.node.check()
	}
	if err == nil {
		err = fn(ctx, s)
	}
	if err == nil {
		return nil
	}
	var named *ShardError
	if errors.As(err, &named) && named.Shard == id {
		return err
	}
	return &ShardError{Shard: id, Err: err}
}
