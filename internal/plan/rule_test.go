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
		{"refused: user operator", "select * from docs where org operator(app.=) any($1)", with([]string{"acme"})},
		{"refused: user operator", "select * from docs where org = $1 order by id using operator(app.<)", with("acme")},
		{"refused: user operator", "select array_agg(id order by id using operator(app.<)) from docs where org = $1", with("acme")},
		{"refused: user operator", "select rank() over (order by id using operator(app.<)) from docs where org = $1", with("acme")},
		{"refused: user operator", "select rank(1) within group (order by id using operator(app.<)) from docs where org = $1", with("acme")},
		{"refused: user operator", "select rank() over w from docs where org = $1 window w as (order by id using operator(app.<))", with("acme")},
		{"refused: user operator", "values (1) order by 1 using operator(app.<)", nil},
		{"refused: user operator", "select 1 union select 2 order by 1 using operator(app.<)", nil},
		{"key acme", "select * from docs where org = $1 order by id using operator(pg_catalog.<), body using >", with("acme")},
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
		{"key 7", "select * from orders o where o.tenant_id in (select tenant_id from items where tenant_id = $1)", with(7)},
		// A row of the query counts only where it equals what is IN it, whether the key is by itself or in a row.
		{"key 7", "select * from orders o where o.tenant_id = $1 and o.tenant_id in (select tenant_id from items)", with(7)},
		{"key 7", "select * from orders o where o.tenant_id = $1 and (o.tenant_id, o.id) in (select tenant_id, order_id from items group by tenant_id, order_id having sum(qty) > 3)", with(7)},
		{"key 7", "select * from orders o where o.tenant_id = $1 and o.tenant_id = any (select i.tenant_id from items i)", with(7)},
		{"key 7", "select * from orders o left join items i on i.tenant_id = o.tenant_id and i.tenant_id in (select tenant_id from users) where o.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.tenant_id in (select order_id from items)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.id in (select tenant_id from items)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.tenant_id not in (select tenant_id from items)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and not (o.tenant_id in (select tenant_id from items))", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.tenant_id >= any (select tenant_id from items)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.tenant_id = all (select tenant_id from items)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and (o.tenant_id in (select tenant_id from items) or o.total > 5)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.tenant_id in (select tenant_id from items order by qty limit 3)", with(7)},
		{"refused: no shard key", "select * from orders o where o.tenant_id = $1 and o.tenant_id in (select max(tenant_id) from items group by order_id)", with(7)},
		{"refused: no shard key", "select o.tenant_id in (select tenant_id from items) from orders o where o.tenant_id = $1", with(7)},
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

// A parameter that is NULL would match rows whose key an outer join made NULL: Bind refuses it, so what is left is "=".
func TestIsNotDistinctFromPinsWhatIsNotNull(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders where tenant_id is not distinct from $1", with(7)},
		{"key 7", "select * from orders where $1 is not distinct from tenant_id", with(7)},
		{"key 7", "select * from orders where tenant_id is not distinct from 7", nil},
		{"key eu/3", "select * from legs where (region, num) is not distinct from ($1, $2)", with("eu", 3)},
		{"bind: key error", "select * from orders where tenant_id is not distinct from $1", with(nil)},
		{"bind: key error", "select * from plans p left join orders o on o.tenant_id = $2 where o.tenant_id is not distinct from $1", with(nil, 7)},
		{"refused: no shard key", "select * from orders where tenant_id is not distinct from null", nil},
		{"refused: no shard key", "select * from orders where tenant_id is distinct from $1", with(7)},
		{"refused: no shard key", "select * from orders where tenant_id is not distinct from $1::float8", with(7)},
		{"refused: no shard key", "select sqrt($1) from orders where tenant_id is not distinct from $1", with(7)},
		// The item of tenant 8 keeps order 7 from being filled with NULLs, which are not distinct from those of x.
		{"refused: no shard key", "select * from orders o left join items i on i.order_id = o.id left join plans x on x.id = 99 and x.tenant_id = $1" +
			" where o.tenant_id = $1 and i.tenant_id is not distinct from x.tenant_id", with(7)},
	})
}

