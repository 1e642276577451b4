-- A large table is given its slot column in steps, none of which stops readers or writers for long:
--
--   select keyway.prepare_table('orders', 'tenant_id');        -- an instant: the column, NULL for rows that are there
--   select keyway.backfill_table('orders', 10000);             -- one batch; again and again until it returns 0
--   create index concurrently on orders (slot, <primary key>);
--   select keyway.validate_table('orders');                    -- reads the table once, beside readers and writers
--
-- Each may be repeated after an interruption, and keyway.unshard_table undoes them. Rows written meanwhile get their
-- slot from the triggers. Until validate_table the registry says that the table has no slot column.

create function keyway.prepare_table(tbl regclass, variadic key_columns text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  key record;
begin
  perform keyway.lock_schema();
  perform keyway.check_relation(tbl);
  select * into key from keyway.key_of(tbl, key_columns);
  execute format('lock table %s in access exclusive mode', tbl);
  if (keyway.registered(tbl)).has_slot then
    perform keyway.refuse(tbl, 'it has its slot column already', 'There is nothing to prepare.');
  elsif not keyway.owns_every_slot() then
    perform keyway.refuse(tbl, 'a table is prepared in steps while one shard owns every slot, and this one does not',
      'Shard the table while it is empty, and import its rows.');
  end if;
  perform keyway.check_partitioning(tbl);
  perform keyway.check_triggers(tbl);
  perform keyway.check_uniqueness(tbl, key.columns);
  perform keyway.check_sequences(tbl);
  perform keyway.register(tbl, 'sharded', key.columns, key.types, null);
  perform keyway.check_foreign_keys(tbl, keyway.registered(tbl));

  if not exists (select from pg_attribute where attrelid = tbl and attname = 'slot' and not attisdropped) then
    execute format('alter table %s add column slot smallint', tbl);
    update keyway.tables set made_slot = true, updated_at = now() where relid = tbl;
  elsif not keyway.is_prepared(tbl) then
    perform keyway.refuse(tbl, 'it has a column slot already', 'Rename that column first.');
  end if;
  if not exists (select from pg_constraint where conrelid = tbl and conname = 'keyway_slot_filled') then
    execute format('alter table %s add constraint keyway_slot_filled check (slot is not null) not valid, '
      'add constraint keyway_slot check (slot between 0 and 32767) not valid', tbl);
  end if;
  perform keyway.make_fill_triggers(tbl, key.columns, key.types);
  perform keyway.make_guard_triggers(tbl, key.columns);
end $$;

-- backfill_table computes the slot of about batch rows that have none and returns how many it changed; 0 means that it
-- reached the end. Call it in a transaction of its own each time, so that its locks are short. It goes through the
-- table's pages once, in order, and remembers how far it came. The user's own UPDATE triggers fire.
create function keyway.backfill_table(tbl regclass, batch int default 10000) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  r constant keyway.tables := keyway.registered(tbl);
  leaf record;
  pages bigint;
  size bigint;
  n bigint;
begin
  if r.kind is distinct from 'sharded' or not keyway.is_prepared(tbl) then
    perform keyway.refuse(tbl, 'it is not prepared', format('select keyway.prepare_table(%L, ...)', tbl));
  elsif r.has_slot then
    return 0;
  end if;
  for leaf in select c.oid, c.relfilenode, c.reltuples, c.relpages
              from pg_class c where c.oid in (select keyway.family(tbl)) and c.relkind = 'r' order by c.oid loop
    insert into keyway.backfill as b (relid, relfilenode) values (leaf.oid, leaf.relfilenode)
    on conflict (relid) do update set relfilenode = excluded.relfilenode, next_block = 0 -- rewritten since: from the start
    where b.relfilenode <> excluded.relfilenode;
    pages := greatest(1, batch / greatest(1, case when leaf.reltuples > 0 and leaf.relpages > 0
      then (leaf.reltuples / leaf.relpages)::int else 50 end));
    loop
      size := pg_relation_size(leaf.oid) / current_setting('block_size')::int;
      update keyway.backfill set next_block = least(next_block + pages, size)
      where relid = leaf.oid and next_block < size returning next_block into n;
      exit when not found;
      execute format('update %s set slot = %s where slot is null and ctid >= $1 and ctid < $2',
        leaf.oid::regclass, keyway.slot_expression('', r.key_columns, r.key_types))
      using format('(%s,0)', greatest(n - pages, 0))::tid, format('(%s,0)', n)::tid;
      get diagnostics n = row_count;
      if n > 0 then
        return n;
      end if;
    end loop;
  end loop;
  return 0;
end $$;

-- validate_table proves that every row has its slot, makes the column NOT NULL and the replica identity contain it,
-- and tells the registry that the table is complete.
create function keyway.validate_table(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  r constant keyway.tables := keyway.registered(tbl);
begin
  if r.kind is distinct from 'sharded' or not keyway.is_prepared(tbl) then
    perform keyway.refuse(tbl, 'it is not prepared', format('select keyway.prepare_table(%L, ...)', tbl));
  elsif r.has_slot then
    return;
  end if;
  perform keyway.check_identity(tbl);
  begin
    execute format('alter table %s validate constraint keyway_slot_filled', tbl);
  exception when check_violation then
    delete from keyway.backfill where relid in (select keyway.family(tbl));
    perform keyway.refuse(tbl, 'it still has rows without a slot',
      format('Call keyway.backfill_table(%L) until it returns 0; rows without a usable key are: select * from %s where %s is null',
        tbl, tbl, keyway.slot_expression('', r.key_columns, r.key_types)));
  end;
  execute format('alter table %s validate constraint keyway_slot', tbl);
  -- PostgreSQL takes NOT NULL from the validated constraint and does not read the table again.
  execute format('alter table %s alter column slot set not null', tbl);
  execute format('alter table %s drop constraint keyway_slot_filled', tbl);
  perform keyway.make_identity(tbl);
  update keyway.tables set has_slot = true, updated_at = now() where relid = tbl;
  delete from keyway.backfill where relid in (select keyway.family(tbl));
end $$;
