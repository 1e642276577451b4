insert into t values (1)

insert into t values (1, 'a', null, default, $1, now(), (select 1)), (2, 'b', true, 3, 4, 5, 6)

insert into t (a, b) values ($1, $2)

insert into t (a) values (1), (2), (3) returning *

insert into s.t as x (a, "B", c) values (1, 2, 3) returning x.a, x."B" as b, c + 1 d

insert into t default values

insert into t default values returning id

insert into t (a.b, c[1], d[1:2], e.f[3].g) values (1, 2, 3, 4)

insert into t select * from u

insert into t (a, b) select a, b from u where c = $1 order by d limit 5

insert into t (select 1)

insert into t ((select 1))

insert into t (a) (select 1 union select 2) order by 1

insert into t (values) values (1)

insert into t (a, "values") (values (1, 2))

insert into t table u

insert into t overriding system value values (1)

insert into t (a) overriding user value select 1

insert into t values (1) on conflict do nothing

insert into t (a, b) values (1, 2) on conflict (a) do nothing

insert into t (a, b) values (1, 2) on conflict (a, b) do update set b = excluded.b

insert into t (a, b) values (1, 2) on conflict (a) where b > 0 do update set b = excluded.b, c = t.c + 1, (d, e) = (1, default), f = default where t.a <> excluded.a returning *

insert into t values (1) on conflict on constraint t_pkey do update set (a, b) = (select 1, 2)

insert into t values (1) on conflict on constraint t_pkey do nothing returning xmax = 0 as inserted

insert into t (a) values (1) on conflict (lower(a), (b || c), d collate "C") do nothing

insert into t (a) select x from u join v using (id) on conflict (a) do nothing

insert into t (a, b) values ('x; y', '-- z') on conflict (a) do update set a = 'where'

insert into t (a) values (-1), (+2), (1 + 1), (array[1, 2]), (row(1, 2)), ('a'::text), (case when true then 1 end)

insert into t (a) values (default)

insert into t values (1, 2) returning (select 1), t.*

insert into accounts (id, tenant_id, balance, created_at) values ($1, $2, $3, now()) on conflict (tenant_id, id) do update set balance = accounts.balance + excluded.balance returning id, balance

insert into t (a, b, c) select a, b, generate_series(1, 3) from (values (1, 2)) v (a, b)
