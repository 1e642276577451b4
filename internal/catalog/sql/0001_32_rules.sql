-- What must hold over all shards: foreign keys and generated numbers. Uniqueness is in 0003_40_uniqueness.sql.

-- Why a foreign key cannot be kept when its two tables are registered like this; null when it can.
create function keyway.foreign_key_problem(child keyway.tables, parent keyway.tables, child_columns text[], parent_columns text[])
returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  at int;
begin
  if parent.kind = 'reference' then
    return null;
  elsif parent.kind is null then
    return 'which is not registered';
  elsif child.kind = 'reference' then
    return 'which is not a reference table, so its rows are not on every shard';
  elsif child.kind = 'home' then
    return case when parent.kind = 'home' and parent.home = child.home then null
      else 'whose rows are not all on the same shard' end;
  elsif parent.kind = 'home' then
    return format('which is only on shard %s', parent.home);
  elsif cardinality(child.key_columns) <> cardinality(parent.key_columns) then
    return 'which is sharded by another key';
  end if;
  if child.key_columns = parent.key_columns and not parent.key_columns && parent_columns then
    return null; -- both have the same key by name, and rows of one key stay together
  end if;
  for n in 1..cardinality(child.key_columns) loop
    at := array_position(child_columns, child.key_columns[n]);
    if at is null or parent_columns[at] <> parent.key_columns[n] then
      return 'and does not pair the shard keys of the two tables';
    end if;
  end loop;
  return null;
end $$;

-- Refuses the foreign keys, from this table and to it, that shards could not enforce. The row is what this table is
-- about to be registered as.
create function keyway.check_foreign_keys(tbl regclass, me keyway.tables) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  f record;
  child keyway.tables;
  parent keyway.tables;
  problem text;
begin
  for f in
    select con.*, (select array_agg(attname::text order by n) from unnest(con.conkey) with ordinality k(num, n)
              join pg_attribute on attrelid = con.conrelid and attnum = num) as from_columns,
           (select array_agg(attname::text order by n) from unnest(con.confkey) with ordinality k(num, n)
              join pg_attribute on attrelid = con.confrelid and attnum = num) as to_columns
    from pg_constraint con
    where con.contype = 'f' and con.conparentid = 0 and tbl in (con.conrelid, con.confrelid)
    order by con.conname
  loop
    child := case when f.conrelid = tbl then me else keyway.registered(f.conrelid) end;
    parent := case when f.confrelid = tbl then me else keyway.registered(f.confrelid) end;
    continue when child.kind is null; -- it is checked when it is registered
    problem := keyway.foreign_key_problem(child, parent, f.from_columns, f.to_columns);
    if problem is not null then
      perform keyway.refuse(tbl,
        format('foreign key %I of %s (%s) references %s, %s', f.conname, f.conrelid::regclass,
          array_to_string(f.from_columns, ', '), f.confrelid::regclass, problem),
        case when parent.kind is null then format('Register %s first, or drop the foreign key.', f.confrelid::regclass)
          when child.kind = 'sharded' and parent.kind = 'sharded' then
            format('Shard both tables by the same columns, and let the foreign key contain them: '
              'foreign key (%s, ...) references %s (%s, ...).',
              array_to_string(child.key_columns, ', '), f.confrelid::regclass, array_to_string(parent.key_columns, ', '))
          else 'Make the referenced table a reference table, or drop the foreign key.' end);
    end if;
  end loop;
end $$;

-- The table's row of the registry; a row of nulls when it has none. A row of a table that was dropped since does not count.
create function keyway.registered(tbl regclass) returns keyway.tables
language sql stable set search_path = pg_catalog, pg_temp as $$
  select t.*
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join keyway.tables t on t.schema_name = n.nspname and t.table_name = c.relname
  where c.oid = tbl and (t.relid = c.oid or not exists (select from pg_class o where o.oid = t.relid))
$$;

-- This shard's own numbers, 2^43 of them below 2^53, so that every one is exact in a float64 and in JSON. The first
-- 2^43 are nobody's: they are for the rows that were there before.
create function keyway.shard_block(out lo bigint, out hi bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  name constant text := (select shard from keyway.identity);
  n bigint;
begin
  if name ~ '^s(0|[1-9][0-9]{0,3})$' then
    n := substr(name, 2)::bigint;
  end if;
  if n is null or n > 1021 then
    raise exception using errcode = 'KW004',
      message = format('shard %s has no range of numbers of its own: only shards named s0 to s1021 have', name),
      hint = 'Name the shards so, or use ids that are unique by themselves, such as uuids.';
  end if;
  lo := (n + 1) * 8796093022208 + 1;
  hi := (n + 2) * 8796093022208;
end $$;

-- shard_sequence makes the numbers of an identity or serial column unique over all shards: from now on the column's
-- sequence gives numbers of this shard's block only. Rows that are there keep theirs.
create function keyway.shard_sequence(tbl regclass, column_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  seq constant regclass := pg_get_serial_sequence(tbl::text, column_name);
  block record;
  last bigint;
begin
  if seq is null then
    perform keyway.refuse(tbl, format('column %I has no identity or serial sequence', column_name),
      'Name the column whose numbers come from a sequence that it owns (alter sequence ... owned by).');
  elsif (select atttypid from pg_attribute where attrelid = tbl and attname = column_name) <> 'int8'::regtype then
    perform keyway.refuse(tbl, format('column %I is too narrow for numbers that are unique over all shards', column_name),
      format('alter table %s alter column %I type bigint', tbl, column_name));
  end if;
  select * into block from keyway.shard_block();
  execute format('select last_value from %s', seq) into last;
  execute format('alter sequence %s as bigint minvalue %s maxvalue %s start with %s no cycle %s', seq, block.lo, block.hi, block.lo,
    case when last between block.lo and block.hi then '' else format('restart with %s', block.lo) end);
end $$;

-- Refuses a column whose numbers come from a sequence of this shard alone.
create function keyway.check_sequences(tbl regclass) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  c record;
  block_lo bigint;
  block_hi bigint;
begin
  if keyway.is_allowed(tbl, 'sequence_per_shard') then
    return;
  end if;
  for c in
    select a.attname as name, a.attidentity <> '' as identity, s.seqmin, s.seqmax
    from pg_attribute a
    join pg_depend d on (d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refclassid = 'pg_class'::regclass
          and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and a.attidentity <> '')
      or (d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass
          and d.objid = (select oid from pg_attrdef where adrelid = a.attrelid and adnum = a.attnum))
    join pg_sequence s on s.seqrelid = case when d.classid = 'pg_class'::regclass then d.objid else d.refobjid end
    where a.attrelid = tbl and not a.attisdropped
  loop
    begin
      select lo, hi into block_lo, block_hi from keyway.shard_block();
      continue when c.seqmin >= block_lo and c.seqmax <= block_hi;
    exception when sqlstate 'KW004' then
      null; -- a shard without numbers of its own has no such sequence
    end;
    perform keyway.refuse(tbl,
      format('%s column %I counts on each shard by itself, so two shards would give equal numbers',
        case when c.identity then 'identity' else 'serial' end, c.name),
      format('select keyway.shard_sequence(%L, %L); if equal numbers on two shards do no harm: '
        'select keyway.allow(%L, ''sequence_per_shard'')', tbl, c.name, tbl));
  end loop;
end $$;
