-- The one way in which a table is refused: what is wrong with it, and what to write instead.
create function keyway.refuse(tbl regclass, problem text, hint text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'KW004', message = format('table %s: %s', tbl, problem), hint = hint;
end $$;

-- allow records that the owner accepts a rule not holding for a table, before it is registered:
--   unique_per_shard    a UNIQUE or PRIMARY KEY without the shard key is enforced within each shard only; the values
--                       are unique by themselves (uuids, a shard_sequence) or need not be unique over all shards
--   sequence_per_shard  an identity or serial column counts on each shard by itself, so two shards give equal values
--   long_lock           shard_table may rewrite a large table under its lock instead of preparing it in steps
create function keyway.allow(tbl regclass, variadic what text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into keyway.allowances
  select n.nspname, c.relname, w
  from unnest(what) w, pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.oid = tbl
  on conflict do nothing;
exception when check_violation then
  perform keyway.refuse(tbl, format('"%s" is not something that can be allowed', array_to_string(what, '", "')),
    'What can be allowed is unique_per_shard, sequence_per_shard and long_lock.');
end $$;

create function keyway.is_allowed(tbl regclass, what text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from keyway.allowances a
    join pg_namespace n on n.nspname = a.schema_name
    join pg_class c on c.relnamespace = n.oid and c.relname = a.table_name
    where c.oid = tbl and a.what = is_allowed.what)
$$;

-- The columns as SQL writes them, in their order.
create function keyway.names(columns text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select string_agg(quote_ident(c), ', ' order by n) from unnest(columns) with ordinality k(c, n)
$$;

-- The table and its partitions at every level.
create function keyway.family(tbl regclass) returns setof regclass
language sql stable set search_path = pg_catalog, pg_temp as $$
  select tbl union select relid from pg_partition_tree(tbl)
$$;

-- check_relation refuses what no kind of registration can work with.
create function keyway.check_relation(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  c pg_class;
  namespace text;
begin
  select * into strict c from pg_class where oid = tbl;
  select nspname into strict namespace from pg_namespace where oid = c.relnamespace;
  if c.relpersistence = 't' then
    perform keyway.refuse(tbl, 'it is a temporary table, which only its session sees', 'Use an ordinary table.');
  elsif c.relkind not in ('r', 'p') then
    perform keyway.refuse(tbl, case c.relkind
        when 'v' then 'it is a view' when 'm' then 'it is a materialized view' when 'f' then 'it is a foreign table'
        when 'S' then 'it is a sequence' when 'i' then 'it is an index' else 'it is not a table' end,
      'Only ordinary and partitioned tables are registered; register the tables behind it.');
  elsif namespace in ('pg_catalog', 'information_schema', 'keyway', 'pg_toast') then
    perform keyway.refuse(tbl, 'it belongs to the system', 'Register your own tables only.');
  elsif c.relpersistence = 'u' then
    perform keyway.refuse(tbl, 'it is unlogged: it is emptied by a crash and cannot be moved to another shard',
      format('alter table %s set logged', tbl));
  elsif c.relispartition then
    perform keyway.refuse(tbl, 'it is a partition',
      format('Register the whole: %s.', (select inhparent::regclass from pg_inherits where inhrelid = tbl)));
  elsif c.relkind = 'r' and exists (select from pg_inherits where tbl in (inhrelid, inhparent)) then
    perform keyway.refuse(tbl, 'it takes part in table inheritance, where a statement on one table reads others',
      'Use declarative partitioning.');
  elsif c.relhasrules and exists (select from pg_rewrite where ev_class = tbl) then
    perform keyway.refuse(tbl, 'it has a rule, which can turn a statement into another', 'Use a trigger instead.');
  elsif c.reloftype <> 0 then
    perform keyway.refuse(tbl, 'it is a typed table, to which no column can be added',
      format('alter table %s not of', tbl));
  elsif not pg_has_role(c.relowner, 'USAGE') then
    perform keyway.refuse(tbl, format('it is owned by %s, and the current role is %s',
        quote_ident(pg_get_userbyid(c.relowner)), quote_ident(current_user)),
      'Run the migration as a role that owns the table.');
  elsif exists (select from keyway.family(tbl) f join pg_class p on p.oid = f where p.relkind = 'f') then
    perform keyway.refuse(tbl, 'a partition of it is a foreign table', 'Detach that partition first.');
  end if;
end $$;
