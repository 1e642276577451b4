package plan_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// scatter says in words how several shards answer a statement.
func scatter(sql string) string {
	s, err := plan.BuildScatter(sql, fixture, "app", false)
	switch {
	case err != nil:
		return "refused: " + reason(err)
	case s.Combine == 0:
		return "one shard"
	default:
		return s.Combine.String()
	}
}

var ownSlot = regexp.MustCompile(`"?(\w+)"?\."?slot"? between '\d+' and '\d+'`)

// describeScatter says how, what each shard is sent, and what a server does then.
func describeScatter(sql string) (how, text, server string) {
	s, err := plan.BuildScatter(sql, fixture, "app", false)
	if refused, ok := errors.AsType[*plan.Refusal](err); ok {
		how = fmt.Sprintf("%s: %s", refused.Reason, refused.Detail)
		if refused.Hint != "" {
			how += ". Instead: " + refused.Hint
		}
		return how, "", ""
	}
	args := make([]any, s.Params)
	for i := range args {
		args[i] = 1
	}
	if strings.Contains(sql, "any(") {
		args[0] = []int64{7, 8}
	}
	b, err := s.Bind(args)
	if err != nil {
		return err.Error(), "", ""
	}
	text, _ = b.Shard(plan.Unasked, []shard.Range{{Lo: 0, Hi: 99}}, b.Keys, time.Time{})
	how = s.Combine.String()
	if b.Few {
		how += ", of the shards of the list's keys"
	}
	if s.Combine == plan.Finished {
		server = "`" + finalText(s, text) + "`"
	}
	return how, ownSlot.ReplaceAllString(text, "own($1)"), server
}

// finalText is the final query over columns of plain types.
func finalText(s *plan.Scatter, text string) string {
	columns := s.SentColumns()
	if columns == nil {
		head, _, _ := strings.Cut(text, " from ")
		columns = make([]plan.ResultColumn, strings.Count(regexp.MustCompile(`\([^()]*\)`).ReplaceAllString(head, ""), ",")+1)
		for i := range columns {
			columns[i] = plan.ResultColumn{Name: fmt.Sprintf("c%d", i+1), Type: pgtype.Int8OID}
		}
	}
	f, err := s.Final(columns)
	if err != nil {
		return err.Error()
	}
	return written(f)
}

func written(f *plan.Final) string {
	var b strings.Builder
	for _, p := range f.Pieces {
		switch p.Kind {
		case plan.FinalText:
			b.WriteString(p.Text)
		case plan.FinalColumn:
			fmt.Fprintf(&b, "rows.c%d", p.Index+1)
		case plan.FinalParam:
			fmt.Fprintf(&b, "$%d", p.Index+1)
		case plan.FinalFrom:
			b.WriteString("rows")
		}
	}
	return b.String()
}

func checkScatter(t *testing.T, cases [][2]string) {
	t.Helper()
	for _, c := range cases {
		require.Equal(t, c[0], scatter(c[1]), c[1])
	}
}

