-- shard_table registers a table as sharded by the columns and makes everything it needs, in the caller's transaction
-- and under ACCESS EXCLUSIVE: the slot column (filled for the rows that are there), its triggers, and the replica
-- identity by which moves find rows. It changes no existing constraint. Called again with the same key it makes what
-- is missing. A table with more than about a million rows is sent to prepare_table.
create function keyway.shard_table(tbl regclass, variadic key_columns text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  key record;
begin
  perform keyway.lock_schema();
  perform keyway.check_relation(tbl);
  select * into key from keyway.key_of(tbl, key_columns);
  execute format('lock table %s in access exclusive mode', tbl);
  perform keyway.check_sharded(tbl, key.columns, key.types);
  perform keyway.check_size(tbl);

  perform keyway.add_slot_column(tbl, key.columns, key.types);
  perform keyway.make_identity(tbl);
  perform keyway.drop_triggers(tbl);
  perform keyway.make_fill_triggers(tbl, key.columns, key.types);
  perform keyway.make_guard_triggers(tbl, key.columns);
  update keyway.tables t set has_slot = true, updated_at = now()
  from keyway.registered(tbl) r where (t.schema_name, t.table_name) = (r.schema_name, r.table_name);
  perform keyway.check_rows_owned(tbl);
end $$;

-- adopt_table registers a table as sharded without touching it: while this one shard owns every slot, no row needs to
-- say where it belongs. Before slots can be given away, it must be given its slot column by shard_table, or by
-- prepare_table and the steps after it.
create function keyway.adopt_table(tbl regclass, variadic key_columns text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  key record;
begin
  perform keyway.lock_schema();
  perform keyway.check_relation(tbl);
  select * into key from keyway.key_of(tbl, key_columns);
  if not keyway.owns_every_slot() then
    perform keyway.refuse(tbl, 'it cannot be adopted as it is, because this shard does not own every slot',
      format('select keyway.shard_table(%L, %s)', tbl, (select string_agg(quote_literal(k), ', ') from unnest(key_columns) k)));
  end if;
  perform keyway.register(tbl, 'sharded', key.columns, key.types, null);
end $$;

-- Registering a table and changing what this shard owns exclude each other: otherwise a table that is just being made
-- could miss the change and keep the triggers of before.
create function keyway.lock_schema() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform from keyway.map for update;
end $$;

-- Every rule for a table that is to hold its rows on several shards; registers it.
create function keyway.check_sharded(tbl regclass, columns text[], types text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform keyway.check_partitioning(tbl);
  perform keyway.check_slot_column(tbl, columns, types);
  perform keyway.check_triggers(tbl);
  perform keyway.check_uniqueness(tbl, columns);
  perform keyway.check_sequences(tbl);
  perform keyway.register(tbl, 'sharded', columns, types, null);
  perform keyway.check_foreign_keys(tbl, keyway.registered(tbl));
end $$;

create function keyway.owns_every_slot() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (select from keyway.owned where lo = 0 and hi >= 16383)
$$;

-- Writes the registry's row. A table that is registered as something else is refused; the same again is nothing.
create function keyway.register(tbl regclass, kind text, columns text[], types text[], home text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  r keyway.tables;
  relation name;
  namespace name;
begin
  r := keyway.registered(tbl);
  if r.kind = kind and r.key_columns = columns and r.key_types = types and r.home is not distinct from home then
    update keyway.tables t set relid = tbl -- a restored dump has other oids
    where t.schema_name = r.schema_name and t.table_name = r.table_name and t.relid <> tbl;
    return;
  elsif r.kind is not null then
    perform keyway.refuse(tbl, format('it is registered already, as %s', keyway.describe(r)),
      format('To register it differently: select keyway.unshard_table(%L)', tbl));
  end if;
  select c.relname, n.nspname into relation, namespace
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = tbl;
  delete from keyway.tables where schema_name = namespace and table_name = relation;
  insert into keyway.tables (schema_name, table_name, relid, kind, key_columns, key_types, home, identity_before)
  select namespace, relation, tbl, register.kind, columns, types, register.home, relreplident::text from pg_class where oid = tbl;
end $$;

create function keyway.describe(r keyway.tables) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case r.kind when 'sharded' then 'sharded by ' || array_to_string(r.key_columns, ', ')
    when 'home' then 'a home table of ' || r.home else 'a reference table' end
$$;

-- Rows are routed to a partition before triggers run, so a slot that a trigger computes comes too late for that.
create function keyway.check_partitioning(tbl regclass) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if exists (
    select from pg_partitioned_table p
    join pg_attribute a on a.attrelid = p.partrelid and a.attname = 'slot'
    where p.partrelid in (select keyway.family(tbl))
      and (a.attnum = any (p.partattrs::int2[]) or pg_get_partkeydef(p.partrelid) ~ '\mslot\M'))
  then
    perform keyway.refuse(tbl,
      'it is partitioned by slot, and PostgreSQL chooses the partition before a trigger can compute the slot',
      'Partition by another column.');
  end if;
end $$;

-- Judges a column named slot that is there already. One that may be ours is a smallint whose values are right.
create function keyway.check_slot_column(tbl regclass, columns text[], types text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  a pg_attribute;
  wrong bigint;
begin
  select * into a from pg_attribute where attrelid = tbl and attname = 'slot' and not attisdropped;
  if not found then
    return;
  elsif a.attgenerated <> '' then
    perform keyway.refuse(tbl, 'its column slot is generated, and generated columns are not replicated before PostgreSQL 18',
      format('alter table %s alter column slot drop expression', tbl));
  elsif a.atttypid <> 'int2'::regtype then
    perform keyway.refuse(tbl,
      format('it has a column slot of type %s, which means something else', format_type(a.atttypid, a.atttypmod)),
      format('alter table %s rename column slot to ...', tbl));
  end if;
  execute format('select count(*) from %s where slot is distinct from %s and slot is not null',
    tbl, keyway.slot_expression('', columns, types)) into wrong;
  if wrong > 0 then
    perform keyway.refuse(tbl, format('its column slot holds other values than the slots of its keys, in %s rows', wrong),
      format('alter table %s rename column slot to ...; or, if they were meant to be slots: update %s set slot = null',
        tbl, tbl));
  end if;
end $$;

create function keyway.estimated_rows(tbl regclass) returns double precision
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(sum(case when reltuples >= 0 and relpages > 0
    then reltuples / relpages * pg_relation_size(oid) / current_setting('block_size')::int
    else pg_relation_size(oid) / 64 end), 0)
  from pg_class where oid in (select keyway.family(tbl)) and relkind = 'r'
$$;

-- About a million rows take some ten seconds under the lock.
create function keyway.check_size(tbl regclass) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  rows constant double precision := keyway.estimated_rows(tbl);
begin
  if rows > 1000000 and not keyway.is_allowed(tbl, 'long_lock') and not (keyway.registered(tbl)).has_slot then
    perform keyway.refuse(tbl,
      format('it has about %s million rows, which would be rewritten under a lock that stops every reader and writer',
        round(rows / 1000000)),
      format('Use keyway.prepare_table(%L, ...), which does it in steps. If the lock does no harm: '
        'select keyway.allow(%L, ''long_lock'')', tbl, tbl));
  end if;
end $$;

-- The slot column, complete. The rows that are there are rewritten once, which fires no trigger and leaves no bloat.
create function keyway.add_slot_column(tbl regclass, columns text[], types text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from pg_attribute where attrelid = tbl and attname = 'slot' and not attisdropped and attnotnull)
    and (keyway.registered(tbl)).has_slot then
    return;
  end if;
  if not exists (select from pg_attribute where attrelid = tbl and attname = 'slot' and not attisdropped) then
    execute format('alter table %s add column slot smallint', tbl);
    update keyway.tables set made_slot = true where relid = tbl;
  end if;
  begin
    execute format('alter table %s alter column slot type smallint using %s, alter column slot set not null, '
      'drop constraint if exists keyway_slot, add constraint keyway_slot check (slot between 0 and 32767)',
      tbl, keyway.slot_expression('', columns, types));
  exception when not_null_violation then
    perform keyway.refuse(tbl, 'it has rows whose shard key is empty, too long or not spelled in canonical form',
      format('Give them a key first; they are: select * from %s where %s is null', tbl, keyway.slot_expression('', columns, types)));
  end;
end $$;

-- Makes what moves need: an index that starts with the slot, to read, compare and delete a range of slots; and a
-- replica identity that contains the slot, so that a publication may filter on it: the primary key where that contains
-- it, else the whole row. The subscriber finds the row by its own primary key all the same.
--
-- Not a unique index of the slot and the primary key, though it would be a narrower identity: INSERT ... ON CONFLICT
-- (primary key) waits for a concurrent insert of the same row on the index it names only, and fails with a unique
-- violation on any other index that covers the same columns.
create function keyway.make_identity(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  leaf regclass;
begin
  if not keyway.has_slot_index(tbl) then
    execute format('create index on %s (%s)', tbl, keyway.slot_index_columns(tbl));
  end if;
  if not 'slot' = any (keyway.primary_key(tbl)) then
    for leaf in select f from keyway.family(tbl) f loop
      execute format('alter table %s replica identity full', leaf);
    end loop;
  end if;
end $$;

-- Refuses a table whose index for that would have to be built under a lock for longer than a moment.
create function keyway.check_identity(tbl regclass) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if not keyway.has_slot_index(tbl) and keyway.estimated_rows(tbl) > 10000 then
    perform keyway.refuse(tbl, 'it has no index that starts with the slot, by which moves find rows',
      format(case (select relkind from pg_class where oid = tbl)
        when 'p' then 'create index on only %1$s (%2$s), then one concurrently on each partition, and attach them'
        else 'create index concurrently on %1$s (%2$s)' end, tbl, keyway.slot_index_columns(tbl)));
  end if;
end $$;

-- The columns of the primary key that a row can be identified by during a move; empty when there are none.
create function keyway.primary_key(tbl regclass) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(a.attname::text order by k.n), '{}')
  from pg_index x
  cross join lateral unnest((x.indkey::int2[])[0:x.indnkeyatts - 1]) with ordinality k(attnum, n)
  join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
  where x.indrelid = tbl and x.indisprimary and x.indimmediate
$$;

create function keyway.slot_index_columns(tbl regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select keyway.names('slot'::text || array_remove(keyway.primary_key(tbl), 'slot'))
$$;

create function keyway.has_slot_index(tbl regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from pg_index x join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
    where x.indrelid = tbl and a.attname = 'slot' and x.indisvalid and x.indpred is null)
$$;

-- Refuses to leave rows behind that belong to other shards.
create function keyway.check_rows_owned(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  n bigint;
begin
  if keyway.owns_every_slot() then
    return;
  end if;
  execute format('select count(*) from %s t '
    'where not exists (select from keyway.owned o where t.slot between o.lo and o.hi)', tbl) into n;
  if n > 0 then
    perform keyway.refuse(tbl, format('%s of its rows belong to other shards', n),
      'Shard the table while it is empty, and import the rows with `keyway import`, which sends each to its shard.');
  end if;
end $$;

-- unshard_table is the way back: the table is no longer registered, and what was added to it is removed, the slot
-- column too unless the table had one before. It serves every kind of registration.
create function keyway.unshard_table(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  r keyway.tables;
  leaf regclass;
begin
  r := keyway.registered(tbl);
  if r.kind is null then
    perform keyway.refuse(tbl, 'it is not registered', 'There is nothing to undo.');
  end if;
  if r.kind = 'sharded' then
    perform keyway.check_relation(tbl);
    perform keyway.drop_triggers(tbl);
    execute format('alter table %s drop constraint if exists keyway_slot, drop constraint if exists keyway_slot_filled', tbl);
    for leaf in select f from keyway.family(tbl) f loop
      execute format('alter table %s replica identity %s', leaf,
        case r.identity_before when 'f' then 'full' when 'n' then 'nothing' else 'default' end);
    end loop;
    if r.made_slot then
      execute format('alter table %s drop column if exists slot', tbl);
    end if;
  end if;
  delete from keyway.backfill where relid in (select keyway.family(tbl));
  delete from keyway.tables where (schema_name, table_name) = (r.schema_name, r.table_name);
end $$;

-- forget_table removes from the registry a table that was dropped.
create function keyway.forget_table(schema_name text, table_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if to_regclass(format('%I.%I', schema_name, table_name)) is not null then
    perform keyway.refuse(to_regclass(format('%I.%I', schema_name, table_name)), 'it still exists',
      format('select keyway.unshard_table(%L)', format('%I.%I', schema_name, table_name)));
  end if;
  delete from keyway.tables t where t.schema_name = forget_table.schema_name and t.table_name = forget_table.table_name;
  delete from keyway.allowances t where t.schema_name = forget_table.schema_name and t.table_name = forget_table.table_name;
end $$;
