-- What must be unique. Of an exclusion constraint only the columns compared by equality count, and none that an index compares
-- by a nondeterministic collation, or by an operator that is not the equality of the column's type; the rule of
-- keyway.unique_columns.
select coalesce(case when c.relispartition then pg_partition_root(c.oid) end::oid, c.oid) as "table", ic.relname::text as name,
  x.indisprimary as "primary", x.indisexclusion as exclusion, k.columns
from pg_index x
join pg_class ic on ic.oid = x.indexrelid
join pg_class c on c.oid = x.indrelid
left join pg_constraint e on e.conindid = x.indexrelid and e.contype = 'x' -- out here once: nothing is indexed by conindid
cross join lateral (
  select coalesce(array_agg(a.attname::text order by o.n), '{}') as columns
  from unnest((x.indkey::int2[])[0:x.indnkeyatts - 1]) with ordinality o(attnum, n)
  join pg_attribute a on a.attrelid = x.indrelid and a.attnum = o.attnum
  left join pg_operator op on op.oid = e.conexclop[o.n]
  left join pg_collation l on l.oid = (x.indcollation::oid[])[o.n - 1]
  left join pg_opclass oc on oc.oid = (x.indclass::oid[])[o.n - 1]
  left join pg_amop m on m.amopfamily = oc.opcfamily and m.amoplefttype = oc.opcintype and m.amoprighttype = oc.opcintype
    and m.amopstrategy = 3 and oc.opcmethod = (select am.oid from pg_am am where am.amname = 'btree')
  left join pg_operator eq on eq.oid = coalesce(op.oid, m.amopopr)
  where (e.oid is null or op.oprname = '=') and l.collisdeterministic is not false
    and (eq.oprnamespace = 'pg_catalog'::regnamespace and (a.atttypid not in ('text'::regtype, 'varchar'::regtype) or eq.oprleft = 'text'::regtype)
      or a.atttypid >= 16384)) k
where (x.indisunique or x.indisexclusion) and c.relkind in ('r', 'p')
  and not exists (select from pg_inherits where inhrelid = x.indexrelid)
order by 1, 2