func TestTheRowsOfEachKeyAreOneShards(t *testing.T) {
	checkScatter(t, [][2]string{
		{"concatenated", "select * from orders"},
		{"one shard", "select * from orders where tenant_id = $1"},
		{"one shard", "select * from plans"},
		{"one shard", "select * from jobs"},
		{"concatenated", "select * from orders o join items i on i.tenant_id = o.tenant_id"},
		{"concatenated", "select * from orders o, items i where i.tenant_id = o.tenant_id"},
		{"refused: not co-located", "select * from orders o join items i on i.order_id = o.id"},
		{"refused: not co-located", "select * from orders o, items i"},
		{"refused: not co-located", "select * from orders o join docs d on d.id = o.id"},
		// The preserved side divides the rows; a reference table on it would send its unmatched rows from every shard.
		{"concatenated", "select * from orders o left join items i on i.tenant_id = o.tenant_id"},
		{"concatenated", "select * from items i right join orders o on i.tenant_id = o.tenant_id"},
		{"concatenated", "select * from orders o left join plans p on p.id = o.plan_id"},
		{"refused: not divided", "select * from plans p left join orders o on p.id = o.plan_id"},
		{"refused: not divided", "select * from orders o right join plans p on p.id = o.plan_id"},
		{"refused: not divided", "select * from orders o full join items i on i.tenant_id = o.tenant_id"},
		{"refused: not co-located", "select * from orders o left join items i on i.order_id = o.id"},
		// Composite keys join by all of their columns.
		{"concatenated", "select * from legs a join legs b using (region, num)"},
		{"refused: not co-located", "select * from legs a join legs b using (region)"},
		{"refused: not co-located", "select * from legs a join legs b on a.num = b.num and a.region = b.region collate \"C\""},
		// A subquery is tied to the row it is for.
		{"concatenated", "select * from orders o where exists (select 1 from items i where i.tenant_id = o.tenant_id)"},
		{"concatenated", "select (select sum(qty) from items i where i.tenant_id = o.tenant_id) from orders o"},
		{"refused: not co-located", "select * from orders o where exists (select 1 from items i where i.order_id = o.id)"},
		{"refused: not co-located", "select * from orders where total > (select avg(total) from orders)"},
		{"concatenated", "select * from orders o where (o.tenant_id, o.id) in (select tenant_id, order_id from items group by 1, 2 having sum(qty) > 3)"},
		{"refused: not co-located", "select * from orders o where o.id in (select order_id from items)"},
		{"refused: not co-located", "select * from orders o where (o.tenant_id, o.id) not in (select tenant_id, order_id from items)"},
		{"refused: inexact", "select (select sum(o.total) from plans) from orders o"},
		// Queries in FROM, whether they show the key or not.
		{"concatenated", "select total from (select total from orders where total > 3) x"},
		{"concatenated", "with w as (select * from orders) select * from w"},
		{"finished by a server", "with w as (select * from orders) select * from w a, w b"},
		{"concatenated", "with w as (select * from orders) select * from w, lateral (select * from items i where i.tenant_id = w.tenant_id limit 1) l"},
		{"finished by a server", "select * from (select * from orders limit 3) x"},
		{"finished by a server", "select * from (select distinct state from orders) x"},
		{"concatenated", "select * from (select distinct tenant_id, state from orders) x"},
		{"finished by a server", "select * from (select state, count(*) from orders group by state) x"},
		{"concatenated", "select n from (select count(*) as n from orders group by tenant_id) x"},
		{"concatenated", "select * from (select rank() over (partition by tenant_id order by total) from orders) x"},
		{"finished by a server", "select * from (select rank() over (order by total) from orders) x"},
	})
}

