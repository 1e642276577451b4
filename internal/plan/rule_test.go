package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// routed is a statement, its arguments, and where it must go, in the words of route.
type routed struct {
	want string
	sql  string
	args []any
}

func check(t *testing.T, cases []routed) {
	t.Helper()
	for _, c := range cases {
		assert.Equal(t, c.want, route(c.sql, c.args...), c.sql)
	}
}

func with(args ...any) []any { return args }

func TestAnEqualityAtTheTopOfWherePins(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders where tenant_id = $1", with(7)},
		{"key 7", "select * from orders where $1 = tenant_id", with(7)},
		{"key 7", "select * from orders where tenant_id = 7", nil},
		{"key 7", "select * from orders where tenant_id = '7'", nil},
		{"key -7", "select * from orders where tenant_id = -7", nil},
		{"key 7", "select * from orders where tenant_id = 007", nil},
		{"key 7", "select * from orders where id = 3 and (state = 'x' and (tenant_id = $1))", with(7)},
		{"key 7", "select * from app.orders where orders.tenant_id = $1", with(7)},
		{"key 7", "select * from app.orders where app.orders.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o where o.tenant_id = $1", with(7)},
		{"key 7", `select * from "orders" as "O" where "O"."tenant_id" = $1`, with(7)},
		{"key 7", "SELECT * FROM Orders WHERE Tenant_ID = $1;", with(7)},
		{"key 7", "select * from only orders where tenant_id = $1", with(7)},
		{"key 7", "select * from orders where tenant_id in ($1)", with(7)},
		{"key 7", "select * from orders where tenant_id operator(pg_catalog.=) $1", with(7)},
		{"key 7", "select * from users where tenant_id = $1", with(int32(7))},
		{"key acme", "select * from docs where org = $1", with("acme")},
		{"key acme", "select * from docs where org = 'acme'", nil},
		{"key ac'me", "select * from docs where org = 'ac''me'", nil},
		{"key a/*b*/", "select * from docs where org = $$a/*b*/$$ /* org = 'x' */ -- org = 'y'", nil},
		{"key [1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0]", "select * from devices where uid = $1", with([16]byte{1})},
		{"key [1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0]", "select * from devices where uid = '01000000-0000-0000-0000-000000000000'", nil},
		{"key 01000000-0000-0000-0000-000000000000", "select * from seats where uid = $1", with([16]byte{1})},
		{"key [1 2]", "select * from blobs where hash = $1", with([]byte{1, 2})},
		{`key [1 2]`, `select * from blobs where hash = '\x0102'`, nil},
	})
	assert.Equal(t, "refused: no shard key", route("table orders"))
}

