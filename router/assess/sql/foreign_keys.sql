-- Foreign keys, with their columns in pairs.
select con.conname::text as name, con.conrelid as child, con.confrelid as parent,
  (select array_agg(attname::text order by n) from unnest(con.conkey) with ordinality k(num, n)
    join pg_attribute on attrelid = con.conrelid and attnum = num) as child_columns,
  (select array_agg(attname::text order by n) from unnest(con.confkey) with ordinality k(num, n)
    join pg_attribute on attrelid = con.confrelid and attnum = num) as parent_columns
from pg_constraint con
where con.contype = 'f' and con.conparentid = 0
order by 1, 2