func TestWhatIsDoneOverTheRowsOfAllShards(t *testing.T) {
	checkScatter(t, [][2]string{
		{"merged in order", "select * from orders order by total limit 3"},
		{"merged in order", "select id from orders order by total + 1 desc nulls last, 1"},
		{"concatenated", "select * from orders limit 3"},
		{"refused: inexact", "select * from orders offset 3"},
		{"merged in order", "select * from orders order by id limit 1 + 1"},
		{"refused: inexact", "select * from orders order by id limit 7 / 2"},
		{"refused: inexact", "select * from orders order by id using <"},
		{"folded", "select count(*), max(total) from orders"},
		{"finished by a server", "select count(*) + 1 from orders"},
		{"finished by a server", "select state, count(*) from orders group by state"},
		{"merged in order", "select tenant_id, count(*) from orders group by 1 order by 2"},
		{"concatenated", "select num, region from legs group by region, num"},
		{"finished by a server", "select region from legs group by region"},
		// The key of the nullable side is NULL on several shards.
		{"finished by a server", "select i.tenant_id, count(*) from orders o left join items i on i.tenant_id = o.tenant_id group by i.tenant_id"},
		{"finished by a server", "select distinct i.tenant_id from orders o left join items i on i.tenant_id = o.tenant_id"},
		{"concatenated", "select distinct o.tenant_id, i.qty from orders o left join items i on i.tenant_id = o.tenant_id"},
		{"concatenated", "select rank() over (partition by tenant_id order by total) from orders"},
		{"finished by a server", "select rank() over (order by total) from orders"},
		{"finished by a server", "select rank() over w, count(*) over (partition by tenant_id) from orders window w as (order by total)"},
		// Over groups a server may compute it, whether or not the groups are by the key.
		{"finished by a server", "select tenant_id, count(*), sum(count(*)) over () from orders group by tenant_id"},
		{"finished by a server", "select tenant_id, rank() over w from orders group by tenant_id window w as (order by sum(total), tenant_id)"},
		{"concatenated", "select tenant_id, state, sum(count(*)) over (partition by tenant_id) from orders group by tenant_id, state"},
		{"finished by a server", "select tenant_id from orders group by rollup (tenant_id)"},
		{"refused: inexact", "select state, id from orders group by state, tenant_id % 2"},
		{"refused: inexact", "select array_agg(id) from orders"},
		{"finished by a server", "select array_agg(id order by id) from orders"},
		{"refused: inexact", "select corr(total, id) from orders"},
		{"refused: inexact", "select state, (select max(id) from plans) from orders group by state"},
		{"refused: inexact", "select sum(total) from orders where total > $1 having sum(total) > $1"},
		{"finished by a server", "select distinct on (state) state, id from orders order by state, id"},
		{"finished by a server", "select id from orders union select order_id from items"},
		{"concatenated", "select id from orders union all select order_id from items"},
		{"finished by a server", "select id from orders union all select id from plans"},
		{"finished by a server", "select id from orders except select order_id from items"},
		{"finished by a server", "(select id from orders order by id limit 1) union all select order_id from items"},
		{"finished by a server", "select count(*) from orders union all select count(*) from items"},
		{"refused: inexact", "select unnest(tags) from orders"},
		{"refused: inexact", "select distinct state from orders order by lower(state)"},
	})
}

func TestWhatEachShardWouldAnswerForItself(t *testing.T) {
	checkScatter(t, [][2]string{
		{"refused: server function", "select random() from orders"},
		{"refused: server function", "select clock_timestamp() from orders"},
		{"refused: server function", "select current_database() from orders"},
		{"refused: server function", "select ctid from orders"},
		{"refused: server function", "select * from orders where state = 'today'"},
		{"refused: server function", "select * from orders where state = '10:00 Tomorrow UTC'"},
		{"concatenated", "select * from orders where state = 'see you tomorrow'"},
		{"refused: server function", "select age(timestamp '2026-01-01') from orders"},
		{"refused: scatter write", "select * from orders for update"},
		{"refused: scatter write", "delete from orders"},
		{"refused: scatter write", "delete from orders where tenant_id = $1"},
		{"refused: server function", "select * from orders tablesample system (1)"},
		{"refused: user function", "select mine(id) from orders"},
	})
	_, text, _ := describeScatter("select now(), id from orders where current_date > date '2026-01-01'")
	require.Equal(t, `select cast($1 as timestamptz) as "now", id from orders where (cast(cast($1 as timestamptz) as date) > date '2026-01-01') and own(orders)`, text)
}

