-- Functions of the user's that statements may call on a routed handle. Who registers one says that it reads no tables and
-- that its result follows from its arguments and the settings of the session; what can be seen of that is checked.
create table keyway.functions (
  schema_name   text not null,
  function_name text not null,
  arguments     text not null, -- as keyway.function_facts has them
  definition    text not null, -- likewise, when it was registered
  updated_at    timestamptz not null default now(),
  primary key (schema_name, function_name, arguments)
);

create trigger registry_changed after insert or update or delete or truncate on keyway.functions
  for each statement execute function keyway.registry_changed();

-- What a function is, in words that are the same on every server and whatever the search_path is: no OIDs. What cannot be
-- said so (bodies of BEGIN ATOMIC, defaults) is not registered.
create view keyway.function_facts as
select p.oid, n.nspname::text as schema_name, p.proname::text as function_name, p.provolatile = 'i' as immutable,
  coalesce((
    select string_agg(tn.nspname || '.' || t.typname, ', ' order by a.ord)
    from unnest(p.proargtypes) with ordinality a (id, ord)
    join pg_catalog.pg_type t on t.oid = a.id join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace), '') as arguments,
  md5(concat_ws(E'\x1f', l.lanname, p.provolatile::text, p.proisstrict::text, p.prosecdef::text, rn.nspname, r.typname,
    coalesce(p.proargnames::text, ''), coalesce(p.proconfig::text, ''), coalesce(p.probin, ''), p.prosrc)) as definition
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
join pg_catalog.pg_type r on r.oid = p.prorettype
join pg_catalog.pg_namespace rn on rn.oid = r.typnamespace;

create function keyway.refuse_function(f regprocedure, problem text, hint text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'KW004', message = format('function %s: %s', f, problem), hint = hint;
end $$;

-- local_function registers a function. Called again after the function was replaced, it registers what it is now.
create function keyway.local_function(f regprocedure) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  p pg_proc := (select p from pg_proc p where p.oid = f);
  s text := p.pronamespace::regnamespace::text;
begin
  if s in ('pg_catalog', 'information_schema', 'keyway') or s like 'pg\_%' then
    perform keyway.refuse_function(f, 'it is not one of the application''s', 'Register functions of your own schemas.');
  elsif p.prokind <> 'f' or p.proretset then
    perform keyway.refuse_function(f, 'it is not a plain function with one result',
      'Aggregates, window functions, procedures and functions that return sets run on one shard, with db.Shard(id).');
  elsif p.provolatile = 'v' then
    perform keyway.refuse_function(f, 'it is VOLATILE: it may change what other statements see, and differ each time',
      format('If it does neither, say so first: alter function %s immutable', f));
  elsif exists (select from pg_proc o where o.pronamespace = 'pg_catalog'::regnamespace and o.proname = p.proname) then
    perform keyway.refuse_function(f, 'PostgreSQL has functions of that name, which a call may mean', 'Give it another name.');
  elsif p.provariadic <> 0 or p.pronargdefaults > 0 or p.proallargtypes is not null then
    perform keyway.refuse_function(f, 'it has VARIADIC, OUT or default arguments', 'Write one with plain arguments that calls it.');
  elsif p.prosqlbody is not null then
    perform keyway.refuse_function(f, 'its body is BEGIN ATOMIC or RETURN, which two servers cannot be compared by',
      'Write the body as a string: language sql as $body$ ... $body$');
  elsif exists (
    select from unnest(array_append(p.proargtypes::oid[], p.prorettype)) a (id) join pg_type t on t.oid = a.id
    left join pg_type b on b.oid = t.typbasetype where t.typtype not in ('b', 'e', 'r', 'm', 'd') or b.typtype = 'c'
  ) then
    perform keyway.refuse_function(f, 'an argument or its result is a row or of any type', 'Write it with the types of columns.');
  elsif (select t.typcollation from pg_type t where t.oid = p.prorettype) not in (0, 'pg_catalog."default"'::regcollation) then
    perform keyway.refuse_function(f, 'its result is of a type with a collation of its own', 'Let it return text.');
  end if;
  insert into keyway.functions (schema_name, function_name, arguments, definition)
  select schema_name, function_name, arguments, definition from keyway.function_facts where oid = f
  on conflict (schema_name, function_name, arguments) do update set definition = excluded.definition, updated_at = now();
end $$;

-- forget_function removes from the registry all functions of a name, whether they exist or not.
create function keyway.forget_function(schema_name text, function_name text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  delete from keyway.functions f where f.schema_name = $1 and f.function_name = $2
$$;
