package plan

import (
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// locks reads FOR UPDATE and its kin: row locks are held on one server, and a reference table's row is on each.
func (r *reader) locks(q *sqlparse.Select, ns *namespace, b *block) {
	for _, l := range q.Locking {
		r.readOnly = false
		for _, rel := range r.locked(&l, ns, b) {
			switch {
			case rel.joins && len(l.Of) == 0: // its tables are among b's
			case rel.table == nil && len(l.Of) == 0 && !rel.open || rel.table == nil && len(l.Of) > 0:
				panic(refuse(Unsupported, l.Start, "a row lock on a query in FROM or a CTE is not read",
					"write FOR "+l.Strength+" OF and the sharded tables"))
			case rel.table != nil && rel.table.Kind == catalog.Reference:
				panic(&Refusal{Reason: ReferenceWrite, Table: nameOf(rel.table), Offset: l.Start,
					Detail: "a row lock on the reference table " + nameOf(rel.table) + " would lock the copy of one shard only",
					Hint:   "write FOR " + l.Strength + " OF and the sharded tables"})
			}
		}
	}
}

func (r *reader) locked(l *sqlparse.Locking, ns *namespace, b *block) []*relation {
	if len(l.Of) == 0 {
		return b.rels
	}
	var rels []*relation
	for i := range l.Of {
		rels = append(rels, r.relationOf(l.Of[i].Start, &scope{ns: ns}, l.Of[i].Schema.Value, l.Of[i].Name.Value))
	}
	return rels
}
