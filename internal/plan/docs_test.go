package plan_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

var update = flag.Bool("update", false, "write docs/sql.md again from the statements of this file")

const sqlDoc = "../../docs/sql.md"

// shown are the statements of docs/sql.md, by chapter. Arguments are int64 tenants unless a statement says otherwise.
var shown = []struct {
	title, says string
	scope       plan.Scope
	statements  []string
}{
	{"One key, one shard", "The key column equals a parameter or a constant, at the top of WHERE or of an inner join's ON. Equalities carry over joins.", plan.Unscoped, []string{
		"select * from orders where tenant_id = $1",
		"select * from orders where tenant_id = 7 and (total > 5 or state is null)",
		"select * from orders where $1::bigint = tenant_id order by id desc limit 10",
		"select * from orders where tenant_id in ($1)",
		"select o.id, i.sku from orders o join items i on i.tenant_id = o.tenant_id and i.order_id = o.id where o.tenant_id = $1",
		"select * from orders join items using (tenant_id) where tenant_id = $1",
		"select o.id, p.name from orders o left join plans p on p.id = o.plan_id where o.tenant_id = $1",
		"select o.id, i.sku from orders o left join items i on i.tenant_id = o.tenant_id and i.order_id = o.id where o.tenant_id = $1",
		"select state, count(*), sum(total) from orders where tenant_id = $1 group by state having count(*) > 1",
		"select id, row_number() over (partition by state order by id) from orders where tenant_id = $1",
		"select * from orders o where tenant_id = $1 and exists (select 1 from items i where i.tenant_id = o.tenant_id and i.order_id = o.id)",
		"select * from orders where tenant_id = $1 and (tenant_id, id) in (select tenant_id, order_id from items where qty > 3)",
		"with w as (select * from orders where tenant_id = $1) select count(*) from w",
		"select * from (select * from orders where tenant_id = $1 order by total desc limit 3) top",
		"select id from orders where tenant_id = $1 union all select order_id from items where tenant_id = $1",
		"select * from orders where tenant_id is not distinct from $1",
		"select * from (orders o join items i using (tenant_id)) as j (k) where j.k = $1",
		"with a as (select $1::bigint as k) select * from orders o, a where o.tenant_id = a.k",
		"select * from orders o join (values ($1::bigint, 3)) v (k, id) on o.tenant_id = v.k and o.id = v.id",
		"with recursive w as (select tenant_id, id from orders where tenant_id = $1 union all select o.tenant_id, o.id from orders o join w on w.tenant_id = o.tenant_id and w.id = o.plan_id) select * from w",
		"select id from orders where tenant_id = $1 except select order_id from items where tenant_id = $1",
		"select * from orders tablesample bernoulli (10) where tenant_id = $1",
		"select json_object('id': id, 'items': json_array(select sku from items i where i.tenant_id = o.tenant_id)) from orders o where tenant_id = $1",
		"select * from orders where tenant_id = $1 for update skip locked",
		"update orders set total = total + 1 where tenant_id = $1 and id = 3 returning total",
		"update orders set total = 0 where tenant_id = $1 and id = 3 returning with (old as before) before.total, new.total",
		"update orders o set total = i.qty from items i where i.tenant_id = o.tenant_id and i.order_id = o.id and o.tenant_id = $1",
		"delete from orders using items where items.tenant_id = orders.tenant_id and orders.tenant_id = $1",
		"insert into orders (tenant_id, id, total) values ($1, 1, 100)",
		"insert into orders (tenant_id, id) values ($1, 1), ($1, 2) on conflict do nothing",
		"insert into orders (tenant_id, id) values ($1, 1) on conflict (tenant_id, id) do update set total = excluded.total, tenant_id = excluded.tenant_id",
		"insert into orders as o (tenant_id, id) values ($1, 1) on conflict (id) do update set total = 1 where o.tenant_id = excluded.tenant_id",
		"with o as (insert into orders (tenant_id, id) values ($1, 1) returning tenant_id, id) insert into items (tenant_id, order_id) select tenant_id, id from o",
		"with d as (delete from items where tenant_id = $1 returning *) select count(*) from d",
		"merge into orders o using (select * from items where tenant_id = $1) i on o.tenant_id = i.tenant_id and o.id = i.order_id when matched then update set total = i.qty when not matched then insert (tenant_id, id) values (i.tenant_id, i.order_id)",
		"merge into orders o using (values ($1::bigint, 3)) v (k, id) on o.tenant_id = v.k and o.id = v.id when not matched by source and o.tenant_id = $1 then delete",
	}},
	{"A list of keys", "A query goes to the shards of its keys, each of which is asked for its own; where there are several, as through `db.Scatter()`. " +
		"What writes or locks rows is refused where they live on several. The arguments decide. Keys of several columns are `legs`' (`region`, `num`); " +
		"lists of them apart give all their combinations, up to 16,384.", plan.Unscoped, []string{
		"select * from orders where tenant_id = any($1)",
		"select * from orders where tenant_id in ($1, 8, 9)",
		"select * from orders where tenant_id = any($1) for update",
		"select * from orders where tenant_id in (select unnest($1::bigint[]))",
		"select o.* from orders o join unnest($1::bigint[], $2::bigint[]) with ordinality as u (k, id, at) on o.tenant_id = u.k and o.id = u.id order by u.at",
		"select * from orders where (tenant_id, id) in ((7, 1), ($1, 2))",
		"select * from orders where tenant_id in (select tenant_id from items where tenant_id = any($1) and qty > 3)",
		"select * from legs where (region, num) in (($1, $2), ($3, $4))",
		"select * from legs where (region, num) in (select * from unnest($1::text[], $2::int[]))",
		"select * from legs where region = $1 and num = any($2)",
		"insert into orders (tenant_id, id) values (7, 1), (8, 1)",
	}},
	{"Any shard, or the home shard", "Reference tables have the same rows everywhere, and are read from the nearest shards; a statement whose keys contradict each other has no rows anywhere.", plan.Unscoped, []string{
		"select * from plans order by id",
		"select now()",
		"select count(*) from orders where tenant_id = 1 and tenant_id = 2",
		"select * from jobs where state = 'new' for update skip locked",
	}},
	{"On a handle for one key", "`db.ForKey(k)` and `router.WithKey(ctx, k)` restrict every sharded table that the statement does not pin. What is sent is shown.", plan.Scoped, []string{
		"select count(*) from orders",
		"select * from orders o left join items i on i.order_id = o.id where o.total > 5",
		"update orders set state = 'old' where total < 5 or total is null",
		"insert into orders (id, total) values (1, 100)",
		"insert into items (tenant_id, order_id) select tenant_id, id from orders",
		"insert into items (order_id) select id from orders",
		"merge into orders o using items i on o.id = i.order_id when matched then delete when not matched then insert (id) values (i.order_id)",
		"select * from orders where tenant_id = $1",
	}},
	{"Refused", "With the reason. Nothing is sent to any server.", plan.Unscoped, []string{
		"select * from orders",
		"select * from orders where tenant_id = $1 or total > 5",
		"select * from orders where tenant_id > $1",
		"select * from orders where tenant_id::text = '7'",
		"select * from docs where org = $1 collate \"C\"",
		"select * from (select * from orders order by total desc limit 2) x where tenant_id = $1",
		"select * from orders as o (id, tenant_id) where o.tenant_id = $1",
		"select * from orders o left join items i on i.tenant_id = o.tenant_id and i.tenant_id = $1",
		"select * from orders o full join items i on i.tenant_id = o.tenant_id where o.tenant_id = $1",
		"select o.id from orders o where tenant_id = $1 and exists (select 1 from items i where i.order_id = o.id)",
		"update orders set total = 1 from items where orders.tenant_id = $1",
		"delete from orders",
		"update orders set tenant_id = 8 where tenant_id = $1",
		"insert into orders values (7, 1)",
		"insert into orders (id) values (1)",
		"update orders set plan_id = 8 where tenant_id = $1 and plan_id = $1 returning (select count(*) from items i where i.tenant_id = plan_id)",
		"insert into orders (tenant_id, id) values ($1, 1) on conflict (id) do update set total = 1",
		"insert into orders (tenant_id, id) values ($1, 1) on conflict on constraint orders_pkey do update set total = 1",
		"update plans set name = 'x'",
		"select * from orders o join jobs j on j.id = o.id where o.tenant_id = $1",
		"select * from invoices where tenant_id = $1",
		"select my_function(id) from orders where tenant_id = $1",
		"select pg_advisory_lock(1)",
		"select nextval('s')",
		"with w as (delete from orders returning *) select * from w where tenant_id = $1",
		"with recursive w as (select tenant_id, id from orders union all select o.tenant_id, o.id from orders o join w on w.id = o.plan_id) select * from w where tenant_id = $1",
		"select * from orders tablesample bernoulli (10) repeatable (3) where tenant_id = $1",
		"select * from orders o left join items i on i.order_id = o.id left join plans p on p.id = 1 where o.tenant_id = $1 and i.tenant_id is not distinct from p.tenant_id",
		"select * from orders where tenant_id = $1 order by id using operator(app.<)",
		"merge into orders o using items i on o.tenant_id = i.tenant_id when matched then delete",
		"set search_path = other",
		"select 1; select 2",
	}},
}

