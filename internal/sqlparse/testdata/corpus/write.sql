insert into s.t as x ("A", b.c, d[1], e[2:3], f[1].g) overriding system value values ($1, default, 'x', array[1, 2], default), (1, 2, 3, 4, 5) returning x.*, "A" as id

insert into t default values returning *

insert into t (a) (select 1 union all select 2) on conflict do nothing

insert into t overriding user value table u on conflict (a, (lower(b)), f(c)) where d > 1 do update set a = excluded.a, (b, c) = (excluded.b, default), (d, e) = (select 1, 2), f = t.f + 1, (g) = row(1) where t.x is distinct from excluded.x returning (select count(*) from u)

insert into t values (1) on conflict on constraint t_pkey do update set a[1] = 2, b.c = 3

insert into t (a) values (1) on conflict (a collate "C", b collate s.x) do nothing

insert into t (a, b) with w as (select 1 as a) select a, row_number() over () from w limit 3

update only (s.t) set a = 1

update t as x set (a, b) = (x.b, x.a), c = default, (d, e) = row(default, 2), f[1] = 3, g.h = 4, (i) = (5) from u left join v on u.id = v.id, lateral (select x.a) z where x.id = u.id and current_date > z.a returning x.*, u.id as uid

update t set a = (select max(b) from u where u.id = t.id), b = case when c then d else default_value end where current of cur

delete from only t as x using u as y, (select 1) z, v join w using (id) where x.id = y.id returning x.id, y.*

delete from t where current of "Cur"

delete from s.t *

merge into only s.t as x using (select * from u where a = $1) as y on x.id = y.id and x.k = y.k when matched and y.d then delete when matched then update set a = y.a, (b, c) = (y.b, default) when not matched and y.e then do nothing when not matched then insert (id, "K", v[1]) overriding user value values (y.id, y.k, default)

with s as (select 1 as id) merge into t using s on t.id = s.id when matched then do nothing when not matched then insert default values

merge into t using u join v using (id) on t.id = u.id when not matched then insert values (u.id, default)