// An occurrence without an equality holds rows of every tenant: on one shard some would be missing.
func TestWithoutAnEqualityOnTheKeyTheStatementIsRefused(t *testing.T) {
	check(t, []routed{
		{"refused: no shard key", "select * from orders", nil},
		{"refused: no shard key", "select * from orders where id = $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id > $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id <> $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id is null", nil},
		{"refused: no shard key", "select * from orders where tenant_id is not distinct from $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id between $1 and $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id + 0 = $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id = $1 + 0", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id = id", nil},
		{"refused: no shard key", "select * from orders where tenant_id = all($1)", with([]int64{7})},
		{"refused: no shard key", "select * from orders where tenant_id = (select 7)", nil},
		{"refused: no shard key", "select * from orders where tenant_id in (select tenant_id from plans)", nil},
		{"refused: no shard key", "select * from orders where (tenant_id = $1) is true", with(7)},
		{"refused: no shard key", "select * from orders where coalesce(tenant_id, 1) = $1", with(7)},
		{"refused: no shard key", "select tenant_id = $1 from orders", with(7)},
		{"refused: no shard key", "select tenant_id, count(*) from orders group by 1 having tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from docs where org like 'acme'", nil},
		{"refused: no shard key", "update orders set total = 1 where id = $1", with(7)},
		{"refused: no shard key", "delete from orders", nil},
	})
}

// a = 1 OR b = 2 holds for rows of every tenant; NOT (k = 1) for all but one.
func TestOrAndNotNeverPin(t *testing.T) {
	check(t, []routed{
		{"refused: key under OR", "select * from orders where tenant_id = $1 or id = 3", with(7)},
		{"refused: key under OR", "select * from orders where tenant_id = $1 or tenant_id = $1", with(7)},
		{"refused: key under OR", "select * from orders where not tenant_id = $1", with(7)},
		{"refused: key under OR", "select * from orders where not (tenant_id <> $1)", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id not in ($1)", with(7)},
		{"key 7", "select * from orders where tenant_id = $1 and (id = 1 or id = 2)", with(7)},
		{"key 7", "select * from orders where tenant_id = $1 and (tenant_id = 8 or id = 2)", with(7)},
	})
}

// 9007199254740992 and 9007199254740993 are one as floats, 'ab' and 'abc' one as varchar(2), 'a' and 'a ' one as char(n):
// such a condition matches rows of two tenants.
func TestACastOutsideTheFamilyNeverPins(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders where tenant_id = $1::bigint", with(7)},
		{"key 7", "select * from orders where tenant_id = cast($1 as int4)", with(7)},
		{"key 7", "select * from orders where tenant_id = $1::pg_catalog.int8", with(7)},
		{"key 7", "select * from orders where tenant_id = $1::int4::int8", with(7)},
		{"key 7", "select * from orders where tenant_id = '7'::bigint", nil},
		{"key acme", "select * from docs where org = $1::text", with("acme")},
		{"key acme", "select * from docs where org = $1::varchar", with("acme")},
		{"key acme", "select * from docs where org = text 'acme'", nil},
		{"refused: no shard key", "select * from orders where tenant_id::int4 = $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id::text = $1", with("7")},
		{"refused: no shard key", "select * from orders where tenant_id::float8 = $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id = $1::float8", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id = $1::numeric", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id = 7.0", nil},
		{"refused: no shard key", "select * from orders where tenant_id = 7::numeric", nil},
		{"refused: no shard key", "select * from docs where org = $1::varchar(2)", with("acme")},
		{"refused: no shard key", "select * from docs where org = $1::char(2)", with("acme")},
		{"refused: no shard key", "select * from docs where org = $1::bpchar", with("acme")},
		{"refused: no shard key", "select * from docs where org = $1::name", with("acme")},
		{"refused: no shard key", `select * from docs where org = $1::"char"`, with("acme")},
		{"refused: no shard key", "select * from docs where org = $1::app.text", with("acme")},
		{"refused: no shard key", "select * from docs where org = 7::text", nil},
		{"refused: no shard key", "select * from docs where org = 7", nil},
		{"refused: no shard key", "select * from devices where uid = $1::text::uuid", with("x")},
	})
}

// Under another collation 'Acme' = 'acme', which are two tenants; an operator of the schema may mean anything.
func TestACollationOrAnotherOperatorNeverPins(t *testing.T) {
	check(t, []routed{
		{"refused: no shard key", `select * from docs where org = $1 collate "und-x-icu"`, with("acme")},
		{"refused: no shard key", `select * from docs where org collate "C" = $1`, with("acme")},
		{"refused: user operator", "select * from docs where org operator(app.=) $1", with("acme")},
		{"refused: no shard key", "select * from orders where tenant_id operator(pg_catalog.<=) $1", with(7)},
	})
}

// PostgreSQL gives $1 one type in the whole statement. Beside a float it is a float, and then k = $1 compares floats:
// the rows of two tenants match (sqrt takes a float, ratio is one).
func TestAParameterThatMayGetAnotherTypeElsewhereNeverPins(t *testing.T) {
	check(t, []routed{
		{"refused: no shard key", "select sqrt($1) from orders where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders where ratio = $1 and tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders where ref = $1 and tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders where price = $1 and tenant_id = $1", with(7)},
		{"refused: no shard key", "select $1 from orders where tenant_id = $1", with(7)},
		{"refused: no shard key", "select $1::float8 from orders where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders where total in ($1, 1.5) and tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from plans p join orders o on o.tenant_id = $1 where p.fee > $1", with(7)},
		{"refused: no shard key", "select cardinality($1) from orders where tenant_id = any($1)", with([]int64{7})},
		{"key 7", "select * from orders where total = $1 and tenant_id = $1", with(7)},
		{"key 7", "select * from orders where id in ($1, 2) and tenant_id = $1", with(7)},
		{"key 7", "select $1::int8 from orders where tenant_id = $1 limit $2", with(7, 3)},
		{"key 7", "select * from orders where tenant_id = $1 limit $1", with(7)},
		{"key 7", "update orders set plan_id = $1 where tenant_id = $1", with(7)},
		{"refused: no shard key", "update orders set ratio = $1 where tenant_id = $1", with(7)},
		{"refused: no shard key", "insert into orders (ratio, tenant_id) values ($1, $1)", with(7)},
		{"key 7", "insert into orders (id, tenant_id) values ($1, $1)", with(7)},
	})
}

