merge into t using s on t.id = s.id when matched then update set a = s.a when not matched then insert (id, a) values (s.id, s.a)

merge into t as x using (select * from s) as y on x.id = y.id when matched and y.del then delete when matched then do nothing when not matched and y.a > 1 then insert values (y.id, default)

merge into only t using a join b using (id) on t.id = a.id when not matched then do nothing

merge into t using s on true when matched then update set (a, b) = (1, default), c = default when not matched then insert default values

merge into t using s on t.id = s.id when not matched then insert (id) overriding system value values (1)

merge into t using s on t.id = s.id when not matched then insert overriding user value values (1, 2)

merge into t x using (values (1, 2)) v (a, b) on x.a = v.a and x.b = v.b when matched then update set b = v.b, c = x.c || 'x' when not matched then insert (a, b) values (v.a, v.b)
