-- pool_guard keeps leases from being taken away by hand while their processes go by them: what those hold unopened would be
-- granted to others.
create function keyway.pool_guard() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    if old.remove_at <= clock_timestamp() or current_setting('keyway.pool_removes', true) = 'on' then
      return old;
    end if;
  end if;
  raise exception 'keyway: a lease on the connection budget cannot be taken away while its process may go by it'
    using errcode = 'object_in_use', hint = 'Stop the processes. A lease that is not renewed ends by itself at its remove_at.';
end $$;
create trigger guard_delete before delete on keyway.pool_lease for each row execute function keyway.pool_guard();
create trigger guard_truncate before truncate on keyway.pool_lease for each statement execute function keyway.pool_guard();

-- pool_remove ends leases.
create or replace function keyway.pool_remove(holders text[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select set_config('keyway.pool_removes', 'on', true);
  delete from keyway.pool_lease where holder = any (holders)
$$;
