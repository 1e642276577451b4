package catalog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConcurrentUpsertsDoNotFail holds what shard_table adds to what it would break: with a second unique index over
// the columns of the primary key, an upsert that meets another of the same row fails with a unique violation on it
// within a second of this load.
func TestConcurrentUpsertsDoNotFail(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	ctx, cancel := context.WithTimeout(s.ctx(), 3*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		conn := s.library(s.app)
		wg.Go(func() {
			for n := 0; ctx.Err() == nil && errs[i] == nil; n++ {
				key := (n*7 + i) % 3
				_, errs[i] = conn.Exec(s.ctx(), fmt.Sprintf("insert into orders as o values (1, %d, 1) on conflict (tenant_id, id) do update set total = o.total + 1", key))
				if errs[i] == nil {
					_, errs[i] = conn.Exec(s.ctx(), fmt.Sprintf("delete from orders where tenant_id = %d", key))
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}
