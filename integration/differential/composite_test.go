package differential

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/plan/composite"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// compositeWorld has tables with composite keys on shards, and the rows of all or of one key on one server.
type compositeWorld struct {
	*oracle
	t        *testing.T
	rows     []composite.Row
	keys     map[string]shard.Key
	alone    []*pgx.Conn // servers with the rows of one key
	super    []*pgx.Conn // of the shards, past the library
	answered int
	found    int // rows in the answers
	alike    int // statements that failed with the same SQLSTATE
	refused  map[string]int
}

// newCompositeWorld has one server with the rows of all keys but those of handles, and one for each of these.
func newCompositeWorld(t *testing.T, r *rand.Rand, handles ...composite.Handle) *compositeWorld {
	w := &compositeWorld{t: t, oracle: newOracle(t, composite.Schema, composite.Register()), rows: composite.Rows(r), keys: composite.Keys(),
		refused: map[string]int{}}
	for i := range w.set.Clusters {
		w.super = append(w.super, w.set.Super(t, i))
	}
	for _, h := range handles {
		w.alone = append(w.alone, w.server(h))
	}
	w.load(handles)
	return w
}

// server is a server for the rows of one key, whose new rows have that key unless they say another.
func (w *compositeWorld) server(h composite.Handle) *pgx.Conn {
	c := w.set.Clusters[0]
	conn := pgtest.Conn(w.t, c, localpg.Superuser, pgtest.Database(w.t, c))
	w.exec(conn, composite.Schema)
	for _, t := range composite.Tables {
		for i, name := range t.KeyNames() {
			if t.KeyPrefix() == h.Table.KeyPrefix() {
				w.exec(conn, fmt.Sprintf("alter table %s alter %s set default '%s'", t.Name, name, h.Parts[i]))
			}
		}
	}
	return conn
}

func (w *compositeWorld) load(handles []composite.Handle) {
	others := maps.Clone(w.keys)
	for i, h := range handles {
		name := h.Table.KeyText(h.Parts)
		delete(others, name)
		w.fill(w.alone[i], func(row composite.Row) bool { return row.Key == "" || row.Key == name })
	}
	w.fill(w.one, func(row composite.Row) bool { return row.Key == "" || !others[row.Key].IsZero() })
	for i, c := range w.super {
		w.fill(c, func(row composite.Row) bool {
			route, err := w.set.DB.Route(w.keys[row.Key])
			return row.Key == "" || err == nil && route.Shard == testkit.ID(i)
		})
	}
}

// again compares the rows of the shards with those of the servers, and begins with those of before: statements that copy
// rows into the table they read would double them for ever.
func (w *compositeWorld) again(handles ...composite.Handle) {
	w.t.Helper()
	for _, table := range composite.Tables {
		single := append([]*pgx.Conn{w.one}, w.alone...)
		if want := w.in(table, single...); table.Key != nil {
			require.Equal(w.t, want, w.in(table, w.super...), table.Name)
		}
		for _, c := range append(single, w.super...) {
			w.exec(c, "delete from "+table.Name)
		}
	}
	w.load(handles)
}

func insertOf(row composite.Row) string {
	return fmt.Sprintf("insert into %s (%s) values (%s)", row.Table, row.Columns, row.Values)
}

func (w *compositeWorld) exec(c *pgx.Conn, sql string) {
	_, err := c.PgConn().Exec(w.t.Context(), sql).ReadAll()
	require.NoError(w.t, err)
}

func (w *compositeWorld) fill(c *pgx.Conn, has func(composite.Row) bool) {
	var b strings.Builder
	for _, row := range w.rows {
		if has(row) {
			b.WriteString(insertOf(row) + ";")
		}
	}
	w.exec(c, b.String())
}

// both runs a statement on both sides and compares. What the router refuses is counted.
func (w *compositeWorld) both(db querier, one *pgx.Conn, sql string, args []any, ordered bool) {
	w.t.Helper()
	columns, got, err := raw(w.t.Context(), db, sql, args, ordered)
	if reason := refused(err); reason != "" {
		w.refused[reason]++
		return
	}
	wantColumns, want, wantErr := raw(w.t.Context(), one, sql, args, ordered)
	var a, b *pgconn.PgError
	if errors.As(err, &a) && errors.As(wantErr, &b) && a.Code == b.Code || unfit(err) && unfit(wantErr) {
		w.alike++
		return
	}
	require.NoError(w.t, err, "%s %v", sql, args)
	require.NoError(w.t, wantErr, "%s %v", sql, args)
	require.Equal(w.t, wantColumns, columns, "%s %v", sql, args)
	require.True(w.t, slices.Equal(want, got), "%s %v\n%s", sql, args, firstDifference(got, want))
	w.answered++
	w.found += len(got)
}

