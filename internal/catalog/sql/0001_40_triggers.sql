-- The triggers on a sharded table. PostgreSQL fires BEFORE ROW triggers in the order of their names' bytes, so ours
-- begin with ~~, after the names people give:
--
--   ~~keyway_1_fill     computes the slot of every inserted row, whatever the client sent
--   ~~keyway_1_refill   computes it where an UPDATE left it NULL: rows not yet backfilled, and set slot = null
--   ~~keyway_2_key      refuses an UPDATE that changes the key or the slot
--   ~~keyway_3_*        refuse a row whose slot this shard does not own
--
-- No client is believed, the library neither: computing costs less than what a wrong slot costs, and it stays right
-- when a trigger of the user's changes the key of a row that the library has sent with its slot.
--
-- The two fill triggers are ENABLE ALWAYS, because the workers of logical replication skip ordinary triggers and would
-- fail on NOT NULL; they keep the slot that a publisher sent. The others must not run there: moves write through them.
--
-- The trigger functions that call others or read a table are SECURITY DEFINER, since whoever may insert into the table
-- need not have any right on the schema keyway.

create function keyway.trigger_names() returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select array['~~keyway_1_fill', '~~keyway_1_refill', '~~keyway_2_key', '~~keyway_3_insert', '~~keyway_3_update', '~~keyway_3_delete']
$$;

create function keyway.refuse_slot() returns trigger
language plpgsql as $$
begin
  raise exception using errcode = 'KW001',
    message = format('slot %s of table %I.%I is not owned by this shard',
      case when tg_op = 'DELETE' then old.slot else new.slot end, tg_table_schema, tg_table_name),
    hint = 'Read the shard map again and send the statement to the shard that owns the slot.';
end $$;

create function keyway.refuse_key_change() returns trigger
language plpgsql as $$
begin
  raise exception using errcode = 'KW002',
    message = format('an update of table %I.%I changes the shard key or the slot of a row', tg_table_schema, tg_table_name),
    hint = 'Delete the row and insert it anew under its new key; a row whose key changes may belong to another shard.';
end $$;

create function keyway.refuse_key(tg_table_schema text, tg_table_name text, columns text) returns void
language plpgsql as $$
begin
  raise exception using errcode = 'KW003',
    message = format('the shard key (%s) of table %I.%I is NULL, empty, too long or not spelled in canonical form',
      columns, tg_table_schema, tg_table_name),
    hint = 'Every row needs a key: one that is not NULL, not empty, at most 1 MiB, and, for a uuid kept as text, in '
      'lower case with hyphens.';
end $$;

-- For a shard with many ranges, where a list in WHEN would be slow to read. The row lock is what makes it right under
-- REPEATABLE READ: a plain read would see the ranges of the transaction's snapshot and let a stale write through.
create function keyway.lookup_slot() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  s smallint := case when tg_op = 'DELETE' then old.slot else new.slot end;
begin
  if s is not null then
    perform from keyway.owned where s between lo and hi for key share;
    if not found then
      raise exception using errcode = 'KW001',
        message = format('slot %s of table %I.%I is not owned by this shard', s, tg_table_schema, tg_table_name),
        hint = 'Read the shard map again and send the statement to the shard that owns the slot.';
    end if;
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$;

-- The function that fills the slot of tables with this key. It depends on nothing but the key's columns, so that
-- tables with the same key share it and a renamed table keeps it. Returns its name.
create function keyway.make_fill_function(columns text[], types text[]) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $outer$
declare
  readable constant text := left(regexp_replace(lower(array_to_string(columns, '_')), '[^a-z0-9_]', '_', 'g'), 30);
  name constant text := format('fill_%s_%s', readable, left(md5(columns::text || types::text), 8));
  body constant text := format($body$
begin
  new.slot := %s;
  if new.slot is null then
    perform keyway.refuse_key(tg_table_schema, tg_table_name, %L);
  end if;
  return new;
end $body$, keyway.slot_expression('new.', columns, types), keyway.names(columns));
begin
  if not exists (select from pg_proc where pronamespace = 'keyway'::regnamespace and proname = name and prosrc = body) then
    execute format('create or replace function keyway.%I() returns trigger language plpgsql security definer '
      'set search_path = pg_catalog, pg_temp as %L', name, body);
    execute format('revoke all on function keyway.%I() from public', name);
  end if;
  return name;
end $outer$;

-- The condition that this shard owns a slot, as an expression of literals; null when there are more than 8 ranges.
create function keyway.owned_expression(slot text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when count(*) <= 8
    then coalesce(string_agg(format('%s between %s and %s', slot, lo, hi), ' or ' order by lo), 'false') end
  from keyway.owned
$$;

create function keyway.make_fill_triggers(tbl regclass, columns text[], types text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  fill constant text := keyway.make_fill_function(columns, types);
begin
  execute format('create or replace trigger "~~keyway_1_fill" before insert on %s for each row '
    'when (new.slot is null or current_setting(''session_replication_role'') <> ''replica'') '
    'execute function keyway.%I()', tbl, fill);
  execute format('create or replace trigger "~~keyway_1_refill" before update on %s for each row '
    'when (new.slot is null) execute function keyway.%I()', tbl, fill);
  execute format('alter table %s enable always trigger "~~keyway_1_fill", enable always trigger "~~keyway_1_refill"', tbl);
end $$;

create function keyway.make_guard_triggers(tbl regclass, columns text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  changed constant text := (select string_agg(format('old.%1$I is distinct from new.%1$I', c), ' or ') from unnest(columns) c);
  event text;
  owned text;
begin
  execute format('create or replace trigger "~~keyway_2_key" before update on %s for each row '
    'when (%s or (old.slot is not null and old.slot is distinct from new.slot)) '
    'execute function keyway.refuse_key_change()', tbl, changed);
  foreach event in array array['insert', 'update', 'delete'] loop
    owned := keyway.owned_expression(case event when 'delete' then 'old.slot' else 'new.slot' end);
    if owned is null then
      execute format('create or replace trigger %I before %s on %s for each row execute function keyway.lookup_slot()',
        '~~keyway_3_' || event, event, tbl);
    else
      execute format('create or replace trigger %I before %s on %s for each row when (not (%s)) '
        'execute function keyway.refuse_slot()', '~~keyway_3_' || event, event, tbl, owned);
    end if;
  end loop;
end $$;

create function keyway.drop_triggers(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  name text;
begin
  for name in select tgname from pg_trigger where tgrelid = tbl and tgname = any (keyway.trigger_names()) and tgparentid = 0 loop
    execute format('drop trigger %I on %s', name, tbl);
  end loop;
end $$;

-- The names of the user's triggers that fire after ours and could still change a row's key.
create function keyway.late_triggers(tbl regclass) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(distinct tgname::text), '{}')
  from pg_trigger
  where tgrelid in (select keyway.family(tbl)) and not tgisinternal and tgtype & 3 = 3 and tgtype & 20 <> 0
    and tgname collate "C" > '~~keyway_1_fill' collate "C" and tgname <> all (keyway.trigger_names())
$$;

create function keyway.check_triggers(tbl regclass) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  late constant text[] := keyway.late_triggers(tbl);
begin
  if cardinality(late) > 0 then
    perform keyway.refuse(tbl, format('trigger %I fires after the one that computes the slot, and could change the key', late[1]),
      format('alter trigger %I on %s rename to %I', late[1], tbl, 'a_' || ltrim(late[1], '~')));
  end if;
end $$;
