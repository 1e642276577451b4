package router

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/merge"
)

// typeNames remembers what the types that have a number of their own in each database are in a shard's. It grows with the
// types that statements over several shards return.
type typeNames struct {
	known   sync.Map // oid -> *userType
	written merge.TypeNames
}

// userType is a type that somebody made.
type userType struct {
	name   string   // schema.name
	labels []string // of an enum, or of the enum that an array is of, in their order
}

// find is nil for a type that was not learned, or was not there.
func (t *typeNames) find(oid uint32) *userType {
	found, _ := t.known.Load(oid)
	known, _ := found.(*userType)
	return known
}

const describeTypes = `select t.oid, pg_catalog.format('%I.%I', n.nspname, t.typname), array(select e.enumlabel::pg_catalog.text
		from pg_catalog.pg_enum e where e.enumtypid in (t.oid, t.typelem) order by e.enumsortorder)
	from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid = any($1)`

// learn asks the database. A type that is not there is not known.
func (t *typeNames) learn(ctx context.Context, q merge.Runner, oids []uint32) error {
	rows, err := q.Query(ctx, describeTypes, oids)
	if err != nil {
		return err
	}
	var oid uint32
	var of userType
	_, err = pgx.ForEachRow(rows, []any{&oid, &of.name, &of.labels}, func() error {
		t.known.Store(oid, &userType{of.name, slices.Clone(of.labels)})
		return nil
	})
	return err
}

// difference says what differs between the types of two databases, or "". Labels may be missing, as they do while one is
// added shard by shard; what both have must come in one order.
func (t *userType) difference(other *userType) string {
	switch {
	case t.name != other.name:
		return fmt.Sprintf("the types %s and %s", t.name, other.name)
	case slices.Equal(t.labels, other.labels):
		return ""
	}
	last, before := -1, ""
	for _, label := range t.labels {
		at := slices.Index(other.labels, label)
		switch {
		case at < 0:
			continue
		case at < last:
			return fmt.Sprintf("the type %s, whose labels %q and %q are in different order", t.name, before, label)
		}
		last, before = at, label
	}
	return ""
}
