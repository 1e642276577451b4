package router

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
)

// observedCopy is a CopyInParts that observe mode lets run: its rows go as they are to the one shard, which is asked
// before each part whether it is that still.
type observedCopy struct {
	on      *ShardDB
	table   pgx.Identifier
	columns []string
	copied  int64
}

func (c *observedCopy) copyAll(ctx context.Context, src pgx.CopyFromSource, size int) (int64, error) {
	for ended := false; !ended; {
		var part [][]any
		for len(part) < size && !ended {
			if ended = !src.Next(); ended {
				break
			}
			values, err := src.Values()
			if err != nil {
				return c.copied, c.failed(0, 0, err)
			}
			part = append(part, append([]any(nil), values...))
		}
		err := src.Err()
		if err == nil && len(part) > 0 {
			err = c.send(ctx, part)
		} else if err != nil {
			err = c.failed(0, 0, err)
		}
		if err != nil {
			return c.copied, err
		}
	}
	return c.copied, nil
}

func (c *observedCopy) send(ctx context.Context, part [][]any) error {
	n := len(part)
	conn, err := c.on.acquire(as(ctx, pool.Batch))
	if err != nil {
		return c.failed(n, 0, err)
	}
	defer conn.ReleaseClean()
	c.on.observed.all = nil // counted once, however many parts follow
	source := &quietSource{CopyFromSource: pgx.CopyFromRows(part), n: c.copied}
	copied, err := conn.CopyFrom(ctx, c.table, c.columns, source)
	err = source.uncommitted(err)
	switch {
	case err == nil:
		c.copied += copied
		return nil
	case judge(err).Verdict == pgerr.InDoubt:
		return c.failed(0, n, writeError(c.on.node.id, c.on.observed.snap.slots.Version(), 1, err))
	}
	c.on.db.learnFrom(err)
	return c.failed(n, 0, source.failureOn(ctx, conn, c.on.node, c.table, c.columns, err))
}

// failed says what is there, unless nothing is. Missing and inDoubt are how many rows of the last part.
func (c *observedCopy) failed(missing, inDoubt int, err error) error {
	if c.copied == 0 && inDoubt == 0 {
		return err
	}
	return &CopyPartsError{
		Table: strings.Join(c.table, "."), Through: c.copied + int64(missing+inDoubt),
		Missing: c.following(missing), InDoubt: c.following(inDoubt), Err: err,
	}
}

// following are the numbers of n rows behind those that are there.
func (c *observedCopy) following(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = c.copied + 1 + int64(i)
	}
	return list
}
