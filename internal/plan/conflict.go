package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// onConflict reads ON CONFLICT of an INSERT into rel, whose key columns are those of the new rows.
func (r *reader) onConflict(c *sqlparse.OnConflict, rel *relation, outer *scope) {
	if c == nil {
		return
	}
	own := outer.within(r.single(rel))
	for _, x := range c.Targets {
		r.expr(x, own)
	}
	r.expr(c.TargetWhere, own)
	if c.DoNothing {
		return
	}
	there, excluded := rowOf(rel, rel.alias, rel.schema), rowOf(rel, "excluded", "")
	sc := outer.within(r.single(there).add(r.single(excluded)))
	r.set(c.Set, there, sc, excluded)
	r.expr(c.Where, sc)
	if rel.table.Kind == catalog.Sharded {
		r.conjuncts(c.Where, sc, there.dom)
		r.sameKey(c, rel, there, excluded)
	}
}

// rowOf is another row of rel's table, under a name: nothing is known of it.
func rowOf(rel *relation, alias, schema string) *relation {
	row := &relation{alias: alias, schema: schema, table: rel.table, dom: &domain{}, blk: rel.blk, offset: rel.offset}
	row.takeColumns(&sqlparse.Alias{})
	return row
}

// sameKey refuses DO UPDATE where the row that is there may be another key's. A unique index that does not hold the key
// (keyway.allow('unique_per_shard')) meets the rows of every key of the shard: the statement for one key would change a
// row of another, or insert its own, by which keys share a shard. So the columns that say what conflicts, or the WHERE of
// DO UPDATE, must say that the key is the new row's.
//
// Indexes are not in the registry, and need not be: the index that ON CONFLICT (a, b) infers has these columns and no
// other. ON CONSTRAINT says nothing of columns. The condition is not added here: where it does not hold, PostgreSQL skips
// the row in silence, which the writer of the statement must have asked for. DO NOTHING changes no row of anybody.
func (r *reader) sameKey(c *sqlparse.OnConflict, rel, there, excluded *relation) {
	for k, col := range rel.table.Key {
		if !isTarget(c, col.Name) && !r.provenSame(there.key(k), excluded.key(k), rel.key(k)) {
			name := quote(col.Name)
			panic(&Refusal{Reason: OtherKeysRow, Table: nameOf(rel.table), Offset: c.Start,
				Detail: "DO UPDATE may change a row of another key than the new row's: nothing says that " + name +
					" of the row of " + nameOf(rel.table) + " that is there is the same",
				Hint: "name " + keyList(rel.table) + " in ON CONFLICT (...), with a unique index of those columns; or add WHERE " +
					identifier(rel.alias) + "." + identifier(col.Name) + " = excluded." + identifier(col.Name) + " to DO UPDATE, which leaves a row of another key as it is"})
		}
	}
}

// isTarget reports whether the column alone is one of the conflict target.
func isTarget(c *sqlparse.OnConflict, name string) bool {
	return slices.ContainsFunc(c.Targets, func(x sqlparse.Expr) bool {
		ref, ok := strip(x).(*sqlparse.ColumnRef)
		return ok && ref.Parts[len(ref.Parts)-1].Value == name
	})
}

// provenSame reports whether the key of the row that is there equals excluded's, or whatever the new row's is.
func (r *reader) provenSame(there, excluded, given *column) bool {
	w := walk{}
	w.from(there)
	if slices.Contains(w.cols, excluded) {
		return true
	}
	for _, src := range sources(given) {
		if (src.kind == srcParam || src.kind == srcLiteral) && slices.ContainsFunc(w.found, src.same) {
			return true
		}
	}
	return false
}
