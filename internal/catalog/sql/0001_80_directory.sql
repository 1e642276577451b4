-- pin_key gives a key a slot of its own, 16384 to 32767, by name instead of by hash: a large tenant, a region. The key
-- is its canonical bytes: int8send(42), convert_to('acme', 'UTF8'), uuid_send(...), or key_part(...) || key_part(...).
-- It must be pinned on every shard, before its first row is written anywhere.
--
-- The pins become literals of the fill functions. A transaction reads those as they are when it first locks the table,
-- whatever its snapshot; a lookup in the directory itself would give a wrong slot under REPEATABLE READ.
create function keyway.pin_key(key bytea, slot int) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  t keyway.tables;
  n bigint;
  tbl regclass;
  taken boolean;
begin
  perform keyway.lock_schema();
  select count(*) into n from keyway.directory;
  if key is null or length(key) = 0 or slot is null or slot not between 16384 and 32767 then
    raise exception using errcode = 'KW004', message = 'a key is pinned to a slot from 16384 to 32767, and is not empty',
      hint = 'Slots below 16384 are given by the hash.';
  elsif n >= 1000 then
    raise exception using errcode = 'KW004', message = 'a shard knows at most 1000 pinned keys',
      hint = 'Pin the largest tenants only; the hash spreads the others well.';
  elsif exists (select from keyway.directory d where d.key = pin_key.key and d.slot = pin_key.slot) then
    return;
  end if;
  for t in select * from keyway.tables where kind = 'sharded' order by schema_name, table_name loop
    tbl := keyway.relation(t);
    continue when tbl is null;
    execute format('lock table %s in share row exclusive mode', tbl);
    execute format('select exists (select from %s where %s %s = $1)', tbl,
      case when t.has_slot then format('slot = %s and', keyway.slot_of(key)) else '' end,
      keyway.key_bytes('', t.key_columns, t.key_types)) into taken using key;
    if taken then
      perform keyway.refuse(tbl, 'it has rows of this key, whose slot cannot change where they are',
        'Pin a key before its first row is written.');
    end if;
  end loop;
  insert into keyway.directory values (key, slot);
  perform keyway.make_fill_function(k.key_columns, k.key_types)
  from (select distinct key_columns, key_types from keyway.tables where kind = 'sharded') k;
exception when unique_violation then
  raise exception using errcode = 'KW004', message = 'the key is pinned already, to another slot',
    hint = 'A key''s slot never changes.';
end $$;
