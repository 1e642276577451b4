select json_build_object('tables', (select coalesce(json_agg(json_build_object(
  'schema', t.schema_name, 'name', t.table_name, 'kind', t.kind, 'key_columns', t.key_columns, 'key_types', t.key_types,
  'home', coalesce(t.home, ''), 'has_slot', t.has_slot, 'oid', coalesce(c.oid, 0)::bigint,
  'columns', (
    select json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'oid', a.atttypid::bigint, 'not_null', a.attnotnull,
      'generated', a.attgenerated <> '', 'loose', l.collisdeterministic is false,
      'collation', case when l.collname is null or l.collname = 'default' then ''
        else format('%s.%I', l.collnamespace::regnamespace::text, l.collname) end,
      'key_type', case when l.collisdeterministic is false then '' else case a.atttypid
        when 'pg_catalog.int2'::regtype then 'smallint' when 'pg_catalog.int4'::regtype then 'integer'
        when 'pg_catalog.int8'::regtype then 'bigint' when 'pg_catalog.uuid'::regtype then 'uuid'
        when 'pg_catalog.bytea'::regtype then 'bytea' when 'pg_catalog.text'::regtype then 'text'
        when 'pg_catalog.varchar'::regtype then 'text' else '' end end) order by a.attnum)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_collation l on l.oid = a.attcollation
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'triggers', (
    select json_agg(g.tgname order by g.tgname)
    from pg_catalog.pg_trigger g
    where g.tgrelid = c.oid and g.tgname = any (ours.names)
      and g.tgenabled in ('A', case when g.tgname like '~~keyway\_1\_%' then 'A' else 'O' end)),
  'late', coalesce((
    select min(g.tgname::text)
    from pg_catalog.pg_trigger g
    where g.tgrelid in (select c.oid union select relid from pg_catalog.pg_partition_tree(c.oid))
      and not g.tgisinternal and g.tgtype & 3 = 3 and g.tgtype & 20 <> 0 and g.tgenabled <> 'D'
      and g.tgname collate "C" > ours.names[1] collate "C" and g.tgname <> all (ours.names)), '')
) order by t.schema_name, t.table_name), '[]')
from keyway.tables t
cross join (select array['~~keyway_1_fill', '~~keyway_1_refill', '~~keyway_2_key',
  '~~keyway_3_insert', '~~keyway_3_update', '~~keyway_3_delete'] as names) ours
left join pg_catalog.pg_namespace n on n.nspname = t.schema_name
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = t.table_name and c.relkind in ('r', 'p')), 'functions', (select coalesce(json_agg(f.one order by f.schema_name, f.function_name), '[]') from (
  select f.schema_name, f.function_name, json_build_object('schema', f.schema_name, 'name', f.function_name,
    'signatures', json_agg(json_build_object('arguments', f.arguments, 'definition', coalesce(now.definition, ''),
      'immutable', coalesce(now.immutable, false), 'same', now.definition is not distinct from f.definition) order by f.arguments),
    'others', (select count(*) from pg_catalog.pg_proc p where p.proname = f.function_name
      and p.pronamespace = (select oid from pg_catalog.pg_namespace where nspname = f.schema_name)) - count(now.oid),
    'taken', exists (select from pg_catalog.pg_proc p where p.proname = f.function_name
      and p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)) as one
  from keyway.functions f
  left join keyway.function_facts now using (schema_name, function_name, arguments)
  group by f.schema_name, f.function_name) f))
