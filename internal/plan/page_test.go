package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// paged is a registry whose columns say what may be NULL.
var paged = func() *catalog.Registry {
	orders := table(catalog.Sharded, "orders", key("tenant_id", shard.Int8), "tenant_id bigint", "id bigint", "total integer", "at timestamp with time zone",
		"name text", "loose text", "doc jsonb", "days date[]", "slot smallint")
	items := table(catalog.Sharded, "items", key("tenant_id", shard.Int8), "tenant_id bigint", "order_id bigint", "n integer", "slot smallint")
	plans := table(catalog.Reference, "plans", nil, "id integer", "name text")
	for _, t := range []*catalog.Table{orders, items, plans} {
		for i := range t.Columns {
			c := &t.Columns[i]
			c.NotNull = strings.HasSuffix(c.Name, "id") || c.Name == "n" || c.Name == "at" || c.Name == "slot"
			c.Loose = c.Name == "loose"
		}
	}
	return catalog.NewRegistry(1, orders, items, plans)
}()

// pagedUnique is what the servers would say.
func pagedUnique(t *catalog.Table) [][]string {
	return map[string][][]string{
		"orders": {{"tenant_id", "id"}, {"loose"}, {"tenant_id", "total"}}, "items": {{"tenant_id", "order_id", "n"}}, "plans": {{"id"}, {"name"}},
	}[t.Name]
}

func pageOf(t *testing.T, sql string, scope plan.Scope) *plan.Page {
	t.Helper()
	p, err := plan.BuildPage(sql, paged, "app", scope)
	require.NoError(t, err, sql)
	return p
}

func TestAPageAsksForTheRowsBehindARow(t *testing.T) {
	v := func(texts ...string) []*string {
		var list []*string
		for i := range texts {
			if texts[i] == "NULL" {
				list = append(list, nil)
			} else {
				list = append(list, &texts[i])
			}
		}
		return list
	}
	for _, c := range []struct {
		order string
		after []*string
		want  string
	}{
		{"tenant_id, id", v("1", "2"), "(tenant_id, id) > ($2::bigint, $3::bigint)"},
		{"at desc, tenant_id desc, id desc", v("2020-01-01 00:00:00+00", "1", "2"), "(at, tenant_id, id) < ($2::timestamptz, $3::bigint, $4::bigint)"},
		{"at desc, tenant_id, id", v("now", "1", "2"),
			"at <= $2::timestamptz and (at < $2::timestamptz or at = $2::timestamptz and ((tenant_id, id) > ($3::bigint, $4::bigint)))"},
		{"total, tenant_id, id", v("5", "1", "2"),
			"(total > $2::integer or total is null) or total = $2::integer and ((tenant_id, id) > ($3::bigint, $4::bigint))"},
		{"total, tenant_id, id", v("NULL", "1", "2"), "total is null and ((tenant_id, id) > ($2::bigint, $3::bigint))"},
		{"total desc, tenant_id, id", v("5", "1", "2"),
			"total <= $2::integer and (total < $2::integer or total = $2::integer and ((tenant_id, id) > ($3::bigint, $4::bigint)))"},
		{"total desc, tenant_id, id", v("NULL", "1", "2"), "total is not null or total is null and ((tenant_id, id) > ($2::bigint, $3::bigint))"},
		{"tenant_id, id, total", v("1", "2", "NULL"),
			"tenant_id >= $2::bigint and (tenant_id > $2::bigint or tenant_id = $2::bigint and (id > $3::bigint or id = $3::bigint and (false)))"},
		{`name collate "C" desc nulls last, 1, o.id`, v("x", "1", "2"),
			`(name collate "C" < $2::text or name collate "C" is null) or name collate "C" = $2::text and ((tenant_id, o.id) > ($3::bigint, $4::bigint))`},
	} {
		sql := "select tenant_id, id as total2 from orders o where total > $1 or total < 0 order by " + c.order
		text, args := pageOf(t, sql, plan.Unscoped).Text(11, c.after)
		_, text, _ = strings.Cut(text, " where ")
		where, _, _ := strings.Cut(text, " order by ")
		require.Equal(t, "(total > $1 or total < 0) and ("+c.want+")", where)
		require.True(t, strings.HasSuffix(text, c.order+" limit 11"), text)
		n := 0
		for _, x := range c.after {
			if x != nil {
				require.Equal(t, *x, args[n])
				n++
			}
		}
		require.Len(t, args, n)
	}
	text, args := pageOf(t, "select * from orders o -- all\norder by o.tenant_id, o.id", plan.Unscoped).Text(3, v("1", "2"))
	require.Equal(t, "select *, array[(o.tenant_id)::text, (o.id)::text] as keyway_page from orders o where (o.tenant_id, o.id) > ($1::bigint, $2::bigint) -- all\n"+
		"order by o.tenant_id, o.id limit 3", text)
	require.Equal(t, []any{"1", "2"}, args)
}