// A text column that is no key may have a collation under which two keys are equal, char(n) ignores blanks and a real
// rounds: through them two tenants would be in one class.
func TestOnlyColumnsThatCompareExactlyPassAnEqualityOn(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders o join plans p on p.tenant_id = o.tenant_id where p.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders o join plans p on p.fee = o.tenant_id where p.fee = $1", with(7)},
		{"refused: no shard key", "select * from docs d join countries c on c.code = d.org where c.code = $1", with("de")},
		{"refused: no shard key", "select * from docs d where d.org = d.body and d.body = $1", with("de")},
		{"key 7", "select * from orders o, users u where o.tenant_id = u.tenant_id and u.tenant_id = $1", with(7)},
		{"key eu", "select * from docs d, codes c where d.org = c.code and c.code = 'eu'", nil},
	})
}

func TestEveryOccurrenceMustBePinnedToTheSameKey(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders o join items i on i.tenant_id = o.tenant_id where o.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o join items i on i.tenant_id = o.tenant_id and i.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o join items i using (tenant_id) where tenant_id = $1", with(7)},
		{"key 7", "select * from orders o natural join items i where tenant_id = $1", with(7)},
		{"key 7", "select * from orders o, items i where o.tenant_id = $1 and i.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o, items i where o.tenant_id = $1 and i.tenant_id = $2", with(7, 7)},
		{"bind: many keys", "select * from orders o, items i where o.tenant_id = $1 and i.tenant_id = $2", with(7, 8)},
		{"refused: many keys", "select * from orders o, items i where o.tenant_id = 7 and i.tenant_id = 8", nil},
		{"refused: no shard key", "select * from orders o, items i where o.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders o join items i on i.order_id = o.id where o.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders o, orders p where o.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o join items i on (i.tenant_id, i.order_id) = (o.tenant_id, o.id) where o.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o join plans p on p.id = o.plan_id where o.tenant_id = $1", with(7)},
		{"key 7", "select * from orders, plans where orders.tenant_id = $1", with(7)},
		{"bind: many keys", "select * from orders o, docs d where o.tenant_id = $1 and d.org = $2", with(7, "acme")},
	})
}

// Rows of a that match nothing are in the result whatever ON says of a: the ON pins b only.
func TestTheOnOfAnOuterJoinPinsItsNullableSideOnly(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders a left join items b on b.tenant_id = a.tenant_id where a.tenant_id = $1", with(7)},
		{"key 7", "select * from orders a left join items b using (tenant_id) where tenant_id = $1", with(7)},
		{"key 7", "select * from orders a left join items b on b.tenant_id = $1 where a.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders a left join items b on b.tenant_id = a.tenant_id and a.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders a left join items b on b.tenant_id = a.tenant_id and b.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders a left join items b on a.tenant_id = $1 and b.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders a left join items b on b.tenant_id = a.tenant_id where b.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders a left join items b on b.order_id = a.id where a.tenant_id = $1", with(7)},
		{"key 7", "select * from items b right join orders a on b.tenant_id = a.tenant_id where a.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from items b right join orders a on b.tenant_id = a.tenant_id and a.tenant_id = $1", with(7)},
		{"key 7", "select * from orders a left join items b on b.tenant_id = a.tenant_id left join users c on c.tenant_id = b.tenant_id where a.tenant_id = $1", with(7)},
		{"key 7", "select * from orders a left join (items b join users c on c.tenant_id = b.tenant_id) on b.tenant_id = a.tenant_id where a.tenant_id = $1", with(7)},
		{"key 7", "select * from plans p left join orders a on a.tenant_id = $1 and a.plan_id = p.id", with(7)},
		{"key 7", "select * from plans p left join orders a on a.tenant_id = p.tenant_id and p.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from plans p right join orders a on a.tenant_id = $1 and a.plan_id = p.id", with(7)},
	})
}