// The alias of a join hides the names in it, and its columns may move the key.
func TestAJoinUnderAnAliasOfItsOwn(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from (orders o join items i using (tenant_id)) as j where tenant_id = $1", with(7)},
		{"key 7", "select * from (orders o join items i using (tenant_id)) as j where j.tenant_id = $1", with(7)},
		{"key 7", "select * from (orders o join items i using (tenant_id)) as j (k) where j.k = $1", with(7)},
		{"key 7", "select * from (orders o join items i on i.tenant_id = o.tenant_id) as j (k) where k = $1", with(7)},
		{"key 7", "select * from (plans p join orders o on o.tenant_id = $1) as j", with(7)},
		{"key 7", "select * from (orders o join items i using (tenant_id)) as j (k) join users u on u.tenant_id = j.k where u.tenant_id = $1", with(7)},
		{"key 7", "select * from orders o join items i using (tenant_id) as j where j.tenant_id = $1", with(7)},
		{"key 7", "select o.id, i.sku, tenant_id from orders o join items i using (tenant_id) as j where j.tenant_id = $1", with(7)},
		{"key 7", "select * from (orders o left join items i using (tenant_id)) as j where tenant_id = $1", with(7)},
		// The columns of j are k and tenant_id, of which the second is the order's number.
		{"refused: no shard key", "select * from (orders o join items i using (tenant_id)) as j (k, tenant_id) where tenant_id = $1", with(7)},
		{"refused: many keys", "select * from (orders o left join items i on i.tenant_id = 7) as j (a) where a = 8", nil},
		{"refused: no shard key", "select * from (orders o full join items i using (tenant_id)) as j where tenant_id = $1", with(7)},
		{"refused: key under OR", "select * from plans p left join (orders o join items i using (tenant_id)) as j on p.id = 1 where j.tenant_id = $1 or p.id = 2", with(7)},
		{"refused: unknown column", "select * from (orders o join items i using (tenant_id)) as j where o.tenant_id = $1", with(7)},
		{"refused: unknown column", "select * from (orders o join items i using (tenant_id)) as j (k) where tenant_id = $1", with(7)},
		{"refused: unknown column", "select * from orders o join items i using (tenant_id) as j where j.id = 1", nil},
		{"refused: ambiguous column", "select * from (orders o join items i on i.tenant_id = o.tenant_id) as j where j.tenant_id = $1", with(7)},
		{"refused: syntax", "select * from (users u join adopted a using (tenant_id)) as j (a, b, c, d, e, f, g)", nil},
		{"refused: reference write", "select * from (orders o join plans p on p.id = o.plan_id) as j (k) where k = $1 for update", with(7)},
		{"key 7", "select * from (orders o join items i using (tenant_id)) as j where tenant_id = $1 for update", with(7)},
	})
}

// Chance decides which rows are in a sample, so any rows of the key may be what one server gives; a seed decides it for
// one server only.
func TestASampleOfAPinnedTable(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from orders tablesample bernoulli (10) where tenant_id = $1", with(7)},
		{"key 7", "select * from orders as o tablesample pg_catalog.system ($2) where tenant_id = $1", with(7, 10)},
		{"any", "select * from plans tablesample system (10)", nil},
		{"home s0", "select * from jobs tablesample system (10) repeatable (3)", nil},
		{"refused: no shard key", "select * from orders tablesample bernoulli (10)", nil},
		{"refused: unsupported", "select * from orders tablesample bernoulli (10) repeatable (3) where tenant_id = $1", with(7)},
		{"refused: unsupported", "select * from plans tablesample bernoulli (10) repeatable (3)", nil},
		{"refused: user function", "select * from orders tablesample app.bernoulli (10) where tenant_id = $1", with(7)},
		{"refused: user function", "select * from orders tablesample system_rows (10) where tenant_id = $1", with(7)},
		{"refused: user function", "select * from orders tablesample bernoulli (f(1)) where tenant_id = $1", with(7)},
	})
}

