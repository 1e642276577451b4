package router

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/merge"
)

// typeNames remembers what a shard's database calls the types that have a number of their own in each database. It
// grows with the types that statements over several shards return.
type typeNames struct {
	known   sync.Map // oid -> schema.name
	written merge.TypeNames
}

func (t *typeNames) name(oid uint32) (string, bool) {
	name, ok := t.known.Load(oid)
	if !ok {
		return "", false
	}
	return name.(string), true
}

// learn asks the database. A type that is not there has no name.
func (t *typeNames) learn(ctx context.Context, q merge.Runner, oids []uint32) error {
	rows, err := q.Query(ctx, `select t.oid, pg_catalog.format('%I.%I', n.nspname, t.typname)
		from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid = any($1)`, oids)
	if err != nil {
		return err
	}
	var oid uint32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&oid, &name}, func() error {
		t.known.Store(oid, name)
		return nil
	})
	return err
}
