delete from t

delete from t where id = $1

delete from only s.t as x where x.id = 1 returning *

delete from t x using u, v w where x.id = u.id and w.a = 1 returning x.id, u.*

delete from t using u join v on u.a = v.a where t.id = u.id

delete from t where current of c

delete from t where id in (select id from t order by id limit 10 for update skip locked)

delete from t * where a = 1

delete from t where ctid = any (array(select ctid from t limit 100))

delete from t using (select 1 as x) s where t.x = s.x

delete from "Weird Table" where "a b" = 'c'

delete from t where (a, b) in (values (1, 2), (3, 4))

delete from sessions where expires_at < now() - interval '7 days' and user_id = $1

delete from t returning (a).b, t.c[1], *