// scattered are the statements of docs/sql.md that are read from several shards.
var scattered = []string{
	"select * from orders where state = 'open'",
	"select id, total from orders order by total desc, id limit 10",
	"select id from orders order by lower(state) limit $1 offset $2",
	"select o.id, i.sku from orders o join items i on i.tenant_id = o.tenant_id and i.order_id = o.id where i.qty > 3",
	"select o.id, i.sku from orders o left join items i using (tenant_id) where o.total > 5",
	"select * from orders where tenant_id = any($1)",
	"select * from legs where (region, num) in (('eu', 1), ('us', 2))",
	"select tenant_id, count(*) from orders group by tenant_id having count(*) > 100",
	"select * from (select *, row_number() over (partition by tenant_id order by total desc) as place from orders) x where place <= 3",
	"select count(*), sum(total), max(id) from orders",
	"select state, count(*), avg(total) from orders group by state having sum(total) > 100 order by 2 desc limit 5",
	"select state, count(distinct plan_id) from orders group by rollup (state)",
	"select state, string_agg(ref, ',' order by id) from orders group by state",
	"select distinct state from orders",
	"select distinct on (state) state, id from orders order by state, total desc",
	"select tenant_id from orders union select tenant_id from items",
	"select count(*) from orders where tags && $1 and total > (select avg(total) from orders x where x.tenant_id = orders.tenant_id)",
	"select tenant_id, id from orders except select tenant_id, order_id from items",
	"select id, rank() over (partition by state order by total) from orders",
	"select * from (select state, id, row_number() over (partition by state order by total desc) as place from orders) x where place <= 3",
	"with t as (select state, sum(total) as total from orders group by state) select state, total, total * 100 / (select sum(total) from t) as share from t order by share desc",
	"select p.name, x.n from plans p left join (select plan_id, count(*) as n from orders group by plan_id) x on x.plan_id = p.id",
	"select (select count(*) from orders) as orders, (select count(*) from items) as items",
	"select 'orders' as what, count(*) from orders union all select 'items', count(*) from items",
}

