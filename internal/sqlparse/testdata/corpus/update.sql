update t set a = 1

update t set a = 1, b = 'x', c = default where id = $1

update only s.t as x set a = x.a + 1 where x.id = 1 returning x.*, a as new_a

update t x set a = y.b from u y where x.id = y.id

update t set a = 1 from a, b join c using (x), (select 1) d where t.id = a.id

update t set (a, b) = (1, 2), (c, d) = (select 3, 4), (e, f) = row(5, default), (g) = row(6)

update t set a.b = 1, c[1] = 2, d[1:2] = '{}', e.f[3].g = 4

update t set a = (select max(x) from u where u.id = t.id) where b in (select 1)

update t set a = 1 where current of cur

update t * set a = a || 'x' where a is null returning *

update t as set set a = 1

update t set set = 1

update t set a = b, b = a where not c and d between 1 and 2

update accounts set balance = balance + $1 where id = $2 and tenant_id = $3 returning balance

update t set a = case when b then 1 else 2 end, c = coalesce($1, c), d = d + interval '1 day', e = now(), f = array_append(f, $2)

update t set "A" = 1, "order" = 2 where "T"."id" = 3

update t set a = 1 where id = any ($1::bigint[]) and (b, c) = (1, 2)

update t set (a, b) = (b, a)

update t set a = not b, c = d and e, f = g = h
