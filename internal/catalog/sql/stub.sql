-- Functions of Keyway's names that do nothing, for a development database that is one plain PostgreSQL: the same
-- migrations run here, tables keep their columns, and no row is checked.
do $$
begin
  if to_regclass('keyway.identity') is not null then
    raise exception 'this database belongs to a Keyway cluster; the stub is for plain databases'
      using errcode = 'KW004', hint = 'Nothing needs to be done here: the real functions are installed.';
  end if;
end $$;

create schema if not exists keyway;
comment on schema keyway is 'no-op stub of Keyway''s functions';

create or replace function keyway.shard_table(tbl regclass, variadic key_columns text[]) returns void language sql as '';
create or replace function keyway.adopt_table(tbl regclass, variadic key_columns text[]) returns void language sql as '';
create or replace function keyway.prepare_table(tbl regclass, variadic key_columns text[]) returns void language sql as '';
create or replace function keyway.backfill_table(tbl regclass, batch int default 10000) returns bigint language sql as 'select 0::bigint';
create or replace function keyway.validate_table(tbl regclass) returns void language sql as '';
create or replace function keyway.reference_table(tbl regclass) returns void language sql as '';
create or replace function keyway.home_table(tbl regclass, shard text) returns void language sql as '';
create or replace function keyway.unshard_table(tbl regclass) returns void language sql as '';
create or replace function keyway.forget_table(schema_name text, table_name text) returns void language sql as '';
create or replace function keyway.local_function(f regprocedure) returns void language sql as '';
create or replace function keyway.forget_function(schema_name text, function_name text) returns void language sql as '';
create or replace function keyway.allow(tbl regclass, variadic what text[]) returns void language sql as '';
create or replace function keyway.shard_sequence(tbl regclass, column_name text) returns void language sql as '';