// unscattered are those that are refused there.
var unscattered = []string{
	"select o.id, i.sku from orders o join items i on i.order_id = o.id",
	"select * from orders where total > (select avg(total) from orders x)",
	"select p.name, o.id from plans p left join orders o on o.plan_id = p.id",
	"select * from orders where total > (select avg(total) from orders)",
	"select state, count(*) * 100.0 / (select count(*) from orders) from orders group by state",
	"select sum(r) from (select state, max(ratio) as r from orders group by state) x",
	"select id from orders offset 10",
	"select state, array_agg(id) from orders group by state",
	"select id, random() from orders",
	"select * from orders for update",
	"update orders set total = 0",
}

// describe says in words where a statement goes and what is sent.
func describe(sql string, scope plan.Scope) string {
	p, err := plan.Build(sql, fixture, "app", scope)
	if refused, ok := errors.AsType[*plan.Refusal](err); ok {
		text := fmt.Sprintf("refused (%s): %s", refused.Reason, refused.Detail)
		if refused.Hint != "" {
			text += ". Instead: " + refused.Hint
		}
		return text
	}
	if err != nil {
		return "refused: " + err.Error()
	}
	verdict := map[plan.Target]string{
		plan.ToKey: "the key's shard", plan.ToKeyList: "the keys' shards", plan.ToAny: "any shard",
		plan.ToHome: "the home shard " + string(p.Home),
	}[p.Target]
	if p.Target == plan.ToKeyList && !p.ReadOnly {
		verdict = "the keys' shard, when it is one"
	}
	if p.Text != sql {
		verdict += "; sent as `" + p.Text + "`"
	}
	return verdict
}

