package plan_test

import (
	"fmt"
	"slices"
	"strings"
)

// badges is a table whose primary key does not hold the key, as keyway.allow('unique_per_shard') lets it be: its ids are
// said to be unique by themselves. Half the ids of a tenant have a row.
var badges = relationText{name: "badges", keys: 1, cols: ints("id", "tenant_id*").and("name")}

const badgesOfEach = 3

// badge is the id of a tenant's badge number i.
func badge(k int64, i int) int { return 10*slices.Index(intKeys, k) + i }

// upsert returns an INSERT ... ON CONFLICT into badges. Where it may change the row that is there, that may be any
// tenant's: no tenant's row may be changed by a statement for another. Where it changes no other tenant's, the id is the
// tenant's own.
func (g *generator) upsert() string {
	k, without := g.intKey(), g.chance(0.4)
	if without && g.handle != 0 {
		k = g.handle
	}
	own := fmt.Sprint(badge(k, g.r.IntN(2*badgesOfEach)))
	anybodys := fmt.Sprint(badge(pick(g, intKeys), g.r.IntN(2*badgesOfEach)))
	key := pick(g, []string{fmt.Sprint(k), g.fresh(k)})
	set := " do update set " + pick(g, []string{"name = excluded.name", "name = 'u', tenant_id = excluded.tenant_id", "name = b.name || 'u'"})
	id := anybodys
	var conflict string
	switch g.r.IntN(8) {
	case 0:
		conflict = " on conflict (id)" + set
	case 1:
		conflict = " on conflict on constraint badges_pkey" + set
	case 2:
		conflict = " on conflict (id)" + set + " where b.name is not null"
	case 3:
		conflict = " on conflict (id)" + set + " where b.tenant_id = excluded.tenant_id or b.name = 'a'"
	case 4:
		other := pick(g, intKeys)
		if other == k {
			id = own
		}
		conflict = " on conflict (id)" + set + " where b.tenant_id = " + fmt.Sprint(other)
	case 5:
		id, conflict = own, " on conflict (id)"+set+" where b.tenant_id = excluded.tenant_id and b.name is not null"
	case 6:
		id, conflict = own, " on conflict on constraint badges_pkey"+set+" where "+key+" = b.tenant_id"
	default:
		id, conflict = own, pick(g, []string{" on conflict do nothing", " on conflict (id) do nothing", " on conflict on constraint badges_pkey do nothing"})
	}
	names, values := []string{"id", "tenant_id", "name"}, []string{id, key, "'n'"}
	if without {
		names, values = slices.Delete(names, 1, 2), slices.Delete(values, 1, 2)
	}
	return "insert into badges as b (" + strings.Join(names, ", ") + ") values (" + strings.Join(values, ", ") + ")" + conflict +
		pick(g, []string{"", " returning b.id, b.tenant_id, b.name"})
}
