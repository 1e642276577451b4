select * from (select 1)

select * from (values (1)) join lateral (select 2) on true

select a is json, a is not json object, a is json array, a is json scalar, a is json value from t

merge into t using s on t.id = s.id when not matched by source then delete when not matched by source and t.a > 1 then update set a = 1 when not matched by target then insert values (1) returning t.*, merge_action()

with m as (merge into t using s on true when matched then delete returning *) select * from m
