-- Refuses a unique or exclusion constraint that does not contain the whole key: each shard would enforce it alone. A column
-- of the key counts where it is compared as keys are. By a nondeterministic collation of its own an index calls texts equal
-- that are on two shards, and by an operator class of its own whatever that says; that is not to be allowed, since an upsert
-- that names the key, and may mean this index, would change a row of another key.
create or replace function keyway.check_uniqueness(tbl regclass, columns text[]) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  i record;
begin
  for i in
    select ic.relname as name, x.indisprimary, x.indisexclusion, k.cols, k.otherwise
    from pg_index x
    join pg_class ic on ic.oid = x.indexrelid
    cross join lateral (
      select coalesce(array_agg(o.name order by o.n) filter (where o.otherwise is null), '{}') as cols,
             min(o.otherwise) filter (where o.name = any (columns)) as otherwise
      from keyway.unique_columns(x.indexrelid) o) k
    where x.indrelid in (select keyway.family(tbl)) and (x.indisunique or x.indisexclusion) and not columns <@ k.cols
      and (k.otherwise is not null or not keyway.is_allowed(tbl, 'unique_per_shard'))
    order by x.indrelid <> tbl, ic.relname
    limit 1
  loop
    if i.otherwise is not null then
      perform keyway.refuse(tbl,
        format('%s %I compares the shard key by the %s, which may call values equal that are on two shards, so it '
          'would hold within each shard only', case when i.indisexclusion then 'exclusion constraint' else 'unique index' end, i.name, i.otherwise),
        'Make it without COLLATE, with the default operator class and with the operator = of pg_catalog, or of lower(...) or '
          'another expression of the column.');
    end if;
    perform keyway.refuse(tbl,
      format('%s %I does not contain the shard key (%s), so it would hold within each shard only',
        case when i.indisprimary then 'primary key' when i.indisexclusion then 'exclusion constraint' else 'unique index' end,
        i.name, array_to_string(columns, ', ')),
      format('Make it (%s). If its values are unique by themselves, as uuids and numbers of a shard_sequence are, '
        'or need not be unique over all shards, say so before: select keyway.allow(%L, ''unique_per_shard'')',
        array_to_string(columns || array(select c from unnest(i.cols) c where c <> all (columns)), ', '), tbl));
  end loop;
end $$;

-- The columns that a unique index, or an exclusion constraint by an operator named =, compares for equality. otherwise says
-- by what, where that is not the equality of the column's type: the classes of a type that sort otherwise have it too.
create function keyway.unique_columns(index regclass) returns table (name text, n bigint, otherwise text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select a.attname::text, o.n,
    case when l.oid is not null then 'collation ' || l.oid::regcollation
      when e.oid is not null and op.oid is distinct from own.oid then 'operator ' || op.oid::regoperator
      when e.oid is null and m.amopopr is distinct from own.oid then format('operator class %s', c.opcname)
    end
  from pg_index x
  cross join lateral unnest((x.indkey::int2[])[0:x.indnkeyatts - 1]) with ordinality o(attnum, n)
  join pg_attribute a on a.attrelid = x.indrelid and a.attnum = o.attnum
  left join pg_constraint e on e.conindid = x.indexrelid and e.contype = 'x'
  left join pg_operator op on op.oid = e.conexclop[o.n]
  left join pg_collation l on l.oid = (x.indcollation::oid[])[o.n - 1] and not l.collisdeterministic
  left join pg_opclass c on c.oid = (x.indclass::oid[])[o.n - 1]
  left join pg_amop m on m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
    and m.amopstrategy = 3 and c.opcmethod = (select am.oid from pg_am am where am.amname = 'btree')
  left join lateral ( -- of a type that has none of its own, that of the type it is stored as
    select d.oid from pg_operator d
    where d.oprname = '=' and d.oprnamespace = 'pg_catalog'::regnamespace and d.oprleft = d.oprright
      and d.oprleft = case a.atttypid when 'varchar'::regtype then 'text'::regtype else a.atttypid end) own on true
  where x.indexrelid = index and (e.oid is null or op.oprname = '=')
$$;