// A FULL JOIN keeps the rows of both sides that match nothing.
func TestTheOnOfAFullJoinPinsNothing(t *testing.T) {
	check(t, []routed{
		{"refused: no shard key", "select * from orders a full join items b on b.tenant_id = a.tenant_id and a.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders a full join items b on b.tenant_id = a.tenant_id where a.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders a full join items b using (tenant_id) where tenant_id = $1", with(7)},
		{"key 7", "select * from orders a full join items b on b.order_id = a.id where a.tenant_id = $1 and b.tenant_id = $1", with(7)},
	})
}

// Inside a subquery an outer column is a constant, but a name without a table binds to the innermost table that has it.
func TestCorrelationPinsASubqueryAndInnermostNamesWin(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders o where o.tenant_id = $1 and exists (select 1 from items i where i.tenant_id = o.tenant_id)", with(7)},
		{"key 7", "select (select count(*) from items i where i.tenant_id = o.tenant_id) from orders o where o.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o where o.tenant_id = $1 and o.id in (select order_id from items where tenant_id = $1)", with(7)},
		{"key 7", "select * from orders o where o.tenant_id = $1 and not exists (select 1 from items i where i.tenant_id = o.tenant_id and exists (select 1 from users u where u.tenant_id = i.tenant_id))", with(7)},
		// tenant_id = tenant_id compares the column with itself: the subquery sees every tenant.
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and exists (select 1 from items where tenant_id = tenant_id)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.id in (select order_id from items)", with(7)},
		// The subquery's own equalities do not speak for the outer row.
		{"refused: no shard key", "select * from orders o where exists (select 1 from items i where i.tenant_id = o.tenant_id and i.tenant_id = $1)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id in (select tenant_id from items where tenant_id = $1)", with(7)},
		// users has tenant_id, adopted has n: the unqualified n is adopted's own.
		{"refused: no shard key", "select * from users u where u.tenant_id = $1 and exists (select 1 from adopted where n = u.tenant_id)", with(7)},
		// plans has a tenant_id of its own: the outer one is hidden.
		{"key 7", "select * from orders where orders.tenant_id = $1 and exists (select 1 from plans where tenant_id = 3)", with(7)},
		{"refused: no shard key", "select * from orders where exists (select 1 from plans where tenant_id = $1)", with(7)},
	})
}

// orders as o(id, tenant_id) calls the key id and the order's number tenant_id.
func TestColumnAliasesMoveTheKey(t *testing.T) {
	check(t, []routed{
		{"refused: no shard key", "select * from orders as o(id, tenant_id) where tenant_id = $1", with(7)},
		{"key 7", "select * from orders as o(id, tenant_id) where id = $1", with(7)},
		{"key 7", "select * from orders as o(k) where k = $1", with(7)},
		{"refused: unknown column", "select * from orders as o(k) where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select tenant_id, id from orders) as o(id, tenant_id) where tenant_id = $1", with(7)},
		{"key 7", "with o(id, tenant_id) as (select tenant_id, id from orders where tenant_id = $1) select * from o where tenant_id = 3", with(7)},
	})
}

// Filtering after LIMIT, DISTINCT ON, a window or an aggregate is not filtering before: the two largest orders of all
// tenants are not the two largest of tenant 7.
func TestAPinEntersADerivedTableOnlyWhereFilteringBeforeIsTheSame(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from (select * from orders) x where tenant_id = $1", with(7)},
		{"key 7", "select * from (select tenant_id as k, id from orders) x where k = $1", with(7)},
		{"key 7", "select * from (select distinct tenant_id, state from orders) x where tenant_id = $1", with(7)},
		{"key 7", "select * from (select tenant_id, count(*) from orders group by tenant_id) x where tenant_id = $1", with(7)},
		{"key 7", "select * from (select tenant_id, count(*) from orders group by 1) x where tenant_id = $1", with(7)},
		{"key 7", "select * from (select * from (select * from orders) y) x where tenant_id = $1", with(7)},
		{"key 7", "select * from items i join (select * from orders) x on x.tenant_id = i.tenant_id where i.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select * from orders order by total desc limit 2) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select * from orders offset 2) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select * from orders order by total fetch first 2 rows with ties) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select distinct on (state) * from orders order by state, total) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select *, count(*) over () from orders) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select *, sum(total) over w from orders window w as (partition by state)) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select min(tenant_id) as tenant_id, count(*) from orders) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select tenant_id from orders group by rollup (tenant_id)) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select tenant_id from orders for update) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select tenant_id from orders union select tenant_id from items) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select tenant_id + 0 as tenant_id from orders) x where tenant_id = $1", with(7)},
		// A CTE that is read once is like a derived table; a condition on one reading says nothing of another.
		{"key 7", "with x as (select * from orders) select * from x where tenant_id = $1", with(7)},
		{"refused: no shard key", "with x as (select * from orders) select * from x, x y where x.tenant_id = $1", with(7)},
		{"refused: no shard key", "with x as (select * from orders) select * from x where tenant_id = $1 and exists (select 1 from x)", with(7)},
		{"refused: no shard key", "with x as (select * from orders limit 3) select * from x where tenant_id = $1", with(7)},
		// A window keeps tenants apart when each of its partitions is of one tenant.
		{"key 7", "select * from (select *, count(*) over (partition by state, tenant_id) from orders) x where tenant_id = $1", with(7)},
		{"key 7", "select * from (select *, sum(total) over (w order by id) from orders window w as (partition by tenant_id)) x where tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select *, count(*) over (partition by tenant_id), count(*) over () from orders) x where tenant_id = $1", with(7)},
		// The column of an outer row that a lateral query passes on is there when the query has no rows.
		{"refused: no shard key", "select * from orders o left join lateral (select o.tenant_id as k) l on l.k = $1", with(7)},
	})
}

