package plan_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan/composite"
	"github.com/keyway-go/keyway/shard"
)

var compositeModel = model{schema: compositeSchema(), keys: composite.Keys(), registry: catalog.NewRegistry(3,
	table(catalog.Sharded, "legs", key("region", shard.Text, "num", shard.Int8),
		"region text", "num bigint", "id integer", "km integer", "note text", "slot smallint"),
	table(catalog.Sharded, "stops", key("region", shard.Text, "num", shard.Int4),
		"num integer", "id integer", "region character varying(8)", "qty integer", "note text", "slot smallint"),
	table(catalog.Sharded, "roads", key("num", shard.Int8, "region", shard.Text),
		"num bigint", "region text", "id integer", "km integer", "slot smallint"),
	table(catalog.Sharded, "pairs", key("a", shard.Int8, "b", shard.Int8), "a bigint", "b bigint", "v integer", "note text", "slot smallint"),
	table(catalog.Sharded, "twins", key("b", shard.Int4, "a", shard.Int8), "a bigint", "b integer", "v integer", "slot smallint"),
	table(catalog.Sharded, "visits", key("tenant", shard.TypeUUID, "region", shard.Text, "num", shard.Int8),
		"tenant uuid", "region text", "num bigint", "id integer", "seen date", "slot smallint"),
	table(catalog.Sharded, "posts", key("tenant", shard.TypeUUID, "region", shard.Text, "num", shard.Int2),
		"tenant uuid", "id integer", "region text", "num smallint", "note text", "slot smallint"),
	table(catalog.Sharded, "tokens", key("h", shard.Bytea, "num", shard.Int2), "h bytea", "num smallint", "v integer", "slot smallint"),
	table(catalog.Reference, "zones", nil, "region text", "num bigint", "a bigint", "b bigint", "tenant uuid", "name text"),
)}

// compositeSchema has a slot in each table, and a trigger that stands for the schema's own.
func compositeSchema() string {
	var b strings.Builder
	b.WriteString(`create schema app; set search_path = app;
create table key_slots (k text primary key, slot smallint not null);
create function app.fill() returns trigger language plpgsql as $$
begin
	new.slot := coalesce(new.slot, (select s.slot from app.key_slots s
		where s.k = tg_argv[0] || (select string_agg(to_jsonb(new) ->> a, '|' order by n) from unnest(tg_argv[1:]) with ordinality as x(a, n))));
	return new;
end $$;`)
	b.WriteString(composite.Schema)
	for _, t := range composite.Tables {
		if t.Key != nil {
			fmt.Fprintf(&b, "alter table %s add slot smallint not null; create trigger fill before insert on %[1]s for each row execute function app.fill('%s', '%s');",
				t.Name, t.KeyPrefix(), strings.Join(t.KeyNames(), "', '"))
		}
	}
	return b.String()
}

func compositeRows(r *rand.Rand) []rowText {
	var rows []rowText
	for _, row := range composite.Rows(r) {
		rows = append(rows, rowText{row.Table, row.Key, row.Columns, row.Values})
	}
	return rows
}

// TestAcceptedStatementsGiveWhatOneServerGivesByCompositeKeys does so with keys of several columns.
func TestAcceptedStatementsGiveWhatOneServerGivesByCompositeKeys(t *testing.T) {
	n, seed := diffSize(t, 3000)
	r := rand.New(rand.NewPCG(seed, 4))
	w := newWorld(t, compositeModel, compositeRows(r))
	for range n {
		g := composite.New(r, 0.5+0.5*r.Float64())
		if r.IntN(2) == 0 {
			g = composite.Lists(r, 0.5+0.5*r.Float64())
		}
		if r.IntN(4) == 0 {
			sql, args, table := g.Write()
			w.compareWrite(sql, []string{table}, args)
		} else {
			sql, args, _ := g.Select()
			w.compareRead(sql, args)
		}
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/20, "the generator makes too few statements that are accepted")
}

// TestScopedStatementsSeeOneTenantByCompositeKeys does so on handles whose key has several parts.
func TestScopedStatementsSeeOneTenantByCompositeKeys(t *testing.T) {
	n, seed := diffSize(t, 2000)
	r := rand.New(rand.NewPCG(seed, 5))
	keys := make([]shard.Key, len(composite.Handles))
	for i, h := range composite.Handles {
		keys[i] = h.Key()
	}
	w := newWorld(t, compositeModel, compositeRows(r), keys...)
	for range n {
		i := r.IntN(len(keys))
		g := composite.Scoped(r, 0.4*r.Float64(), composite.Handles[i])
		if r.IntN(4) == 0 {
			sql, args, table := g.Write()
			w.compareScopedWrite(keys[i], sql, []string{table}, args)
		} else {
			sql, args, _ := g.Select()
			w.compareScopedRead(keys[i], sql, args)
		}
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/20, "the generator makes too few statements that are accepted")
}

// TestScatteredStatementsGiveWhatOneServerGivesByCompositeKeys does so for reads of several shards, with rows on two.
func TestScatteredStatementsGiveWhatOneServerGivesByCompositeKeys(t *testing.T) {
	n, seed := diffSize(t, 2000)
	r := rand.New(rand.NewPCG(seed, 6))
	w := newScatterWorld(t, compositeModel, compositeRows(r))
	for range n {
		g := composite.New(r, 0.15)
		if r.IntN(2) == 0 {
			g = composite.Lists(r, 0.3)
		}
		w.compareScatter(g.Select())
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/20, "the generator makes too few statements that are accepted")
}