// An output that is a parameter or constant is one value on every row, as long as it keeps a type of the key's family.
func TestConstantsInFromPin(t *testing.T) {
	check(t, []routed{
		{"key 7", "with a as (select $1::bigint as k) select * from orders o, a where o.tenant_id = a.k", with(7)},
		{"key 7", "select * from orders o join (select 7 as k) a on a.k = o.tenant_id", nil},
		{"key 7", "select * from orders o join (values ($1::bigint, 1)) v(k, n) on v.k = o.tenant_id", with(7)},
		{"key 7", "select * from orders o join (values ($1::bigint), ($1::bigint)) v(k) on v.k = o.tenant_id", with(7)},
		{"list 7 8", "select * from orders o join (values (7), (8)) v(k) on v.k = o.tenant_id", nil},
		{"key acme", "select * from docs d join (select $1::text as k) a on a.k = d.org", with("acme")},
		{"any", "select * from orders o join (select null::bigint as k) a on a.k = o.tenant_id", nil},
		{"key 7", "insert into orders (tenant_id, id) select $1::bigint, id from plans", with(7)},
		{"bind: key error", "select * from orders o join (select $1::bigint as k) a on a.k = o.tenant_id", with(nil)},
		{"refused: no shard key", "select * from orders o join (select $1::float8 as k) a on a.k = o.tenant_id", with(7)},
		{"refused: no shard key", "select * from orders o join (select $1 as k) a on a.k = o.tenant_id", with(7)},
		{"refused: no shard key", "select * from docs d join (select $1::varchar(2) as k) a on a.k = d.org", with("acme")},
		{"refused: no shard key", "select * from orders o join (values (7), (8.0)) v(k) on v.k = o.tenant_id", nil},
		{"refused: no shard key", "select * from orders o join (values ($1::bigint), (random()::bigint)) v(k) on v.k = o.tenant_id", with(7)},
		{"refused: key list", "update orders o set total = 1 from (values (7), (8)) v(k) where v.k = o.tenant_id", nil},
		// Both arms prove the same of their column, or else the output is one or the other.
		{"key 7", "select * from items i join (select tenant_id from orders where tenant_id = $1 union select tenant_id from users where tenant_id = $1) x using (tenant_id)", with(7)},
		{"refused: no shard key", "select * from items i join (select tenant_id from orders where tenant_id = $1 union select tenant_id from plans) x using (tenant_id)", with(7)},
	})
}

// f.x, where f has no column x, calls the function x.
func TestAColumnThatAFunctionInFromDoesNotHaveMayBeACall(t *testing.T) {
	check(t, []routed{
		{"refused: user function", "select g.evil from generate_series(1, 2) g", nil},
		{"any", "select g.g, g from generate_series(1, 2) g", nil},
		{"any", "select g.i, g.n from generate_series(1, 2) with ordinality as g(i, n)", nil},
		{"any", "select g.ordinality from generate_series(1, 2) with ordinality as g", nil},
		{"any", "select j.key, j.value from jsonb_each($1) j", with("{}")},
		{"refused: user function", "select j.evil from jsonb_each($1) j", with("{}")},
		{"any", "select j.a from jsonb_to_record($1) as j(a int)", with("{}")},
		{"any", "select j.id, j.state from jsonb_populate_recordset(null::orders, $1) j", with("[]")},
		{"refused: user function", "select j.evil from jsonb_populate_recordset(null::orders, $1) j", with("[]")},
		{"any", "select x.count, x.lower from (select count(*), lower('A')) x", nil},
		{"refused: user function", "select x.evil from (select count(*)) x", nil},
		{"refused: user function", "with x as (select 1 + 1) select x.evil from x", nil},
	})
}

