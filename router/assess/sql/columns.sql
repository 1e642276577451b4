-- The columns of ordinary and partitioned tables, with what ANALYZE knows of them. Of the values only frequencies are read.
select a.attrelid as "table", a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type, a.atttypid as oid,
  t.typname::text as type_name, t.typtype::text as type_kind, t.typcategory::text as category,
  case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) else '' end as base_type,
  a.attnotnull as not_null, a.attgenerated <> '' as generated, a.attidentity <> '' as identity,
  coalesce((select min(q.seqtypid::regtype::text)
    from pg_depend d join pg_sequence q on q.seqrelid = case when d.classid = 'pg_class'::regclass then d.objid else d.refobjid end
    where (d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refclassid = 'pg_class'::regclass
        and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and a.attidentity <> '')
      or (d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass
        and d.objid = (select oid from pg_attrdef where adrelid = a.attrelid and adnum = a.attnum))), '') as sequence,
  l.collisdeterministic is false as loose,
  case when l.collname is null or l.collname = 'default' then ''
    else format('%s.%I', l.collnamespace::regnamespace::text, l.collname) end as collation,
  s.null_frac::float8 as nulls, s.n_distinct::float8 as distinct_values, s.top::float8 as top
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_collation l on l.oid = a.attcollation
left join lateral (
  select null_frac, n_distinct, most_common_freqs[1] as top
  from pg_stats
  where schemaname = n.nspname and tablename = c.relname and attname = a.attname
  order by inherited desc limit 1) s on true
where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema', 'keyway') and n.nspname !~ '^pg_(toast|temp)'
order by a.attrelid, a.attnum
