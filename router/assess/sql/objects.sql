-- Everything that is not a table and that shards or statements have to do with: its kind, its name, and the table.
with mine as (
  select oid, nspname from pg_namespace
  where nspname not in ('pg_catalog', 'information_schema', 'keyway') and nspname !~ '^pg_(toast|temp)'
), extended as (
  select classid, objid, refobjid from pg_depend where deptype = 'e' and refclassid = 'pg_extension'::regclass
)
select case c.relkind when 'v' then 'view' else 'materialized view' end as kind, n.nspname || '.' || c.relname as name,
  0::oid as "table", '' as body
from pg_class c join mine n on n.oid = c.relnamespace
where c.relkind in ('v', 'm') and not exists (select from extended where classid = 'pg_class'::regclass and objid = c.oid)
union all
select 'member', n.nspname || '.' || c.relname, 0, ''
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join extended e on e.classid = 'pg_class'::regclass and e.objid = c.oid
where c.relkind in ('r', 'v', 'm', 'p', 'f')
union all
select 'partition', n.nspname || '.' || c.relname, pg_partition_root(c.oid)::oid, ''
from pg_class c join mine n on n.oid = c.relnamespace
where c.relispartition and c.relkind in ('r', 'p', 'f')
union all
select 'trigger', t.tgname, coalesce(case when c.relispartition then pg_partition_root(c.oid) end::oid, c.oid), ''
from pg_trigger t join pg_class c on c.oid = t.tgrelid join mine n on n.oid = c.relnamespace
where not t.tgisinternal and t.tgparentid = 0
union all
select 'function', n.nspname || '.' || p.proname, 0, coalesce(p.prosrc, '')
from pg_proc p join mine n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
where l.lanname not in ('c', 'internal')
  and not exists (select from extended where classid = 'pg_proc'::regclass and objid = p.oid)
union all
select 'extension', extname, 0, '' from pg_extension where extname not in ('plpgsql', 'pg_stat_statements')
union all
select 'large objects', count(*)::text, 0, '' from pg_largeobject_metadata having count(*) > 0
order by 1, 2
