package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestAKeyIsTheSameHoweverItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "n")
		want := "key " + show(shard.Int64(n))
		for sql, args := range map[string][]any{
			"select * from orders where tenant_id = $1":                      {n},
			"select * from orders where tenant_id = $1::int8":                {fmt.Sprint(n)},
			fmt.Sprintf("select * from orders where tenant_id = %d", n):      nil,
			fmt.Sprintf("select * from orders where tenant_id = '%d'", n):    nil,
			fmt.Sprintf("select * from orders where tenant_id in (%d)", n):   nil,
			fmt.Sprintf("insert into orders (tenant_id) values (%d)", n):     nil,
			"select * from orders where tenant_id = any($1)":                 {[]int64{n, n}},
			"select * from (select tenant_id as k from orders) x where k=$1": {n},
		} {
			if got := route(sql, args...); got != want {
				t.Fatalf("%s: %s, not %s", sql, got, want)
			}
		}
	})
}

func TestTheOrderOfConditionsDoesNotMatter(t *testing.T) {
	conds := []string{"o.tenant_id = i.tenant_id", "i.tenant_id = u.tenant_id", "u.tenant_id = $1", "o.id = 3", "(o.total > 1 or i.qty > 2)",
		"i.sku is not null"}
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.Permutation(conds).Draw(t, "order")
		for i := 0; i+1 < len(list); i++ {
			if rapid.Bool().Draw(t, "parentheses") {
				list[i] = "(" + list[i] + " and " + list[i+1] + ")"
				list = append(list[:i+1:i+1], list[i+2:]...)
			}
		}
		sql := "select * from orders o, items i, users u where " + strings.Join(list, " and ")
		if got := route(sql, 7); got != "key 7" {
			t.Fatalf("%s: %s", sql, got)
		}
		without := strings.Replace(sql, "i.tenant_id = u.tenant_id", "true", 1)
		if got := route(without, 7); got != "refused: no shard key" {
			t.Fatalf("%s: %s", without, got)
		}
	})
}

// From a handful of tables on the equalities are found by an index.
func TestManyTablesArePinnedAlongAnyTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 60).Draw(t, "tables")
		var tables, edges []string
		for i := range n {
			tables = append(tables, fmt.Sprintf("orders o%d", i))
			if i > 0 {
				a, b := i, rapid.IntRange(0, i-1).Draw(t, "neighbour")
				if rapid.Bool().Draw(t, "turned") {
					a, b = b, a
				}
				edges = append(edges, fmt.Sprintf("o%d.tenant_id = o%d.tenant_id", a, b))
			}
		}
		edges = rapid.Permutation(edges).Draw(t, "edges")
		sql := fmt.Sprintf("select 1 from %s where o%d.tenant_id = $1 and ", strings.Join(tables, ", "), rapid.IntRange(0, n-1).Draw(t, "pinned"))
		if got := route(sql+strings.Join(edges, " and "), 7); got != "key 7" {
			t.Fatalf("%s: %s", sql+strings.Join(edges, " and "), got)
		}
		edges[rapid.IntRange(0, n-2).Draw(t, "cut")] = "true"
		if got := route(sql+strings.Join(edges, " and "), 7); got != "refused: no shard key" {
			t.Fatalf("%s: %s", sql+strings.Join(edges, " and "), got)
		}
	})
}

// The equalities of hundreds of tables are walked once for each table. Walked once for each pair, these texts take minutes.
func TestAStatementOfHundredsOfTablesIsPlanned(t *testing.T) {
	const n = 400
	var chain, star, tables []string
	for i := range n {
		tables = append(tables, fmt.Sprintf("orders o%d", i))
		chain = append(chain, fmt.Sprintf("o%d.tenant_id = o%d.tenant_id", i, (i+1)%n))
		star = append(star, fmt.Sprintf("o0.tenant_id = o%d.tenant_id", i))
	}
	from := "select 1 from " + strings.Join(tables, ", ") + " where o0.tenant_id = $1 and "
	start := time.Now()
	require.Equal(t, "key 7", route(from+strings.Join(chain, " and "), 7))
	require.Equal(t, "key 7", route(from+strings.Join(star, " and "), 7))
	require.Less(t, time.Since(start), time.Minute)
}

// FuzzBuild holds that any text gives a plan or a refusal, and that a plan sends the text as it was written unless it is
// an INSERT.
func FuzzBuild(f *testing.F) {
	for _, sql := range []string{pointSelect, "insert into orders (tenant_id) values ($1), (2)", "update orders set total = 1 where tenant_id = any($1)",
		"with x as (table plans) select * from x natural full join orders o(a, b) using (c)", "select (o).*, $1::int[] from orders o, lateral (select o.id) l",
		"delete from orders using items where (tenant_id, id) = ($1, 2) returning *", "select * from (values (1, default)) v(a)"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, scope := range []plan.Scope{plan.Unscoped, plan.Scoped} {
			p, err := plan.Build(sql, fixture, "app", scope)
			var r *plan.Refusal
			switch {
			case err != nil:
				require.Nil(t, p)
				require.True(t, errors.As(err, &r))
				require.NotZero(t, r.Reason)
				require.NotEmpty(t, r.Detail)
			case scope == plan.Unscoped && p.Verb != "INSERT":
				require.Equal(t, sql, p.Text)
			}
		}
	})
}