func sqlDocument() string {
	var b strings.Builder
	b.WriteString("# Which statements route\n\n" +
		"Written by a test from the statements below (`go test ./internal/plan -run Document -update`), so it is what the code does.\n" +
		"`orders` and `items` are sharded by `tenant_id`, `docs` by the text `org`; `plans` is a reference table; `jobs` has its home on `s0`.\n" +
		"`db.Explain` and `keyway explain` say the same of any statement.\n")
	for _, chapter := range shown {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| statement | goes to |\n|---|---|\n", chapter.title, chapter.says)
		for _, sql := range chapter.statements {
			cell := strings.NewReplacer("|", "\\|").Replace
			fmt.Fprintf(&b, "| `%s` | %s |\n", cell(sql), cell(describe(sql, chapter.scope)))
		}
	}
	b.WriteString("\n## Several shards, through `db.Scatter()`\n\n" +
		"Only when asked by name. Each shard reads the rows whose slots it owns (`own(t)` below stands for that condition), and the result is " +
		"one that a single server with all the rows could give. What a server finishes runs over the rows that the shards sent, `rows` below. " +
		"Sums and averages of floats are refused when the types are known, unless `Approximate` allows them.\n\n| statement | rows are | each shard | a server |\n|---|---|---|---|\n")
	cell := strings.NewReplacer("|", "\\|").Replace
	for _, sql := range scattered {
		how, shard, server := describeScatter(sql)
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", cell(sql), how, cell(shard), cell(server))
	}
	b.WriteString("\nRefused on several shards:\n\n| statement | why |\n|---|---|\n")
	for _, sql := range unscattered {
		how, _, _ := describeScatter(sql)
		fmt.Fprintf(&b, "| `%s` | %s |\n", cell(sql), cell(how))
	}
	return b.String()
}

func TestTheDocumentOfStatementsIsWhatTheCodeDoes(t *testing.T) {
	text := sqlDocument()
	if *update {
		require.NoError(t, os.WriteFile(sqlDoc, []byte(text), 0o644))
	}
	written, err := os.ReadFile(sqlDoc)
	require.NoError(t, err)
	require.Equal(t, string(written), text, "run the test with -update and review the difference")
}

func TestEachChapterOfTheDocumentHoldsWhatItsTitleSays(t *testing.T) {
	for _, chapter := range shown {
		for _, sql := range chapter.statements {
			p, err := plan.Build(sql, fixture, "app", chapter.scope)
			if chapter.title == "Refused" {
				require.Error(t, err, sql)
				continue
			}
			require.NoError(t, err, sql)
			if chapter.scope == plan.Scoped {
				continue
			}
			_, err = p.Bind(nil, shard.Key{})
			if p.Params == 0 {
				require.NoError(t, err, sql)
			}
		}
	}
}