func TestEachShardGetsItsOwnKeysOfAListThatIsUsedOnce(t *testing.T) {
	bind := func(sql string, args ...any) (*plan.Scatter, *plan.ScatterBinding) {
		s, err := plan.BuildScatter(sql, fixture, "app", false)
		require.NoError(t, err)
		b, err := s.Bind(args)
		require.NoError(t, err)
		return s, b
	}
	owned := []shard.Range{{Lo: 0, Hi: 5}, {Lo: 9, Hi: 9}}
	_, b := bind("select * from orders where tenant_id = any($1) and total > $2", []int64{1, 2, 3}, 10)
	require.True(t, b.Few)
	require.Len(t, b.Keys, 3)
	text, args := b.Shard(plan.Unasked, owned, b.Keys[:1], time.Time{})
	require.True(t, b.OwnKeys())
	require.Equal(t, `select * from orders where (tenant_id = any($1) and total > $2) and true`, text, "the rows are those of the shard's keys")
	require.Equal(t, []any{plan.KeyArray{shard.Int64(1)}, 10}, args)
	text, args = b.Shard(plan.Unasked, owned, nil, time.Time{})
	require.Equal(t, `select * from orders where (tenant_id = any($1) and total > $2) and true`, text)
	require.Equal(t, []any{plan.KeyArray(nil), 10}, args)

	// cardinality($1) would change with the list.
	_, b = bind("select cardinality($1::bigint[]) from orders where tenant_id = any($1)", []int64{1, 2, 3})
	text, args = b.Shard(plan.Unasked, owned, b.Keys[:1], time.Time{})
	require.False(t, b.OwnKeys())
	require.Equal(t, `select cardinality($1::bigint[]) from orders where (tenant_id = any($1)) and ("orders"."slot" between '0' and '5' or "orders"."slot" between '9' and '9')`, text)
	require.Equal(t, []int64{1, 2, 3}, args[0])

	// The other arm of a UNION is pinned to other keys.
	_, b = bind("select id from orders where tenant_id = any($1) union all select order_id from items where tenant_id = any($2)", []int64{1, 2}, []int64{3})
	require.False(t, b.OwnKeys())

	_, b = bind("select * from orders where tenant_id = any($1)", []int64{4, 4})
	require.Equal(t, plan.ToKey, b.One.Target)
	_, b = bind("select * from orders where tenant_id = any($1)", []int64{})
	require.Equal(t, plan.ToAny, b.One.Target)

	// Every shard's own LIMIT must reach over the OFFSET, which only the merge may skip.
	_, b = bind("select id from orders order by id limit $1 offset $2", 10, 5)
	text, args = b.Shard(plan.Unasked, nil, nil, time.Time{})
	require.Equal(t, `select id from orders where "orders"."slot"::int4 <@ '{}'::int4multirange  order by id limit  ($1::int8)  offset 0`, text)
	require.Equal(t, []any{int64(15)}, args)
	require.Equal(t, int64(10), b.Limit)
	require.Equal(t, int64(5), b.Offset)
	_, b = bind("select id from orders order by id limit 10 offset 5")
	text, args = b.Shard(plan.Unasked, owned[:1], nil, time.Time{})
	require.Equal(t, `select id from orders where "orders"."slot" between '0' and '5'  order by id limit 15 offset 0`, text)
	require.Empty(t, args)

	s, err := plan.BuildScatter("select id from orders order by id limit $1", fixture, "app", false)
	require.NoError(t, err)
	for _, bad := range []any{-1, "3", 2.5} {
		_, err = s.Bind([]any{bad})
		require.Equal(t, "arguments", reason(err), bad)
	}
}

func TestTypesDecideWhatIsExact(t *testing.T) {
	sum, err := plan.BuildScatter("select sum(ratio) from orders", fixture, "app", false)
	require.NoError(t, err)
	_, err = sum.Final([]plan.ResultColumn{{Name: "sum", Type: pgtype.Float8OID}})
	require.Equal(t, "inexact", reason(err))
	loose, err := plan.BuildScatter("select sum(ratio) from orders", fixture, "app", true)
	require.NoError(t, err)
	_, err = loose.Final([]plan.ResultColumn{{Name: "sum", Type: pgtype.Float8OID}})
	require.NoError(t, err)

	// Nothing is known of the collation of a computed column of a query in FROM.
	s, err := plan.BuildScatter("select distinct x from (select tenant_id, case when total > 1 then body end as x from orders join docs on docs.id = orders.id and false) y", fixture, "app", false)
	require.Nil(t, s)
	require.Error(t, err)
	s, err = plan.BuildScatter("select distinct state collate ci from orders", fixture, "app", false)
	require.NoError(t, err)
	_, err = s.Final([]plan.ResultColumn{{Name: "state", Type: pgtype.TextOID}})
	require.Equal(t, "inexact", reason(err))
	s, err = plan.BuildScatter("select distinct state from orders", fixture, "app", false)
	require.NoError(t, err)
	f, err := s.Final([]plan.ResultColumn{{Name: "state", Type: pgtype.TextOID}})
	require.NoError(t, err)
	require.Equal(t, `select distinct rows.c1 as "state" from rows offset $2 limit $1`, written(f))
}