// What the first step proves of a column holds for every step only if the second arm keeps it.
func TestARecursionIsPinnedInEachOfItsArms(t *testing.T) {
	walk := "with recursive w(k, id) as (select tenant_id, id from orders where tenant_id = $1 union all "
	check(t, []routed{
		{"any", "with recursive r as (select 1 union select 2) select * from r", nil},
		{"any", "with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select * from r", nil},
		{"key 7", walk + "select o.tenant_id, o.plan_id from orders o join w on w.k = o.tenant_id and o.id = w.id) select * from w", with(7)},
		{"key 7", walk + "select w.k, o.plan_id from orders o join w on w.k = o.tenant_id and o.id = w.id) select * from w", with(7)},
		{"key 7", walk + "select o.tenant_id, o.id from orders o, w where o.tenant_id = $1) select * from w", with(7)},
		{"key 7", walk + "select o.tenant_id, o.id from orders o join w on w.k = o.tenant_id) select * from items i join w on w.k = i.tenant_id", with(7)},
		{"key 7", walk + "select o.tenant_id, o.id from orders o join w on w.k = o.tenant_id) search breadth first by id set s cycle id set c using p" +
			" select w.s, c, p from w", with(7)},
		// The second step reads tenant 8.
		{"refused: no shard key", walk + "select w.k + 1, o.id from orders o join w on w.k = o.tenant_id) select * from w", with(7)},
		{"refused: no shard key", walk + "select w.id, w.id from orders o join w on w.k = o.tenant_id) select * from w", with(7)},
		{"refused: no shard key", walk + "select o.tenant_id, o.id from orders o join w on w.id = o.id) select * from w", with(7)},
		{"refused: no shard key", "with recursive w(a, b) as (select tenant_id, id from orders where tenant_id = $1 union all" +
			" select o.tenant_id, w.a from orders o join w on w.b = o.tenant_id) select * from w", with(7)},
		// A condition outside filters the rows of all steps, not those that each step starts from.
		{"refused: no shard key", "with recursive w(k, id) as (select tenant_id, id from orders union all select o.tenant_id, o.id from orders o" +
			" join w on w.k = o.tenant_id) select * from w where k = $1", with(7)},
		// A name further on hides the table of that name.
		{"refused: unsupported", "with recursive a as (select * from orders where tenant_id = $1), orders as (select 1) select * from a", with(7)},
		{"refused: unsupported", "with recursive a as (select 1 from a union select 1) select * from a", nil},
		{"refused: unsupported", "with recursive a as (select 1 intersect select 1 from a) select * from a", nil},
		{"key 7", "with recursive a as (select 1), orders as (select * from app.orders where tenant_id = $1) select * from orders", with(7)},
	})
}

// A recursion inside the second arm of another would take for proven what is only supposed.
func TestARecursionInARecursionCarriesNothing(t *testing.T) {
	check(t, []routed{
		{"refused: no shard key", "with recursive w(k) as (select tenant_id from orders where tenant_id = $1 union all" +
			" (with recursive v(k) as (select k from w union all select v.k from v join items i on i.tenant_id = v.k) select k + 1 from v)) select * from w", with(7)},
	})
}

// A CTE that writes runs once, on the snapshot of the whole statement: on one shard when all parts of it are.
func TestACTEThatWrites(t *testing.T) {
	check(t, []routed{
		{"key 7", "with d as (delete from orders where tenant_id = 7 returning *) select * from d", nil},
		{"key 7", "with d as (delete from orders where tenant_id = $1 returning *) select * from d join items i using (tenant_id)", with(7)},
		{"key 7", "with d as (delete from orders where tenant_id = $1 returning *) select 1", with(7)},
		{"key 7", "with n as (insert into orders (tenant_id, id) values ($1, 3) returning tenant_id, id) insert into items (tenant_id, order_id) select tenant_id, id from n", with(7)},
		{"key 7", "with n as (insert into orders (tenant_id, id) values ($1, 3)) insert into items (tenant_id) values ($1)", with(7)},
		{"key 7", "with u as (update orders set total = 1 where tenant_id = $1 returning tenant_id, id) delete from items i using u where i.tenant_id = u.tenant_id", with(7)},
		{"key 7", "with m as (delete from orders where tenant_id = $1 returning *) insert into orders (tenant_id, id) select tenant_id, id + 1 from m", with(7)},
		{"list 7 8", "with n as (insert into orders (tenant_id, id) values (7, 3)) insert into items (tenant_id) values (8)", nil},
		{"bind: many keys", "with n as (insert into orders (tenant_id, id) values ($1, 3)) delete from items where tenant_id = $2", with(7, 8)},
		{"bind: many keys", "with n as (insert into orders (tenant_id, id) values ($1, 3)) select * from items where tenant_id = $2", with(7, 8)},
		{"refused: no shard key", "with d as (delete from orders returning *) select * from d where tenant_id = $1", with(7)},
		{"refused: no shard key", "with d as (delete from orders where tenant_id = $1) select * from items", with(7)},
		{"refused: key list", "with d as (delete from orders where tenant_id = any($1)) select 1", with([]int64{7})},
		{"refused: key update", "with d as (update orders set tenant_id = 8 where tenant_id = $1) select 1", with(7)},
		{"refused: reference write", "with d as (delete from plans) select 1", nil},
		{"refused: mixed places", "with d as (delete from jobs) select * from orders where tenant_id = $1", with(7)},
		{"refused: mixed places", "with d as (select * from jobs) insert into orders (tenant_id) values ($1)", with(7)},
		{"home s0", "with d as (delete from jobs returning *) insert into jobs (id) select id from d", nil},
		// RETURNING gives what was stored: plan_id is 8 although the condition said 7.
		{"refused: no shard key", "with u as (update orders set plan_id = 8 where tenant_id = 7 and plan_id = 7 returning plan_id) select * from items i join u on i.tenant_id = u.plan_id", nil},
		{"key 7", "with u as (delete from orders where tenant_id = 7 and plan_id = 7 returning plan_id) select * from items i join u on i.tenant_id = u.plan_id", nil},
		// The row that conflicts by its id may be another tenant's.
		{"refused: other key's row", "with n as (insert into orders (tenant_id, id) values ($1, 3) on conflict (id) do update set total = 1 returning tenant_id) select * from items i join n using (tenant_id)", with(7)},
		{"key 7", "with n as (insert into orders (tenant_id, id) values ($1, 3) on conflict (id) do update set total = 1 where orders.tenant_id = excluded.tenant_id returning tenant_id) select * from items i join n using (tenant_id)", with(7)},
		{"key 7", "with n as (insert into orders (tenant_id, id) values ($1, 3) on conflict (tenant_id, id) do update set total = 1 returning tenant_id) select * from items i join n using (tenant_id)", with(7)},
	})
}

