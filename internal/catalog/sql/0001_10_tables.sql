-- What a shard knows. Everything here is small, read by every process when it opens, and written rarely.

-- Which database this is.
create table keyway.identity (
  one         boolean primary key default true check (one),
  cluster_id  text not null check (cluster_id ~ '^[0-9a-f]{16}$'),
  shard       text not null,
  fingerprint text not null,
  catalog     text not null
);

-- The shard map: in the catalog's database the one that counts, elsewhere a copy to start from. Version 0: none yet.
create table keyway.map (
  one     boolean primary key default true check (one),
  version bigint not null check (version >= 0)
);
insert into keyway.map values (true, 0);

create table keyway.map_ranges (
  lo    smallint primary key,
  hi    smallint not null check (hi between lo and 32767),
  shard text not null
);

-- The slots this shard owns, as its triggers enforce them, merged. In the catalog's database the map may be a version
-- ahead of this for a moment: a move publishes the map first and then tells the shards.
create table keyway.owned (
  lo smallint primary key check (lo >= 0),
  hi smallint not null check (hi >= lo)
);

-- Keys pinned to a slot by name. The key is its canonical bytes.
create table keyway.directory (
  key  bytea primary key,
  slot smallint not null check (slot between 16384 and 32767)
);

-- The registered tables. relid tells a table that was dropped and made again from the one that was registered.
create table keyway.tables (
  schema_name     text not null,
  table_name      text not null,
  relid           oid not null,
  kind            text not null check (kind in ('sharded', 'reference', 'home')),
  key_columns     text[] not null default '{}',
  key_types       text[] not null default '{}',
  home            text,
  has_slot        boolean not null default false,
  made_slot       boolean not null default false, -- the slot column is ours to drop
  identity_before text not null default 'd',      -- pg_class.relreplident before, and what unshard_table restores
  updated_at      timestamptz not null default now(),
  primary key (schema_name, table_name),
  check (cardinality(key_columns) = cardinality(key_types)),
  check ((kind = 'sharded') = (cardinality(key_columns) > 0)),
  check ((kind = 'home') = (home is not null))
);

-- Rises by one with every change of keyway.tables.
create table keyway.registry_version (
  one     boolean primary key default true check (one),
  version bigint not null
);
insert into keyway.registry_version values (true, 0);

-- What an owner said yes to, per table; see keyway.allow.
create table keyway.allowances (
  schema_name text not null,
  table_name  text not null,
  what        text not null check (what in ('unique_per_shard', 'sequence_per_shard', 'long_lock')),
  primary key (schema_name, table_name, what)
);

-- How far keyway.backfill_table came, per table or partition.
create table keyway.backfill (
  relid       oid primary key,
  relfilenode oid not null,
  next_block  bigint not null default 0
);

create function keyway.registry_changed() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update keyway.registry_version set version = version + 1;
  perform pg_notify('keyway_registry', '');
  return null;
end $$;

create trigger registry_changed after insert or update or delete or truncate on keyway.tables
  for each statement execute function keyway.registry_changed();
