package assess

import (
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// registry is what the database would register, for the planner. Sharded tables have their slot column, as they do
// before the first move.
func (p *proposal) registry() *catalog.Registry {
	var list []*catalog.Table
	for _, x := range p.tables {
		if x.kind == Undecided {
			continue
		}
		t := &catalog.Table{Schema: x.Schema, Name: x.Name, OID: x.OID, Kind: catalog.Kind(x.kind)}
		for _, c := range x.columns {
			t.Columns = append(t.Columns, catalog.Column{
				Name: c.Name, Type: c.Type, OID: c.OID, NotNull: c.NotNull, Collation: c.Collation, Loose: c.Loose,
			})
		}
		switch x.kind {
		case Home:
			t.Home = shard.ID(home)
		case Sharded:
			for _, name := range x.key {
				typ, _ := x.column(name).keyType()
				t.Key = append(t.Key, catalog.KeyColumn{Name: name, Type: typ})
			}
			t.HasSlot = true
			if x.column("slot") == nil {
				t.Columns = append(t.Columns, catalog.Column{Name: "slot", Type: "smallint", OID: 21, NotNull: true})
			}
		}
		list = append(list, t)
	}
	return catalog.NewRegistry(1, list...)
}