// unfit reports whether pgx found that an argument is not of its parameter's type.
func unfit(err error) bool {
	return err != nil && strings.Contains(err.Error(), "failed to encode args")
}

// refused is refusal, and for handles also what names another key than theirs.
func refused(err error) string {
	if _, mismatch := errors.AsType[*txn.ShardMismatchError](err); mismatch {
		return "another key than the handle's"
	}
	if _, unusable := errors.AsType[*shard.KeyError](err); unusable {
		return "no key"
	}
	return refusal(err)
}

func (w *compositeWorld) report(count int64) {
	w.t.Logf("%d statements: %d answered alike with %d rows, %d failed alike, refused:", count, w.answered, w.found, w.alike)
	for _, reason := range slices.Sorted(maps.Keys(w.refused)) {
		w.t.Logf("%6d %s", w.refused[reason], reason)
	}
	require.Greater(w.t, w.answered, int(count)/10, "the generator makes too few statements that are answered")
}

// in are the rows of a table on several servers together.
func (w *compositeWorld) in(t composite.Table, servers ...*pgx.Conn) (all []string) {
	for _, c := range servers {
		rows, err := c.Query(w.t.Context(), "select (to_jsonb(x) - 'slot')::text from "+t.Name+" x")
		require.NoError(w.t, err)
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(w.t, err)
		all = append(all, texts...)
	}
	slices.Sort(all)
	return all
}

// atOnce is how many statements are sent before the rows are those of the beginning again.
const atOnce = 400

func compositeSize(t *testing.T, otherwise int64) (count int64, r *rand.Rand) {
	seed := uint64(setting(t, "KEYWAY_SEED", time.Now().UnixNano()))
	count = setting(t, "KEYWAY_STATEMENTS", otherwise)
	t.Logf("KEYWAY_SEED=%d KEYWAY_STATEMENTS=%d", seed, count)
	return count, rand.New(rand.NewPCG(seed, 4))
}

// TestDifferentialAnswersByCompositeKeys: statements that name keys of several columns, reads and writes, give what one
// server gives, and leave the rows that it has.
func TestDifferentialAnswersByCompositeKeys(t *testing.T) {
	count, r := compositeSize(t, 1500)
	w := newCompositeWorld(t, r)
	for n := range count {
		if n%atOnce == atOnce-1 {
			w.again()
		}
		g := composite.New(r, 0.6+0.4*r.Float64())
		if r.IntN(2) == 0 {
			g = composite.Lists(r, 0.6+0.4*r.Float64())
		}
		if r.IntN(3) == 0 {
			sql, args, _ := g.Write()
			w.both(w.set.DB, w.one, sql, args, false)
			continue
		}
		sql, args, ordered := g.Select()
		w.both(w.set.DB, w.one, sql, args, ordered)
	}
	w.again()
	w.report(count)
}

// TestDifferentialScopedByCompositeKeys: on a handle for a key of several columns, statements give what a server with the
// rows of that key gives; they leave the rows that it has, and those of other keys as they were.
func TestDifferentialScopedByCompositeKeys(t *testing.T) {
	count, r := compositeSize(t, 1500)
	w := newCompositeWorld(t, r, composite.Handles...)
	for n := range count {
		if n%atOnce == atOnce-1 {
			w.again(composite.Handles...)
		}
		i := r.IntN(len(w.alone))
		key := composite.Handles[i].Key()
		g := composite.Scoped(r, 0.4*r.Float64(), composite.Handles[i])
		db := querier(w.set.DB.ForKey(key))
		if n%2 == 0 {
			db = inContext{w.set.DB, key}
		}
		if r.IntN(4) == 0 {
			sql, args, _ := g.Write()
			w.both(db, w.alone[i], sql, args, false)
			continue
		}
		sql, args, ordered := g.Select()
		w.both(db, w.alone[i], sql, args, ordered)
	}
	w.again(composite.Handles...)
	w.report(count)
}

// TestDifferentialScatteredByCompositeKeys: reads of all tenants whose key has several columns.
func TestDifferentialScatteredByCompositeKeys(t *testing.T) {
	count, r := compositeSize(t, 1000)
	w := newCompositeWorld(t, r)
	for range count {
		g := composite.New(r, 0.15)
		if r.IntN(2) == 0 {
			g = composite.Lists(r, 0.3)
		}
		sql, args, ordered := g.Select()
		w.both(w.set.DB.Scatter(), w.one, sql, args, ordered)
	}
	w.report(count)
}

// inContext is a database whose statements are scoped by their context.
type inContext struct {
	db  *router.DB
	key shard.Key
}

func (c inContext) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return c.db.Query(router.WithKey(ctx, c.key), sql, args...)
}
