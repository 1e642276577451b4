-- What may be a shard key: types whose equality in PostgreSQL is equality of bytes.

-- Why the type cannot be one, and what to use instead; null when it can.
create function keyway.key_type_problem(type oid, out problem text, out hint text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  t pg_type;
begin
  select * into strict t from pg_type where oid = type;
  if t.oid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype, 'varchar'::regtype,
               'uuid'::regtype, 'bytea'::regtype) then
    return;
  end if;
  hint := 'Use smallint, integer, bigint, uuid, text, varchar or bytea.';
  if t.typname = 'citext' then
    problem := 'equal values may differ in letter case';
    hint := 'Use text and store lower(...).';
  elsif t.oid = 'bpchar'::regtype then
    problem := 'equal values may differ in trailing blanks';
    hint := 'Use text or varchar.';
  elsif t.oid = 'numeric'::regtype then
    problem := 'equal values may differ in their digits (1.0 and 1.00)';
    hint := 'Use bigint for whole numbers, else text.';
  elsif t.oid in ('float4'::regtype, 'float8'::regtype) then
    problem := 'equal values may differ in their bytes (0 and -0)';
    hint := 'Use bigint.';
  elsif t.typcategory = 'D' then
    problem := 'a point in time has many spellings, and rows written together would not stay together';
    hint := 'Shard by what the row belongs to: a tenant, an account, a user.';
  elsif t.typname in ('json', 'jsonb') then
    problem := 'equal values may differ in their bytes';
    hint := 'Shard by one member of it, in a column of its own.';
  elsif t.typtype = 'e' then
    problem := 'the bytes of an enum label differ between servers, and there are few labels';
    hint := 'Use text with a CHECK.';
  elsif t.typtype = 'd' then
    problem := 'a domain cannot be used in the row filters that move rows between shards';
    hint := format('Use %s, and put the domain''s CHECK on the column.', format_type(t.typbasetype, t.typtypmod));
  elsif t.oid = 'bool'::regtype then
    problem := 'it has two values, so at most two shards would hold rows';
  else
    problem := 'its equality is not known to be equality of bytes';
  end if;
end $$;

-- The registry's name of the key column's type: "text" for varchar too, "text(uuid)" where the column was declared
-- as a uuid in text form. Refuses a column that cannot be part of a key.
create function keyway.key_column_type(tbl regclass, column_name text, as_uuid boolean) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  a pg_attribute;
  why record;
begin
  select * into a from pg_attribute where attrelid = tbl and attname = column_name and attnum > 0 and not attisdropped;
  if not found then
    perform keyway.refuse(tbl, format('it has no column "%s"', column_name),
      'Name the columns of the shard key as PostgreSQL stores them; a uuid kept as text is written ''column as uuid''.');
  end if;
  select * into why from keyway.key_type_problem(a.atttypid);
  if why.problem is not null then
    perform keyway.refuse(tbl, format('column %I has type %s, which cannot be a shard key: %s',
      column_name, format_type(a.atttypid, a.atttypmod), why.problem), why.hint);
  elsif a.attgenerated <> '' then
    perform keyway.refuse(tbl, format('column %I is generated, and is computed only after the triggers that need it', column_name),
      'Store the key in an ordinary column.');
  elsif exists (select from pg_collation where oid = a.attcollation and not collisdeterministic) then
    perform keyway.refuse(tbl,
      format('the collation of column %I is nondeterministic: equal values may differ in their bytes', column_name),
      format('alter table %s alter column %I type text collate "C"', tbl, column_name));
  elsif not a.attnotnull then
    perform keyway.refuse(tbl, format('column %I may be NULL, and NULL belongs to no shard', column_name),
      format('alter table %s alter column %I set not null', tbl, column_name));
  elsif column_name = 'slot' then
    perform keyway.refuse(tbl, 'the column slot cannot be part of the shard key', 'Rename the column.');
  elsif as_uuid and a.atttypid not in ('text'::regtype, 'varchar'::regtype) then
    perform keyway.refuse(tbl, format('column %I is declared as uuid and is not text', column_name),
      'Only text and varchar columns are declared so; name a uuid column alone.');
  end if;
  return case a.atttypid when 'int2'::regtype then 'smallint' when 'int4'::regtype then 'integer'
    when 'int8'::regtype then 'bigint' when 'uuid'::regtype then 'uuid' when 'bytea'::regtype then 'bytea'
    else case when as_uuid then 'text(uuid)' else 'text' end end;
end $$;

-- Reads the key as it is written in a migration: names of columns, each maybe followed by " as uuid".
create function keyway.key_of(tbl regclass, spec text[], out columns text[], out types text[])
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  s text;
  as_uuid boolean;
begin
  columns := '{}';
  types := '{}';
  if coalesce(cardinality(spec), 0) = 0 or cardinality(spec) > 32 then
    perform keyway.refuse(tbl, 'a shard key has 1 to 32 columns',
      format('select keyway.shard_table(%L, ''tenant_id'')', tbl));
  end if;
  foreach s in array spec loop
    as_uuid := s ~* '\s+as\s+uuid$' and not exists (select from pg_attribute where attrelid = tbl and attname = s);
    if as_uuid then
      s := regexp_replace(s, '\s+as\s+uuid$', '', 'i');
    end if;
    if s = any (columns) then
      perform keyway.refuse(tbl, format('column %I is twice in the shard key', s), 'Name it once.');
    end if;
    types := types || keyway.key_column_type(tbl, s, as_uuid);
    columns := columns || s;
  end loop;
end $$;

-- The SQL expression of the canonical bytes of one column, in the row that is named.
create function keyway.part_expression(alias text, column_name text, type text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case
    when type in ('smallint', 'integer', 'bigint') then format('%s%I::bigint', alias, column_name)
    when type = 'text' then format('%s%I::text', alias, column_name)
    when type = 'text(uuid)' then format('keyway.uuid_text(%s%I::text)', alias, column_name)
    else format('%s%I', alias, column_name) end
$$;

-- The SQL expression of the canonical bytes of a row's key; alias is '' or such as 'new.'.
create function keyway.key_bytes(alias text, columns text[], types text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case
    when cardinality(columns) > 1 then
      string_agg(format('keyway.key_part(%s)', keyway.part_expression(alias, c, t)), ' || ' order by n)
    when types[1] in ('smallint', 'integer', 'bigint') then
      format('int8send(%s)', keyway.part_expression(alias, columns[1], types[1]))
    when types[1] = 'uuid' then format('uuid_send(%s)', keyway.part_expression(alias, columns[1], types[1]))
    when types[1] = 'bytea' then keyway.part_expression(alias, columns[1], types[1])
    else format('convert_to(%s, ''UTF8'')', keyway.part_expression(alias, columns[1], types[1])) end
  from unnest(columns, types) with ordinality k(c, t, n)
$$;

-- The SQL expression of a row's slot. It is null for a key that is not usable. Pinned keys are in it as literals, an
-- object of hexadecimal keys that PostgreSQL searches in log n steps; most shards have none and are spared that.
create function keyway.slot_expression(alias text, columns text[], types text[]) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  bytes constant text := keyway.key_bytes(alias, columns, types);
  slot constant text := format('keyway.slot_of(%s)',
    case cardinality(columns) when 1 then keyway.part_expression(alias, columns[1], types[1]) else bytes end);
  pins constant jsonb := (select jsonb_object_agg(encode(d.key, 'hex'), d.slot) from keyway.directory d);
begin
  if pins is null then
    return slot;
  end if;
  return format('coalesce((%L::jsonb ->> encode(%s, ''hex''))::smallint, %s)', pins, bytes, slot);
end $$;
