package router

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
)

// uniqueSQL lists the sets of columns of a table that are unique on a server. Indexes are not in the registry: routing
// needs none, and one that is built shard by shard would make the shards' registries differ.
//
// Not those of some rows only or of expressions, nor those that call values equal by an operator class of their own.
// The table of a plain inheritance has rows in other tables too.
const uniqueSQL = `
select array(
	select a.attname::text from pg_catalog.generate_subscripts(i.indkey, 1) s
	join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[s] where s < i.indnkeyatts)
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1::text and c.relname = $2::text and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
	and (c.relkind = 'p' or not c.relhassubclass)
	and not exists (select from unnest(i.indclass::oid[]) o(id) join pg_catalog.pg_opclass p on p.oid = o.id where not p.opcdefault)`

// uniqueOf names what is remembered of a table: a change of its columns makes another one of it.
type uniqueOf struct {
	schema, name string
	registry     int64
}

// total refuses an order that is not total. What is remembered may be wrong by an index that was dropped, which shows in
// the rows, and is never what an order is refused by.
func (s pageSource) total(ctx context.Context, snap *snapshot, p *plan.Page) error {
	remembered := true
	sets := map[*catalog.Table][][]string{}
	for _, t := range p.Tables() {
		known, ok := s.db.unique.Load(uniqueOf{t.Schema, t.Name, snap.registry.Version})
		if remembered = remembered && ok; ok {
			sets[t] = known.([][]string)
		}
	}
	of := func(t *catalog.Table) [][]string { return sets[t] }
	if remembered && p.Total(of) == nil {
		return nil
	}
	for _, t := range p.Tables() {
		list, err := s.readUnique(ctx, snap, t)
		if err != nil {
			return err
		}
		sets[t] = list
		s.db.unique.Store(uniqueOf{t.Schema, t.Name, snap.registry.Version}, list)
	}
	return p.Total(of)
}

func (s pageSource) readUnique(ctx context.Context, snap *snapshot, t *catalog.Table) ([][]string, error) {
	n, err := snap.anyOwner()
	if t.Kind == catalog.Home {
		n, err = snap.nodes[t.Home], nil
		if n == nil {
			err = &UnknownShardError{Shard: t.Home, MapVersion: snap.slots.Version()}
		}
	}
	if err == nil {
		err = n.check()
	}
	if err != nil {
		return nil, err
	}
	rows, err := n.query(ctx, 0, uniqueSQL, []any{t.Schema, t.Name})
	if err != nil {
		return nil, shardError(n.id, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
	if err != nil {
		return nil, shardError(n.id, err)
	}
	return list, nil
}
