-- The connection budget of a server, shared by every process. One database of the server, its home, holds the budget
-- and the leases; the server's other databases name it, so that nobody can believe another one.

create table keyway.pool_home (
  one      boolean primary key default true check (one),
  database text not null
);

-- connections: what all processes together may hold. processes: how many may hold connections at the same time. floor:
-- what each of them may always hold. reserve: for those that have no lease yet and ask for one. The times say how long
-- a lease lasts without being renewed (ttl), how long its floor does (member_ttl), and how long after either the server
-- waits before it gives the connections to others (grace). origin tells this server from the one it was before a
-- failover; what was granted just before may be missing here.
create table keyway.pool_budget (
  one           boolean primary key default true check (one),
  connections   int not null,
  processes     int not null check (processes >= 1),
  floor         int not null check (floor >= 1),
  reserve       int not null check (reserve >= 1),
  ttl_ms        int not null check (ttl_ms >= 100),
  member_ttl_ms int not null check (member_ttl_ms >= ttl_ms),
  grace_ms      int not null check (grace_ms >= 0),
  origin        text not null,
  origin_since  timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  check (connections >= reserve + processes::bigint * floor)
);

-- A process's lease. floor and held are what is charged for it: until reclaim_at both, until remove_at the floor, and
-- always what the server shows it to have. The holder's name ends the application_name of its connections.
create table keyway.pool_lease (
  holder      text primary key,
  seq         bigint not null, -- of the request it was last written for; older ones come too late
  joined_at   timestamptz not null,
  floor       int not null check (floor >= 0),
  held        int not null check (held >= 0),
  granted     int not null,    -- of held, what it may use
  open        int not null,    -- as it said
  want        int not null,    -- as it said
  most        int not null,    -- as it said: more is of no use to it
  weight      int not null,
  expires_at  timestamptz not null,
  reclaim_at  timestamptz not null,
  remove_at   timestamptz not null,
  application text not null,
  host        text not null,
  pid         int not null,
  started_at  timestamptz not null,
  updated_at  timestamptz not null
);

create function keyway.server_origin() returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  return (select system_identifier from pg_control_system()) || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
exception when insufficient_privilege or feature_not_supported or undefined_function or object_not_in_prerequisite_state then
  return 'unknown';
end $$;

-- pool_lock begins a request for a lease: it locks the budget until the transaction ends and returns it with the
-- server's time, read under the lock, for which it waits no longer than wait_ms. A client that vanishes holds the lock
-- for five seconds at most.
create function keyway.pool_lock(wait_ms int, out budget keyway.pool_budget, out at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  here constant text := keyway.server_origin();
begin
  perform set_config('lock_timeout', wait_ms::text, true), set_config('idle_in_transaction_session_timeout', '5s', true),
    set_config('synchronous_commit', 'on', true);
  select b.* into budget from keyway.pool_budget b for update;
  at := clock_timestamp();
  if budget.origin <> here then
    update keyway.pool_budget b set origin = here, origin_since = at returning b.* into budget;
  end if;
end $$;

-- pool_shown counts the server's backends by holder.
create function keyway.pool_shown() returns table (holder text, backends int)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select substring(application_name from 'kw\.[0-9a-f]{6}\.[0-9a-z]{10}$') as name, count(*)::int
  from pg_stat_activity where application_name ~ 'kw\.[0-9a-f]{6}\.[0-9a-z]{10}$' group by name
$$;

-- pool_keep writes a lease.
create function keyway.pool_keep(lease keyway.pool_lease) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into keyway.pool_lease select (pool_keep.lease).*
  on conflict (holder) do update set seq = excluded.seq, joined_at = excluded.joined_at, floor = excluded.floor,
    held = excluded.held, granted = excluded.granted, open = excluded.open, want = excluded.want, most = excluded.most,
    weight = excluded.weight, expires_at = excluded.expires_at, reclaim_at = excluded.reclaim_at,
    remove_at = excluded.remove_at, application = excluded.application, host = excluded.host, pid = excluded.pid,
    started_at = excluded.started_at, updated_at = excluded.updated_at
$$;

-- pool_remove ends leases.
create function keyway.pool_remove(holders text[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from keyway.pool_lease where holder = any (holders)
$$;