// Source rows that match nothing are inserted whatever ON says; target rows that no source row matches are those of
// every tenant.
func TestMergesOnPinsItsTargetAndNeverItsSource(t *testing.T) {
	const mine = "(select * from items where tenant_id = $1) i"
	check(t, []routed{
		{"key 7", "merge into orders o using " + mine + " on o.tenant_id = i.tenant_id and o.id = i.order_id when matched then update set total = i.qty", with(7)},
		{"key 7", "merge into orders o using " + mine + " on o.tenant_id = i.tenant_id and o.id = i.order_id when matched then delete" +
			" when not matched then insert (tenant_id, id) values (i.tenant_id, i.order_id)", with(7)},
		{"key 7", "merge into orders o using " + mine + " on o.tenant_id = $1 and o.id = i.order_id when not matched then insert (tenant_id, id) values ($1, 1)", with(7)},
		{"key 7", "merge into orders o using (values ($1::bigint, 3)) v(k, id) on o.tenant_id = v.k and o.id = v.id when matched then do nothing" +
			" when not matched then insert (id, tenant_id) values (v.id, v.k)", with(7)},
		{"key 7", "merge into orders o using plans p on o.tenant_id = $1 and o.plan_id = p.id when matched then update set total = 1", with(7)},
		{"key 7", "with c as (select * from items where tenant_id = $1) merge into orders o using c on o.tenant_id = c.tenant_id when matched then delete", with(7)},
		{"home s0", "merge into jobs j using plans p on j.id = p.id when matched then delete when not matched then insert values (p.id)", nil},
		{"refused: no shard key", "merge into orders o using items i on o.tenant_id = i.tenant_id when matched then delete", nil},
		{"refused: no shard key", "merge into orders o using items i on o.tenant_id = i.tenant_id and i.tenant_id = $1 when matched then delete", with(7)},
		{"refused: no shard key", "merge into orders o using " + mine + " on o.id = i.order_id when matched then delete", with(7)},
		{"refused: no shard key", "merge into orders o using " + mine + " on o.id = i.order_id when matched and o.tenant_id = $1 then delete", with(7)},
		{"refused: no shard key", "merge into orders o using (values ($1::bigint), (random()::bigint)) v(k) on o.tenant_id = v.k when matched then delete", with(7)},
		{"refused: key list", "merge into orders o using (values (7), (8)) v(k) on o.tenant_id = v.k when matched then delete", nil},
		{"bind: many keys", "merge into orders o using " + mine + " on o.tenant_id = $2 when matched then delete", with(7, 8)},
		{"bind: many keys", "merge into orders o using " + mine + " on o.tenant_id = $1 when not matched then insert (tenant_id, id) values ($2, 1)", with(7, 8)},
		{"refused: reference write", "merge into plans p using plans q on p.id = q.id when matched then delete", nil},
		{"refused: mixed places", "merge into orders o using jobs j on o.tenant_id = $1 when matched then delete", with(7)},
	})
}

