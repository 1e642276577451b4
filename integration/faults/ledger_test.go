package faults_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/txn"
)

// told is what a caller was told about a write.
type told uint8

const (
	acknowledged told = iota
	failed
	inDoubt
)

func verdict(err error) told {
	switch {
	case err == nil:
		return acknowledged
	case errors.Is(err, txn.ErrInDoubt):
		return inDoubt
	default:
		return failed
	}
}

// entry is one numbered row.
type entry struct {
	aid, ref int64
	delta    int64
	how      string // which kind of write
}

// ledger is what callers were told about every row they wrote.
type ledger struct {
	next atomic.Int64

	mu     sync.Mutex
	rows   map[int64]entry
	told   map[int64]told
	why    map[int64]error
	counts map[string]int
}

func newLedger() *ledger {
	return &ledger{rows: map[int64]entry{}, told: map[int64]told{}, why: map[int64]error{}, counts: map[string]int{}}
}

// ref is a number that no other row has.
func (l *ledger) ref() int64 { return l.next.Add(1) }

func (l *ledger) note(e entry, err error) { l.noteAs(e, verdict(err), err) }

func (l *ledger) noteAs(e entry, v told, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows[e.ref], l.told[e.ref], l.why[e.ref] = e, v, err
	l.counts[fmt.Sprintf("%s %s", e.how, [...]string{"acknowledged", "failed", "in doubt"}[v])]++
}

// audit compares what a table of all shards holds with what callers were told.
func (l *ledger) audit(t testing.TB, set *testkit.Set) {
	t.Helper()
	stored := map[int64]int{}
	for i := range set.Clusters {
		for _, table := range []string{"history", "events"} {
			rows, err := set.Super(t, i).Query(t.Context(), "select ref from "+table)
			require.NoError(t, err)
			refs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			require.NoError(t, err)
			for _, ref := range refs {
				stored[ref]++
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	wrong := map[string]int{}
	for ref, e := range l.rows {
		n := stored[ref]
		var what string
		switch {
		case n > 1:
			what = "stored twice"
		case l.told[ref] == acknowledged && n == 0:
			what = "acknowledged and lost"
		case l.told[ref] == failed && n == 1:
			what = "reported as failed and stored"
		default:
			continue
		}
		if key := e.how + ": " + what; wrong[key] < 3 {
			wrong[key]++
			t.Errorf("%s: account %d row %d: %v", key, e.aid, ref, l.why[ref])
		}
	}
	for ref := range stored {
		if _, ok := l.rows[ref]; !ok {
			t.Errorf("row %d is stored and nobody knows of it", ref)
			return
		}
	}
}