// TestTheTextForAShardIsWrittenOncePerMap: ranges of one map are the same slice, and other ranges have another text.
func TestTheTextForAShardIsWrittenOncePerMap(t *testing.T) {
	s, err := plan.BuildScatter("select id from orders", fixture, "app", false)
	require.NoError(t, err)
	b, err := s.Bind(nil)
	require.NoError(t, err)
	for i := range 1000 {
		owned := []shard.Range{{Lo: 0, Hi: shard.Slot(i)}}
		text, _ := b.Shard(plan.Unasked, owned, nil, time.Time{})
		require.Contains(t, text, fmt.Sprintf("between '0' and '%d'", i))
		if i%10 == 0 {
			require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = b.Shard(plan.Unasked, owned, nil, time.Time{}) }))
		}
	}
	many := []shard.Range{{Lo: 0, Hi: 1}, {Lo: 3, Hi: 4}, {Lo: 6, Hi: 7}, {Lo: 9, Hi: 10}, {Lo: 12, Hi: 13}}
	text, _ := b.Shard(plan.Unasked, many, nil, time.Time{})
	require.Contains(t, text, "'{[0,1],[3,4],[6,7],[9,10],[12,13]}'::int4multirange")
}

// TestEveryQueryOverShardedTablesAsks: each SELECT that reads one, and the whole statement whatever it reads from.
func TestEveryQueryOverShardedTablesAsks(t *testing.T) {
	for sql, times := range map[string]int{
		"select id from orders":                                                                                      1,
		"select id from orders where tenant_id = any($1)":                                                            1,
		"select id from orders union all select order_id from items":                                                 2,
		"select o.id from orders o left join items i on i.tenant_id = o.tenant_id":                                   1,
		"select id from orders o where not exists (select from items i where i.tenant_id = o.tenant_id)":             2,
		"select x.tenant_id from (select tenant_id, count(*) from orders group by tenant_id) x":                      2,
		"with w as (select tenant_id, id from orders) select w.id from w":                                            2,
		"select p.id from plans p join (select tenant_id, id from orders) o on o.id = p.id where p.name is not null": 2,
		"select count(*) from orders":                                                                                1,
		"select (select count(*) from orders), (select sum(qty) from items)":                                         2,
		"select id from orders intersect select order_id from items":                                                 2,
		"select tenant_id from orders intersect select tenant_id from items":                                         2,
		"select rank() over (order by total) from orders":                                                            1,
		"with w as (select state, count(*) as n from orders group by state) select * from w a, w b":                  1,
		"select state, count(*) from orders group by state":                                                          1,
	} {
		s, err := plan.BuildScatter(sql, fixture, "app", false)
		require.NoError(t, err, sql)
		args := make([]any, s.Params)
		if len(args) > 0 {
			args[0] = []int64{1, 2, 3}
		}
		b, err := s.Bind(args)
		require.NoError(t, err, sql)
		owned := []shard.Range{{Lo: 0, Hi: 5}, {Lo: 9, Hi: 9}}
		quick, _ := b.Shard(plan.Quickly, owned, b.Keys, time.Time{})
		require.Equal(t, times, strings.Count(quick, plan.NotOwned), quick)
		require.Equal(t, times, strings.Count(quick, "exists (select from keyway.owned where lo <= 0 and hi >= 5) and exists (select from keyway.owned where lo <= 9 and hi >= 9)"), quick)
		thorough, _ := b.Shard(plan.Thoroughly, owned, b.Keys, time.Time{})
		require.Equal(t, times, strings.Count(thorough, "@> '{[0,5],[9,9]}'::int4multirange"), thorough)
		plain, _ := b.Shard(plan.Unasked, owned, b.Keys, time.Time{})
		require.NotContains(t, plain, "keyway.owned")
	}
}
