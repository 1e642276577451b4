select * from a, b, c.d

select * from a x, b as y, c z (p, q), d as w (r)

select * from only a, only (b), c *

select * from a join b on a.x = b.x

select * from a inner join b using (x) left join c using (x, y) as u right outer join d on true full join e on false

select * from a cross join b cross join c

select * from a natural join b natural left join c natural full outer join d natural inner join e

select * from a join b join c on b.x = c.x on a.x = b.x

select * from a left join b cross join c on true

select * from a left join b natural join c on a.x = c.x

select * from (a join b on true)

select * from (a join b on true) as x

select * from (a join b on true) x (p, q) join (c cross join d) on true

select * from ((a join b on true) join c on true)

select * from ((a cross join b))

select * from (((select 1 as x) s join b using (x)))

select * from (select 1) x

select * from (select 1) as x (a), (values (1, 2), (3, 4)) y (b, c), (table t) z

select * from ((select 1)) x, ((select 1) union (select 2)) y

select * from ((select 1) order by 1) x

select * from lateral (select 1) x, lateral f(1) y

select * from a left join lateral (select * from b where b.x = a.x limit 1) z on true

select * from f(), g(1, 2) as x, h('a') y (p, q), s.f(1) z

select * from generate_series(1, 10) with ordinality

select * from generate_series(1, 10) with ordinality as g (v, n)

select * from unnest($1::int[], $2::text[]) with ordinality u (a, b, n)

select * from f() as (a int, b text), g() as x (a int, b varchar(10) collate "C", c timestamp with time zone), h() y (a int[])

select * from rows from (f(1), g(2)) with ordinality as x (a, b, c)

select * from rows from (f())

select * from lateral rows from (f(a.x), generate_series(1, 2)) x

select * from current_date, coalesce(1, 2) c, cast(1 as int) as x, current_timestamp(3) y, upper('a') z

select * from left('a', 1), right('b', 2) r

select * from a tablesample system (10), b x tablesample bernoulli (5.5) repeatable (7), s.c tablesample s.m (1, 2)

select * from pg_catalog.pg_class c where c.relname = 'x'

select * from values, time, "select"

select * from t rows, u partition, v as set

select * from a join (b join c on b.x = c.x) on a.x = b.x

select * from a, lateral (select a.x) l join b on true

select * from a, b left join c on c.x = b.x, d

select * from json_each('{}'), jsonb_array_elements($1) e, json_to_recordset('[]') as x(a int, b text)

select * from t where t = row(1, 2) and t is not null

select o.*, (select count(*) from items i where i.order_id = o.id) from orders o where exists (select 1 from (select 1) x where o.id = 1)
