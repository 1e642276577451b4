-- reference_table registers a table whose rows are the same on every shard: countries, plans, currencies.
create function keyway.reference_table(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform keyway.check_relation(tbl);
  perform keyway.register(tbl, 'reference', '{}', '{}', null);
  perform keyway.check_foreign_keys(tbl, keyway.registered(tbl));
end $$;

-- home_table registers a table all of whose rows are on one named shard: jobs, flags, the table of logins. It exists
-- on the other shards too, since every shard has the same schema, and stays empty there.
create function keyway.home_table(tbl regclass, shard text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform keyway.check_relation(tbl);
  if shard is null or shard !~ '^[a-z][a-z0-9_-]{0,62}$' then
    perform keyway.refuse(tbl, format('"%s" is not a shard''s name', shard),
      'A name starts with a lower-case letter and goes on with lower-case letters, digits, _ and -, such as s0.');
  end if;
  perform keyway.register(tbl, 'home', '{}', '{}', shard);
  perform keyway.check_foreign_keys(tbl, keyway.registered(tbl));
end $$;
