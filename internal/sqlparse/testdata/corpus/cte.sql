with a as (select 1) select * from a

with a as (select 1), b (x, y) as (select 1, 2), c as materialized (select 3), d as not materialized (select 4) select * from a, b, c, d

with recursive t (n) as (values (1) union all select n + 1 from t where n < 100) select sum(n) from t

with recursive as (select 1) select * from recursive

with recursive (a) as (select 1) select 1

with recursive recursive as (select 1) select 1

with time as (select 1) select * from time

with a as (with b as (select 1) select * from b) select * from a

with a as (insert into t values (1) returning *) select * from a

with a as (update t set x = 1 where y = 2 returning *), b as (delete from u using a where u.id = a.id returning u.*) insert into v select * from b

with a as (select 1) insert into t select * from a

with a as (select 1) update t set x = (select * from a)

with a as (select 1) delete from t using a

with a as (select 1) merge into t using a on true when matched then delete

with a as (select 1) (select * from a)

with a as (select 1) values (1), (2)

with a as (select 1) table a

with a as (select 1) select 1 union select 2 order by 1 limit 1

with a as ((select 1)), b as ((select 1) union select 2), c as (values (1)), d as (table t) select 1

with a as (with x as (select 1) insert into t select * from x returning *) select * from a

select * from (with a as (select 1) select * from a) x

select (with a as (select 1) select * from a), exists (with b as (select 1) select * from b)

insert into t with a as (select 1) select * from a

(with a as (select 1) select * from a) union (with b as (select 2) select * from b)

with moved as (delete from a where b < $1 returning *), ins as (insert into c select * from moved returning id) select count(*) from ins

with a as materialized (select * from t where x = $1 for update) update t set y = 2 from a where t.id = a.id returning t.*
