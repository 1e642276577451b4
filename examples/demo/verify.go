package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/examples/quickstart"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// sums are the totals of one database, read by plain SQL over a connection that the library knows nothing of.
type sums struct {
	accounts, balances, entries, deltas int64
}

func readSums(ctx context.Context, dsn string) (s sums, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return s, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `
		select (select count(*) from pgbench_accounts), (select coalesce(sum(abalance), 0) from pgbench_accounts),
		       (select count(*) from pgbench_history), (select coalesce(sum(delta), 0) from pgbench_history)`).
		Scan(&s.accounts, &s.balances, &s.entries, &s.deltas)
	return s, err
}

func (s *sums) add(o sums) {
	s.accounts += o.accounts
	s.balances += o.balances
	s.entries += o.entries
	s.deltas += o.deltas
}

// strays counts the rows of one shard's database whose key, hashed here in Go, belongs to another shard, or whose
// stored slot is not the key's.
func strays(ctx context.Context, dsn string, id shard.ID, db *router.DB) (rows, wrong int64, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, table := range []string{"pgbench_accounts", "pgbench_history"} {
		var aid int32
		var slot int16
		found, err := conn.Query(ctx, "select aid, slot from "+pgx.Identifier{table}.Sanitize())
		if err != nil {
			return rows, wrong, err
		}
		_, err = pgx.ForEachRow(found, []any{&aid, &slot}, func() error {
			rows++
			key := shard.Int64(int64(aid))
			route, err := db.Route(key)
			if err != nil {
				return err
			}
			if route.Shard != id || shard.Slot(slot) != key.Slot() {
				wrong++
			}
			return nil
		})
		if err != nil {
			return rows, wrong, err
		}
	}
	return rows, wrong, nil
}

// ledger is a multiset of postings.
type ledger map[quickstart.Posting]int

func newLedger(postings ...[]quickstart.Posting) ledger {
	l := make(ledger)
	for _, list := range postings {
		for _, p := range list {
			l[p]++
		}
	}
	return l
}

// readLedger adds the postings of one database's history to l.
func (l ledger) readLedger(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var p quickstart.Posting
	rows, err := conn.Query(ctx, "select aid, tid, bid, delta from pgbench_history")
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&p.Account, &p.Teller, &p.Branch, &p.Delta}, func() error {
		l[p]++
		return nil
	})
	return err
}

// audit compares what the servers hold with what the callers were told. Every acknowledged posting must be there
// exactly once for each time it was acknowledged; what is there besides must be in doubt.
func audit(stored, before, acked, inDoubt ledger) (lost, unexplained int, committedInDoubt int) {
	for p, n := range acked {
		if have := stored[p] - before[p]; have < n {
			lost += n - have
		}
	}
	for p, n := range stored {
		extra := n - before[p] - acked[p]
		if extra <= 0 {
			continue
		}
		explained := min(extra, inDoubt[p])
		committedInDoubt += explained
		unexplained += extra - explained
	}
	return lost, unexplained, committedInDoubt
}

func (s sums) String() string {
	return fmt.Sprintf("%s accounts, balances %s, %s history rows, deltas %s",
		thousands(s.accounts), thousands(s.balances), thousands(s.entries), thousands(s.deltas))
}
