select

select 1

select from t

select * from t

select t.*, s.t.*, a from s.t

select all a from t

select distinct a, b from t

select distinct on (a, b) a, b, c from t order by a, b, c desc

select a as b, c d, e "f", g as select, h as "from" from t

select a as user, b year_, c name, d value, e type from t

select a where true

select * from t where a = 1 and b = 2 or c = 3

select * from t where (a = 1 or b = 2) and not (c = 3)

select * from t where not a = 1 and not b

select a, count(*) from t group by a having count(*) > 1

select a, b, count(*) from t group by rollup (a, b)

select a, b, count(*) from t group by cube (a, (b, c)), d

select a, b, grouping(a, b) from t group by grouping sets ((a), (b), (a, b), (), rollup (a), grouping sets (cube (a, b)))

select a from t group by ()

select a from t group by distinct rollup (a), rollup (b)

select a from t group by all a, b

select * from t order by a, b desc, c asc nulls first, d desc nulls last, e using <, f using operator(pg_catalog.>)

select * from t limit 10

select * from t limit all

select * from t limit null offset 5

select * from t limit $1 offset $2

select * from t offset 5 limit 10

select * from t offset 5 rows fetch first 10 rows only

select * from t offset 1 row fetch next row only

select * from t order by a fetch first 3 rows with ties

select * from t offset (a + 1) rows

select * from t offset a + 1

select * from t fetch first (1 + 2) rows only

select * from t fetch first -1 rows only

select * from t fetch first $1 rows only

select * from t limit 1 + 2

select * from t limit (select count(*) from u)

select * from t for update

select * from t for no key update of t nowait

select * from t, u for share of t, u skip locked for key share of s.v

select * from t limit 1 for update

select * from t for update limit 1

select * from t for read only

select * from t order by a limit 1 for update skip locked

select into x from t

select a, b into s.x from t where a = 1

values (1)

values (1, 'a'), (2, 'b'), (null, $1)

values (1), (2) order by 1 limit 1

table t

table only s.t order by a limit 3

table t *

select 1 union select 2

select 1 union all select 2 union all select 3

select 1 union select 2 intersect select 3

select 1 intersect select 2 union select 3 except all select 4

select 1 except select 2 except select 3

(select 1) union (select 2)

(select 1 order by 1 limit 1) union all (select 2 order by 1) order by 1 offset 1

select 1 union distinct (select 2 intersect all select 3)

(select 1)

((select 1))

((select 1) union select 2) limit 1

(select 1 order by 1) limit 1

(select 1 limit 1) order by 1 for update

values (1) union table t union select 2

((values (1)))

select (select 1), ((select 2)), (select 3) + 1, ((select 4) + 5), ((select 6) union (select 7))

select ((select 1) order by 1 limit 1)

select * from t where a in (select b from u) and c not in (1, 2, 3) and (d, e) in (select 1, 2) and f in ((select 1), 2) and g in ((select 3))

select * from t where exists (select 1 from u where u.a = t.a) and not exists (select from v)

select * from t where a = any ($1) and b = some (array[1,2]) and c <> all (select d from u) and e = any ((select f from v)) and g = any ((select array[1]) || array[2])

select array(select a from t order by a), array[1, 2], array[[1, 2], [3, 4]], array[]::int[], array[[], []]::int[], array((select 1))

select row(1, 2), row(), row(1), (1, 2), (a, b) = (c, d), row(a.*, 1)

select (t).a, (t).*, (t.c).d, (f(x)).y, (a)[1], ($1).x, $1[1], (select t from t limit 1).a, (array[1,2])[1]

select a.b.c, a.b.c[1].d, t.c[1], t.a[1].b.*

select case when a then 1 end, case a when 1 then 'x' when 2 then 'y' else 'z' end, case when a and b or c then not d else e is null end

select window_, t.rows, t.range from t as rows

select current_date, current_time, current_time(3), current_timestamp, current_timestamp(0), localtime, localtime(2), localtimestamp, localtimestamp(6)

select current_user, current_role, session_user, user, current_catalog, current_schema, current_schema()

select time, timestamp, interval, int, "values", precision, position, row from t

select t.time, t.values, t.row, t.order, t.select, t.user from t

select time from t where interval > 1 and char = 'a'

select year, month_, day_, a.year, a.month from t

select a as at, b zone, c as not from t
