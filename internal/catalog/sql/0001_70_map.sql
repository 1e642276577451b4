-- write_map replaces the stored map. The version was checked by the caller.
create function keyway.write_map(version bigint, los smallint[], his smallint[], shards text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  delete from keyway.map_ranges;
  insert into keyway.map_ranges select * from unnest(los, his, shards);
  update keyway.map set version = write_map.version;
  perform pg_notify('keyway_map', write_map.version::text);
end $$;

-- swap_map publishes a new map in the catalog's database if the map there is of the version that is expected. Returns
-- the version that was found.
create function keyway.swap_map(expected bigint, version bigint, los smallint[], his smallint[], shards text[]) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  found_version bigint;
begin
  select m.version into strict found_version from keyway.map m for update;
  if found_version = expected then
    perform keyway.write_map(version, los, his, shards);
  end if;
  return found_version;
end $$;

-- store_map writes a shard's copy and makes its triggers enforce what it owns by it. Returns the version that was
-- found, and whether the map was stored; it is not when a later map, or another of the same version, is there.
create function keyway.store_map(version bigint, los smallint[], his smallint[], shards text[], self text,
  out found_version bigint, out stored boolean)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  select m.version into strict found_version from keyway.map m for update;
  stored := found_version < version or found_version = version and keyway.map_is(los, his, shards);
  if not stored then
    return;
  end if;
  if self is distinct from (select shard from keyway.identity) then
    raise exception using errcode = 'KW004',
      message = format('this database is shard %s, not %s', (select shard from keyway.identity), self),
      hint = 'Check the address of the shard in the configuration.';
  end if;
  if found_version < version then
    perform keyway.write_map(version, los, his, shards);
  end if;
  perform keyway.own(array(select r.lo from keyway.map_ranges r where r.shard = self order by r.lo),
    array(select r.hi from keyway.map_ranges r where r.shard = self order by r.lo));
end $$;

create function keyway.map_is(los smallint[], his smallint[], shards text[]) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array(select (lo, hi, shard) from keyway.map_ranges order by lo)
    = array(select (lo, hi, shard) from unnest(los, his, shards) u(lo, hi, shard) order by lo)
$$;

-- own makes this shard own exactly the ranges, in its table and in its triggers. Writers of slots that it loses are
-- waited for: making a trigger anew takes a lock that no writer holds beside it, and where triggers look slots up, the
-- deleted rows are locked by the writers that read them.
create function keyway.own(los smallint[], his smallint[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  t keyway.tables;
  literal_before constant boolean := (select count(*) <= 8 from keyway.owned);
  unready constant text := (select string_agg(format('%I.%I', schema_name, table_name), ', ' order by schema_name, table_name)
    from keyway.tables u where kind = 'sharded' and not has_slot and keyway.relation(u) is not null);
begin
  if (los, his) = (array(select lo from keyway.owned order by lo), array(select hi from keyway.owned order by lo)) then
    return;
  end if;
  if unready is not null and not coalesce(los[1] = 0 and his[1] >= 16383, false) then
    raise exception using errcode = 'KW004',
      message = format('this shard cannot give slots away: %s have no complete slot column yet', unready),
      hint = 'Give them one with keyway.shard_table, or with keyway.prepare_table and the steps after it.';
  end if;
  delete from keyway.owned o where not exists (select from unnest(los, his) u(lo, hi) where (u.lo, u.hi) = (o.lo, o.hi));
  insert into keyway.owned select * from unnest(los, his) on conflict (lo) do nothing;
  if literal_before or (select count(*) <= 8 from keyway.owned) then
    for t in select * from keyway.tables where kind = 'sharded' order by schema_name, table_name loop
      if keyway.is_prepared(keyway.relation(t)) then
        perform keyway.make_guard_triggers(keyway.relation(t), t.key_columns);
      end if;
    end loop;
  end if;
end $$;

-- The table of a row of the registry; null when it was dropped or renamed, which readers report as drift.
create function keyway.relation(t keyway.tables) returns regclass
language sql stable set search_path = pg_catalog, pg_temp as $$
  select to_regclass(format('%I.%I', t.schema_name, t.table_name))
$$;

create function keyway.is_prepared(tbl regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (select from pg_trigger where tgrelid = tbl and tgname = '~~keyway_1_fill')
$$;
