select * from (select 1)

select * from (values (1)) join lateral (select 2) on true

select a is json, a is not json object, a is json array, a is json scalar, a is json value from t

merge into t using s on t.id = s.id when not matched by source then delete when not matched by source and t.a > 1 then update set a = 1 when not matched by target then insert values (1) returning t.*, merge_action()

with m as (merge into t using s on true when matched then delete returning *) select * from m

select 0x2A, 0XfF, 0o17, 0b1010_1010, 1_000_000, 1_0.5_0, 1_0e1_0, .1_5, 0x_1F, 0xFFFFFFFFFFFFFFFFFFFF, 1_000_000_000_000, varchar(0x10) 'a', -0x10

select a at local, a + b at local, (a at local)::date, current_timestamp at local at time zone 'utc' from t

select xmlserialize(document a as text indent), xmlserialize(content a as text no indent)

insert into t values (1) returning with (old as o, new as n) o.a, n.a, old.b

update t set a = 1 returning with (new as "New") "New".*

delete from t returning with (old as before) before.id

merge into t using s on true when matched then delete returning with (old as x, new as y, old as z) x.*, merge_action()

select merge_action()