func TestTheOrderOfPagesIsProvenToBeTotal(t *testing.T) {
	for _, c := range []struct {
		sql   string
		scope plan.Scope
		lacks string // "" when it is total
	}{
		{"select from orders order by total", 0, "unread"},
		{"select 1 from orders order by id", 0, "add orders.tenant_id, orders.id to"},
		{"select 1 from orders order by id", plan.Scoped, ""},
		{"select 1 from orders where tenant_id = $1 order by id", 0, ""},
		{"select 1 from orders where tenant_id = any($1) order by id", 0, "add orders.tenant_id, orders.id to"},
		{"select 1 from orders where tenant_id = $1 or true order by id", 0, "add"},
		{"select 1 from orders order by tenant_id, total", 0, "add"}, // may be NULL twice
		{"select 1 from orders order by tenant_id, loose", 0, "add"},
		{"select 1 from orders order by total, tenant_id desc, id nulls first", 0, ""},
		{"select o.id from orders o join items i on i.tenant_id = o.tenant_id and i.order_id = o.id order by o.tenant_id, o.id, i.n", 0, ""},
		{"select o.id from orders o join items i on i.tenant_id = o.tenant_id and i.order_id = o.id order by i.tenant_id, i.order_id, i.n", 0, ""},
		{"select o.id from orders o join items i on i.tenant_id = o.tenant_id order by o.tenant_id, o.id, i.n", 0, "add i.tenant_id, i.order_id, i.n to"},
		{"select o.id from orders o left join items i on i.tenant_id = o.tenant_id and i.order_id = o.id order by o.tenant_id, o.id, i.n", 0, ""},
		{"select o.id from orders o, plans p order by o.tenant_id, o.id", 0, "add p.id to"},
		{"select o.id from orders o, plans p where p.id = 7 order by o.tenant_id, o.id", 0, ""},
		{"select name from plans order by name", 0, "add plans.id to"}, // unique, but may be NULL twice
		{"select name from plans order by id", 0, ""},
		{"select 1 from orders order by doc, tenant_id, id", 0, "unread"},
		{"select 1 from orders order by days, tenant_id, id", 0, "unread"},
		{"select upper(name), tenant_id, id, name as upper2 from orders order by upper, tenant_id, id", 0, "unread"},            // the output's name
		{"select i.* from orders o left join items i using (tenant_id) order by tenant_id, i.order_id, i.n, o.id", 0, "unread"}, // i's, not the join's
		{"select i.* from orders o join items i on i.tenant_id = o.tenant_id order by i.tenant_id, i.order_id, i.n, o.id", 0, ""},
		{"select 1 from orders o full join plans p on p.id = o.id order by tenant_id, o.id, p.id", 0, "unread"},
	} {
		p, err := plan.BuildPage(c.sql, paged, "app", c.scope)
		if err != nil {
			require.Equal(t, "unread", c.lacks, "%s: %v", c.sql, err)
			continue
		}
		err = p.Total(pagedUnique)
		if c.lacks == "" {
			require.NoError(t, err, c.sql)
			continue
		}
		require.ErrorContains(t, err, c.lacks, c.sql)
	}
}

func TestATypeThatPagesAreNotReadOnByHasAWayOut(t *testing.T) {
	for _, column := range []string{"doc", "days"} {
		_, err := plan.BuildPage("select 1 from orders order by "+column+", tenant_id, id", paged, "app", plan.Unscoped)
		require.ErrorContains(t, err, "make a generated column of its places: CASE column WHEN")
	}
}

func TestAPageAsksNoShardForMoreRowsThanItHas(t *testing.T) {
	for _, order := range []string{"tenant_id, id", "name desc, tenant_id, id", "at, total, tenant_id, id"} {
		p := pageOf(t, "select o.id, total from orders o where total > $1 order by "+order, plan.Unscoped)
		text, more := p.Text(11, make([]*string, len(p.Order)))
		s, err := plan.BuildScatter(text, paged, "app", false)
		require.NoError(t, err)
		require.Equal(t, plan.Ordered, s.Combine)
		b, err := s.Bind(append([]any{7}, more...))
		require.NoError(t, err)
		sent, _ := b.Shard(plan.Unasked, []shard.Range{{Lo: 0, Hi: 99}}, nil, time.Time{})
		require.True(t, strings.HasSuffix(sent, " limit 11"), sent)
	}
}
