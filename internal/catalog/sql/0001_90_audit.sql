-- misplaced_rows lists the rows of a sharded table that are not where or what they should be: slot is what is stored,
-- computed what the key gives, and owned says whether this shard owns the computed slot. It reads the whole table and
-- computes each row's slot, some microseconds each. A healthy table gives no row.
create function keyway.misplaced_rows(tbl regclass)
returns table (relation regclass, place tid, slot smallint, computed smallint, owned boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  r constant keyway.tables := keyway.registered(tbl);
begin
  if r.kind is distinct from 'sharded' then
    perform keyway.refuse(tbl, 'it is not registered as sharded', 'Only rows of sharded tables belong to one shard.');
  end if;
  return query execute format(
    'select tableoid::regclass, ctid, %s, computed, owned '
    'from (select tableoid, ctid, %s, %s as computed from %s offset 0) t '
    'cross join lateral (select exists (select from keyway.owned o where t.computed between o.lo and o.hi) as owned) o '
    'where not owned or %s',
    case when r.has_slot then 't.slot' else 'null::smallint' end,
    case when r.has_slot then 'slot' else 'null::smallint as slot' end,
    keyway.slot_expression('', r.key_columns, r.key_types), tbl,
    case when r.has_slot then 't.slot is distinct from computed' else 'computed is null' end);
end $$;