func TestTheRowsThatMergeStoresKeepTheirKey(t *testing.T) {
	const head = "merge into orders o using (select * from items where tenant_id = $1) i on o.tenant_id = i.tenant_id "
	check(t, []routed{
		{"refused: key update", head + "when matched then update set tenant_id = i.tenant_id", with(7)},
		{"refused: key update", head + "when matched then update set slot = 1", with(7)},
		{"refused: key update", head + "when not matched then insert (tenant_id, slot) values (i.tenant_id, 1)", with(7)},
		{"refused: no shard key", head + "when not matched then insert (tenant_id, id) values (i.order_id, 1)", with(7)},
		{"refused: no shard key", head + "when not matched then insert (tenant_id, id) values (i.tenant_id + 1, 1)", with(7)},
		{"refused: no shard key", head + "when not matched then insert (tenant_id, id) values (null, 1)", with(7)},
		{"refused: no shard key", head + "when not matched then insert (tenant_id, id) values (default, 1)", with(7)},
		{"refused: no shard key", head + "when not matched then insert (id) values (1)", with(7)},
		{"refused: no shard key", head + "when not matched then insert default values", with(7)},
		{"refused: unsupported", head + "when not matched then insert values (i.tenant_id, 1)", with(7)},
		{"refused: unknown column", head + "when not matched then insert (tenant_id, id) values (o.tenant_id, 1)", with(7)},
		{"refused: syntax", head + "when not matched then insert (tenant_id, id) values (i.tenant_id)", with(7)},
		{"refused: user function", head + "when matched and f(1) then delete", with(7)},
		{"refused: user function", head + "when matched then update set total = f(1)", with(7)},
	})
}

// WHEN NOT MATCHED BY SOURCE is about the rows that ON is false for: only its own condition speaks of them.
func TestMergesNotMatchedBySourceIsPinnedByItsOwnCondition(t *testing.T) {
	const head = "merge into orders o using (select * from items where tenant_id = $1) i on o.tenant_id = i.tenant_id and o.id = i.order_id "
	check(t, []routed{
		{"key 7", head + "when not matched by source and o.tenant_id = $1 then delete", with(7)},
		{"key 7", head + "when not matched by source and tenant_id = $1 and total > 1 then update set total = 0", with(7)},
		{"key 7", head + "when not matched by source then do nothing", with(7)},
		{"key 7", head + "when not matched by source and o.tenant_id = $1 then delete when not matched by target then insert (tenant_id) values ($1) returning merge_action(), o.id, i.sku", with(7)},
		{"refused: no shard key", head + "when not matched by source then delete", with(7)},
		{"refused: no shard key", head + "when not matched by source and o.tenant_id = $1 then delete when not matched by source then update set total = 0", with(7)},
		{"refused: key under OR", head + "when not matched by source and (o.tenant_id = $1 or o.id = 1) then delete", with(7)},
		{"bind: many keys", head + "when not matched by source and o.tenant_id = $2 then delete", with(7, 8)},
		// A returned row may be of any clause.
		{"refused: no shard key", "with m as (" + head + "when matched then delete returning o.tenant_id) select * from users u join m on u.tenant_id = m.tenant_id", with(7)},
	})
}

func TestFullJoinsAndSetOperationsOfPinnedSides(t *testing.T) {
	check(t, []routed{
		{"key 7", "select * from (select * from orders where tenant_id = $1) a full join (select * from items where tenant_id = $1) b on b.order_id = a.id", with(7)},
		{"key 7", "select id from orders where tenant_id = $1 intersect select order_id from items where tenant_id = $1", with(7)},
		{"key 7", "select id from orders where tenant_id = $1 except all select order_id from items where tenant_id = $1 order by 1 limit 3", with(7)},
		{"key 7", "(select id from orders where tenant_id = $1 intersect all select id from plans) union all select order_id from items where tenant_id = $1", with(7)},
		{"key 7", "select * from (select * from orders) a full join (select * from items where tenant_id = $1) b on b.order_id = a.id where a.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select * from orders) a full join (select * from items where tenant_id = $1) b on b.order_id = a.id and a.tenant_id = $1", with(7)},
		{"refused: no shard key", "select * from (select tenant_id from orders intersect select tenant_id from items where tenant_id = $1) x where tenant_id = $1", with(7)},
	})
}
