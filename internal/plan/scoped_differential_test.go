package plan_test

import (
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// TestScopedStatementsSeeOneTenant runs random statements through a scope on the tenant's shard, and as they were
// written on a server that has only that tenant's rows. What names another tenant is a mismatch; what is sent must give
// the same.
func TestScopedStatementsSeeOneTenant(t *testing.T) {
	n, seed := diffSize(t, 3000)
	r := rand.New(rand.NewPCG(seed, 2))
	tenants := []int64{1, 2, 3}
	w := newWorld(t, diffModel, diffRows(r), shard.Int64(1), shard.Int64(2), shard.Int64(3))
	for range n {
		k := tenants[r.IntN(len(tenants))]
		g := &generator{t: t, r: r, handle: k, pin: 0.1 + 0.3*r.Float64()}
		if r.IntN(4) == 0 {
			sql, tables := g.writeStatement()
			sql, args := g.numbered(sql)
			w.compareScopedWrite(shard.Int64(k), sql, tables, args)
		} else {
			sql, args := g.numbered(g.selectStatement())
			w.compareScopedRead(shard.Int64(k), sql, args)
		}
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.LessOrEqual(t, w.counts["accepted: fails on the rows of others"], 1+n/10_000)
	require.Greater(t, w.counts["accepted: right"], n/20, "the generator makes too few statements that are accepted")
}

func (w *world) compareScopedRead(k shard.Key, sql string, args []any) {
	p, b, ok := w.bound(sql, args, plan.Scoped, k)
	if !ok {
		return
	}
	want, err := w.query(w.tenants[k], sql, args)
	if err != nil {
		w.invalid(err)
		return
	}
	for _, id := range w.places(p, b) {
		got, err := w.query(w.shards[id], p.Text, b.Args)
		switch {
		case err != nil && w.failsAmongOthers(err, p.Text, b.Args):
			w.counts["accepted: fails on the rows of others"]++
		case err != nil:
			w.fail("error on shard "+string(id)+" only", sql, p.Text, b.Args, want.rows, err)
		case !slices.Equal(want.rows, got.rows):
			w.fail("wrong rows on shard "+string(id)+" ("+p.Target.String()+")", sql, p.Text, b.Args, want.rows, got.rows)
		default:
			w.counts["accepted: right"]++
			if len(want.rows) > 0 {
				w.counts["accepted: right, with rows"]++
			}
			if p.Text != sql {
				w.counts["accepted: restricted"]++
			}
		}
	}
}

// failsAmongOthers reports whether a statement fails alike on one server with the rows of all tenants. PostgreSQL is free
// to evaluate a cast before it compares the key, so one that another tenant's value does not fit may fail, whoever wrote
// the key's condition.
func (w *world) failsAmongOthers(err error, sql string, args []any) bool {
	_, alone := w.query(w.oracle, sql, args)
	return ofAValue(err) && pgerr.Code(alone) == pgerr.Code(err)
}

func (w *world) writeFailsAmongOthers(err error, sql string, args []any) bool {
	_, _, alone := w.write(w.oracle, sql, args, nil)
	return ofAValue(err) && pgerr.Code(alone) == pgerr.Code(err)
}

// ofAValue reports whether an error comes when a value is met: a cast that does not fit it, a division by it, rows in rows
// whose values have other types or collations.
func ofAValue(err error) bool {
	code := pgerr.Code(err)
	return strings.HasPrefix(code, "22") || code == "42804" || code == "42P22"
}

// compareScopedWrite also compares what is in the table afterwards: the tenant's rows as on the tenant's own server,
// everybody else's unchanged.
func (w *world) compareScopedWrite(k shard.Key, sql string, tables []string, args []any) {
	p, b, ok := w.bound(sql, args, plan.Scoped, k)
	if !ok {
		return
	}
	var own []string
	for _, table := range tables {
		own = append(own, prefixed(table, w.rows(w.tenants[k], table))...)
	}
	want, after, err := w.write(w.tenants[k], sql, args, tables)
	if err != nil {
		w.invalid(err)
		return
	}
	for _, id := range w.places(p, b) {
		got, shardAfter, err := w.write(w.shards[id], p.Text, b.Args, tables)
		switch {
		case err != nil && w.writeFailsAmongOthers(err, p.Text, b.Args):
			w.counts["accepted: fails on the rows of others"]++
			continue
		case err != nil:
			w.fail("error on shard "+string(id)+" only", sql, p.Text, b.Args, want, err)
			continue
		}
		owner, _ := w.m.Shard(k.Slot())
		expected := w.unchanged(id, tables)
		if tables[0] == homeTable.name || id == owner { // else it matches nothing, and may run on a shard without the tenant
			expected = append(subtract(expected, own), after...)
		}
		sort.Strings(expected)
		switch {
		case want.tag != got.tag || !slices.Equal(want.rows, got.rows):
			w.fail("wrong result on shard "+string(id), sql, p.Text, b.Args, want, got)
		case !slices.Equal(expected, shardAfter):
			w.fail("wrong rows afterwards on shard "+string(id), sql, p.Text, b.Args, expected, shardAfter)
		default:
			w.counts["accepted: right"]++
			w.counts["accepted: "+p.Verb]++
			if p.Text != sql {
				w.counts["accepted: restricted"]++
			}
		}
	}
}

// subtract removes each element of b from a once.
func subtract(a, b []string) []string {
	a = slices.Clone(a)
	for _, x := range b {
		if i := slices.Index(a, x); i >= 0 {
			a = slices.Delete(a, i, i+1)
		}
	}
	return a
}