// What a derived table or CTE passes on unchanged is pinned outside as it is inside.
func TestABareOutputColumnCarriesItsPinOutwards(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from (select tenant_id as k from orders where tenant_id = $1 limit 3) x join items i on i.tenant_id = x.k", with(7)},
		{"key 7", "with o as (select tenant_id from orders where tenant_id = $1) select * from o join items i using (tenant_id)", with(7)},
		{"key 7", "with o as (select tenant_id from orders where tenant_id = $1) select * from o a, o b join items i on i.tenant_id = b.tenant_id", with(7)},
		{"refused: no shard key", "with o as (select tenant_id + 0 as k from orders where tenant_id = $1) select * from o join items i on i.tenant_id = o.k", with(7)},
		{"refused: no shard key", "with o as (select max(tenant_id) as k from orders where tenant_id = $1) select * from o join items i on i.tenant_id = o.k", with(7)},
		{"key 7", "select * from orders o, lateral (select * from items i where i.tenant_id = o.tenant_id limit 3) l where o.tenant_id = $1", with(7)},
		{"refused: unknown column", "select * from orders o, (select * from items i where i.tenant_id = o.tenant_id limit 3) l where o.tenant_id = $1", with(7)},
	})
}

func TestEachArmOfASetOperationIsPinnedByItself(t *testing.T) {
	check(t, []routed{
		{"key 7", "select id from orders where tenant_id = $1 union select order_id from items where tenant_id = $1", with(7)},
		{"key 7", "(select id from orders where tenant_id = $1 order by id limit 1) union all select 1 order by 1 limit 3", with(7)},
		{"refused: no shard key", "select id from orders where tenant_id = $1 union select order_id from items", with(7)},
		{"refused: no shard key", "select id from orders where tenant_id = $1 except select order_id from items where order_id = $1", with(7)},
		{"bind: many keys", "select id from orders where tenant_id = $1 union select order_id from items where tenant_id = $2", with(7, 8)},
		{"key 7", "values (1) union select id from orders where tenant_id = $1", with(7)},
	})
}

// select count(*) from t where k = 1 and k = 2 is one row with 0 everywhere, but a LEFT JOIN whose ON contradicts itself
// keeps the rows of its other side, which are on one shard only.
func TestContradictoryKeysGoAnywhereAndSoDoKeysThatMatchNothing(t *testing.T) {
	check(t, []routed{
		{"any", "select count(*) from orders where tenant_id = 1 and tenant_id = 2", nil},
		{"any", "select count(*) from orders where tenant_id = $1 and tenant_id = $2", with(1, 2)},
		{"key 1", "select count(*) from orders where tenant_id = $1 and tenant_id = $2", with(1, 1)},
		{"any", "select count(*) from orders where tenant_id = $1 and tenant_id = 2", with(1)},
		{"any", "select count(*) from orders where tenant_id = null", nil},
		{"any", "delete from orders where tenant_id = 1 and tenant_id = 2", nil},
		{"any", "select * from orders o join items i on i.tenant_id = o.tenant_id where o.tenant_id = 1 and i.tenant_id = 2", nil},
		{"key 1", "select * from orders o left join items i on i.tenant_id = o.tenant_id and i.tenant_id = 2 where o.tenant_id = 1", nil},
		{"key 1", "select * from orders o left join items i on i.tenant_id = $2 and i.tenant_id = $3 where o.tenant_id = $1", with(1, 2, 3)},
		{"any", "select count(*) from orders where tenant_id = any($1)", with([]int64{})},
		{"any", "select count(*) from orders where tenant_id = any($1)", with([]int64(nil))},
		{"any", "select count(*) from orders where tenant_id in (null, null)", nil},
		{"bind: key error", "select count(*) from orders where tenant_id = $1", with(nil)},
	})
}

