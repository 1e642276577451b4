package plan_test

import (
	"fmt"
	"sort"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// TestWhatTheRuleRefusesWouldBeAnsweredWrongly sends statements that are refused to the shard that the key in them would
// name, as they are, and shows that one server gives something else. Beside each stands what may be written instead: it
// is accepted, and gives what one server gives.
func TestWhatTheRuleRefusesWouldBeAnsweredWrongly(t *testing.T) {
	const big = "9007199254740993" // as a float it is the tenant before it, which is elsewhere
	w := newWorld(t, diffModel, dangerRows(evenMap(t)))
	for _, c := range []struct{ about, key, table, refused, instead string }{
		{"OR", "2", "", "select id from orders where tenant_id = 2 or total = 90",
			"select id from orders where tenant_id = 2 and (tenant_id = 2 or total = 90)"},
		{"NOT", "2", "", "select id from orders where not tenant_id <> 2 or not tenant_id = 2",
			"select id from orders where tenant_id = 2 and not total = 5"},
		{"a float's equality", big, "", "select tenant_id from orders where tenant_id = " + big + "::float8",
			"select tenant_id from orders where tenant_id = " + big},
		{"arithmetic on the key", "2", "", "select id from orders where tenant_id / 2 = 1", "select id from orders where tenant_id = 2"},
		{"another collation", "acme", "", "select org from docs where org = 'acme' collate app.loose", "select org from docs where org = 'acme'"},
		{"an alias of columns", "2", "", "select o.id from orders as o (id, tenant_id) where tenant_id = 2",
			"select o.tenant_id from orders as o (id, tenant_id) where id = 2"},
		{"the ON of an outer join", "2", "", "select a.id, b.qty from orders a left join items b on b.tenant_id = a.tenant_id and a.tenant_id = 2",
			"select a.id, b.qty from orders a left join items b on b.tenant_id = a.tenant_id where a.tenant_id = 2"},
		{"the ON of a full join", "2", "", "select a.id, b.qty from orders a full join items b on b.tenant_id = a.tenant_id and a.tenant_id = 2",
			"select a.id, b.qty from orders a full join items b on b.order_id = a.id where a.tenant_id = 2 and b.tenant_id = 2"},
		{"an inner name", "2", "", "select id from orders o where tenant_id = 2 and exists (select 1 from items where tenant_id = tenant_id and qty = 99)",
			"select id from orders o where tenant_id = 2 and exists (select 1 from items i where i.tenant_id = o.tenant_id and qty = 99)"},
		{"a subquery's pin", "2", "", "select id from orders where tenant_id = 2 and id not in (select order_id from items where order_id is not null)",
			"select id from orders where tenant_id = 2 and id not in (select order_id from items where tenant_id = 2 and order_id is not null)"},
		{"a filter behind LIMIT", "2", "", "select id from (select * from orders order by total desc nulls last, id limit 2) x where tenant_id = 2",
			"select id from (select * from orders where tenant_id = 2 order by total desc nulls last, id limit 2) x"},
		{"a filter behind DISTINCT ON", "2", "", "select id from (select distinct on (state) * from orders order by state, total desc) x where tenant_id = 2",
			"select id from (select distinct on (state) * from orders where tenant_id = 2 order by state, total desc) x"},
		{"a filter behind a window", "2", "", "select n from (select tenant_id, count(*) over () as n from orders) x where tenant_id = 2",
			"select n from (select tenant_id, count(*) over (partition by tenant_id) as n from orders) x where tenant_id = 2"},
		{"a filter behind an aggregate", "2", "", "select n from (select max(tenant_id) - 9007199254740991 as tenant_id, count(*) as n from orders) x where tenant_id = 2",
			"select n from (select tenant_id, count(*) as n from orders group by tenant_id) x where tenant_id = 2"},
		{"a CTE read twice", "2", "", "with x as (select * from orders) select count(*) from x where tenant_id = 2 and total < (select max(total) from x)",
			"with x as (select * from orders where tenant_id = 2) select count(*) from x where total < (select max(total) from x)"},
		{"an arm of UNION", "2", "", "select id from orders where tenant_id = 2 union select order_id + 100 from items",
			"select id from orders where tenant_id = 2 union select order_id + 100 from items where tenant_id = 2"},
		{"an equality that NULLs meet", "2", "", "select i.tenant_id from orders o left join plans p on p.id = -1 join items i on i.tenant_id = 2 or i.tenant_id is not distinct from coalesce(p.tenant_id, 1) where o.tenant_id = 2",
			"select i.tenant_id from orders o join items i on i.tenant_id = o.tenant_id where o.tenant_id = 2"},
		{"a recursion without the key", "2", "", "with recursive w(k, id) as (select tenant_id, id from orders where tenant_id = 2 union select o.tenant_id, o.id from orders o join w on w.id = o.id) select * from w",
			"with recursive w(k, id) as (select tenant_id, id from orders where tenant_id = 2 union select o.tenant_id, o.id from orders o join w on w.k = o.tenant_id and w.id = o.id) select * from w"},

		{"a column that was changed", "2", "orders", "update orders o set total = 1 where tenant_id = 2 and total = 2 returning (select count(*) from items i where i.tenant_id = o.total)",
			"update orders o set total = 1 where tenant_id = 2 and total = 2 returning (select count(*) from items i where i.tenant_id = o.tenant_id)"},
		{"a changed column of a CTE", "2", "orders", "with u as (update orders set total = 1 where tenant_id = 2 and total = 2 returning total as k) select count(*) from items i join u on i.tenant_id = u.k",
			"with u as (update orders set total = 1 where tenant_id = 2 and total = 2 returning tenant_id as k) select count(*) from items i join u on i.tenant_id = u.k"},
		{"DELETE by another table's rows", "2", "orders", "delete from orders using items i where orders.tenant_id = 2 and i.order_id = orders.id",
			"delete from orders using items i where orders.tenant_id = 2 and i.tenant_id = 2 and i.order_id = orders.id"},
		{"MERGE from every tenant", "2", "adopted", "merge into adopted a using items i on a.tenant_id = 2 and a.n = i.qty when not matched then insert (tenant_id, n) values (2, i.qty)",
			"merge into adopted a using (select * from items where tenant_id = 2) i on a.tenant_id = 2 and a.n = i.qty when not matched then insert (tenant_id, n) values (2, i.qty)"},
		{"an upsert by an id alone", "2", "badges", "insert into badges (tenant_id, id, name) values (2, 1, 'mine') on conflict (id) do update set name = excluded.name",
			"insert into badges as b (tenant_id, id, name) values (2, 2, 'mine') on conflict (id) do update set name = excluded.name where b.tenant_id = excluded.tenant_id"},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := *w
			w.t = t
			place, ok := w.m.Shard(diffModel.keys[c.key].Slot())
			require.True(t, ok)
			_, err := plan.Build(c.refused, diffRegistry, "app", plan.Unscoped)
			require.Error(t, err, "it is accepted")
			one, several := w.given(w.oracle, "", c.refused, c.table), w.given(w.shards[place], place, c.refused, c.table)
			assert.NotEqual(t, one, several, "the refusal averts nothing here")

			p, err := plan.Build(c.instead, diffRegistry, "app", plan.Unscoped)
			require.NoError(t, err)
			b, err := p.Bind(nil, shard.Key{})
			require.NoError(t, err)
			require.Equal(t, []shard.ID{place}, w.places(p, b))
			assert.Equal(t, w.given(w.oracle, "", c.instead, c.table), w.given(w.shards[place], place, p.Text, c.table, b.Args...))
		})
	}
}

