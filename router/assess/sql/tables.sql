-- The tables of the user, a partitioned one with its partitions as one. Rows and sizes are what the catalogs estimate
-- (reltuples, relpages), so that no table is opened or locked; pg_get_partkeydef and pg_relation_size would.
with member as (
  select c.oid, c.relkind, c.relpages, c.reltuples, c.reltoastrelid,
    coalesce(case when c.relispartition then pg_partition_root(c.oid) end::oid, c.oid) as root
  from pg_class c
  where c.relkind in ('r', 'p', 'f')
), stored as (
  select m.root, count(*) - 1 as others,
    sum(case when m.relkind = 'r' then greatest(m.reltuples, 0) else 0 end)::float8 as rows,
    bool_or(m.relkind = 'r' and m.reltuples < 0) as unknown,
    sum((m.relpages + coalesce(t.relpages, 0) + coalesce((
      select sum(i.relpages) from pg_index x join pg_class i on i.oid = x.indexrelid
      where x.indrelid in (m.oid, m.reltoastrelid)), 0))::int8 * current_setting('block_size')::int8)::int8 as bytes,
    coalesce(sum(s.seq_scan + coalesce(s.idx_scan, 0)), 0)::int8 as reads,
    coalesce(sum(s.n_tup_ins), 0)::int8 as inserts,
    coalesce(sum(s.n_tup_upd + s.n_tup_del), 0)::int8 as changes
  from member m
  left join pg_class t on t.oid = m.reltoastrelid
  left join pg_stat_user_tables s on s.relid = m.oid
  group by m.root
)
select c.oid, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind, c.relpersistence::text as persistence,
  c.relrowsecurity as row_security, c.reloftype <> 0 as typed,
  c.relkind = 'r' and exists (select from pg_inherits where c.oid in (inhrelid, inhparent)) as inherits,
  exists (select from pg_rewrite where ev_class = c.oid) as has_rules,
  s.rows, s.unknown, s.bytes, s.others::int4 as partitions, s.reads, s.inserts, s.changes,
  coalesce((
    select array_agg(coalesce(a.attname::text, '(expression)') order by k.n)
    from pg_partitioned_table p cross join unnest(p.partattrs::int2[]) with ordinality k(num, n)
    left join pg_attribute a on a.attrelid = p.partrelid and a.attnum = k.num and k.num > 0
    where p.partrelid = c.oid), '{}') as partition_key
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join stored s on s.root = c.oid
where n.nspname not in ('pg_catalog', 'information_schema', 'keyway') and n.nspname !~ '^pg_(toast|temp)'
  and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e')
order by 2, 3