func TestListsOfKeys(t *testing.T) {
	five := int64(5)
	check(t, []routed{
		{"list 1 2", "select * from orders where tenant_id in (1, $1, 1)", with(2)},
		{"list 1 2", "select * from orders where tenant_id = any($1)", with([]int64{1, 2, 1})},
		{"list 1 2", "select * from orders where tenant_id = any($1)", with([]int{1, 2})},
		{"list 1 2", "select * from orders where tenant_id = any($1)", with([]any{1, int32(2), nil})},
		{"list 1 5", "select * from orders where tenant_id = any($1)", with([]*int64{new(int64(1)), nil, &five})},
		{"list 1 2", "select * from orders where tenant_id = any($1::bigint[])", with([]string{"1", "2"})},
		{"key 1", "select * from orders where tenant_id = any($1)", with([]int64{1, 1})},
		{"key 1", "select * from orders where tenant_id = any($1) and tenant_id = $2", with([]int64{1, 2}, 1)},
		{"list 1 2", "select * from orders o join items i using (tenant_id) where tenant_id = any($1)", with([]int64{1, 2})},
		{"list 1 2 3", "select * from orders o, items i where o.tenant_id = any($1) and i.tenant_id in ($2, 3)", with([]int64{1, 2}, 2)},
		{"list 1 2 3", "select * from orders o, items i where o.tenant_id = any($1) and i.tenant_id = $2", with([]int64{1, 2}, 3)},
		{"key 2", "select * from orders o, items i where o.tenant_id = any($1) and i.tenant_id = $2", with([]int64{}, 2)},
		{"list acme bolt", "select * from docs where org = any($1)", with([]string{"acme", "bolt"})},
		{"bind: key error", "select * from orders where tenant_id = any($1)", with([]string{" 1"})},
		{"bind: key error", "select * from orders where tenant_id = any($1)", with([]float64{1})},
		{"bind: key error", "select * from orders where tenant_id = any($1)", with("{1,2}")},
		{"bind: key error", "select * from docs where org = any($1)", with([]byte("ab"))},
		{"refused: no shard key", "select * from orders where tenant_id = any($1::float8[])", with([]int64{1})},
		{"refused: no shard key", "select * from orders where tenant_id in ($1, id)", with(1)},
		{"refused: no shard key", "select * from legs where (region, num) in (('a', 1), ('b', 2))", nil},
		{"refused: key list", "delete from orders where tenant_id = any($1)", with([]int64{1})},
		{"refused: key list", "update orders set total = 0 where tenant_id in ($1, $2)", with(1, 2)},
	})
}

func TestCompositeKeysNeedEveryPart(t *testing.T) {
	check(t, []routed{
		{"key eu/3", "select * from legs where region = $1 and num = $2", with("eu", 3)},
		{"key eu/3", "select * from legs where (num, region) = (3, 'eu')", nil},
		{"key eu/3", "select * from legs where (region, num) in (($1, $2))", with("eu", 3)},
		{"key eu/3", "select * from legs a join legs b on (a.region, a.num) = (b.region, b.num) where a.region = 'eu' and b.num = 3", nil},
		{"refused: no shard key", "select * from legs where region = 'eu'", nil},
		{"refused: key under OR", "select * from legs where (region, num) = ('eu', 3) or km = 1", nil},
		{"any", "select * from legs where region = 'eu' and region = 'us' and num = 3", nil},
		{"bind: many keys", "select * from legs a, legs b where (a.region, a.num) = ($1, $2) and (b.region, b.num) = ($3, $4)", with("a", 1, "b", 1)},
	})
}