// given is what a statement gives and, when it writes a table, that table's rows on all shards after it; id is the shard
// that is asked, empty for the one server.
func (w *world) given(on *pgx.Conn, id shard.ID, sql, table string, args ...any) string {
	w.t.Helper()
	if table == "" {
		res, err := w.query(on, sql, args)
		require.NoError(w.t, err, sql)
		return fmt.Sprint(res.rows)
	}
	res, after, err := w.write(on, sql, args, []string{table})
	require.NoError(w.t, err, sql)
	for _, o := range w.m.Shards() {
		if id != "" && o != id {
			after = append(after, w.unchanged(o, []string{table})...)
		}
	}
	sort.Strings(after)
	return fmt.Sprint(res, after)
}

// dangerRows are few: tenant 2 with one that is on its shard and others that are not, and two tenants, on two shards, that
// are one as floats.
func dangerRows(m *shard.Map) []rowText {
	rows := []rowText{{"plans", "", "id, tenant_id", "1, 2"}, {"items", "1", "tenant_id, order_id, qty", "1, 2, 7"}}
	for i, k := range []string{"1", "2", "3", "9007199254740992", "9007199254740993"} {
		rows = append(rows,
			rowText{"orders", k, "tenant_id, id, plan_id, total, state", fmt.Sprintf("%s, 2, 1, %d, 'a'", k, []int{90, 3, 6, 4, 1}[i])},
			rowText{"orders", k, "tenant_id, id, plan_id, total, state", fmt.Sprintf("%s, %d, 1, %d, 'a'", k, 3+i, []int{2, 2, 6, 80, 1}[i])},
			rowText{"items", k, "tenant_id, order_id, qty", fmt.Sprintf("%s, %d, %d", k, 3+i, []int{99, 2, 3, 4, 5}[i])},
			rowText{"badges", k, "tenant_id, id, name", fmt.Sprintf("%s, %d, 'n'", k, 1+i)})
	}
	home, _ := m.Shard(shard.String("acme").Slot())
	for _, k := range []string{"Acme", "ACme", "ACMe", "ACME", "aCME", "acME", "acmE"} { // the first that is elsewhere
		if id, _ := m.Shard(shard.String(k).Slot()); id != home {
			return append(rows, rowText{"docs", "acme", "org, id, slot", "'acme', 1, 0"}, rowText{"docs", k, "org, id, slot", "'" + k + "', 1, 0"})
		}
	}
	panic("no spelling of acme is on another shard")
}
