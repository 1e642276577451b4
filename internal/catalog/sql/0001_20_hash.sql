-- The hash: XXH64 with seed 0, as cespare/xxhash computes it in Go. PL/pgSQL has no unsigned numbers and its bigint
-- overflows with an error, so a product modulo 2^64 is made of signed halves of 32 bits, which cannot overflow:
--
--   a := (v << 32) >> 32          the low half, signed; the high half is then (v >> 32) + ((v >> 31) & 1)
--   x := a * lo                   lo, hi: the constant's halves in the same form
--   v := ((x >> 32) + a * hi + high * lo) << 32 | low half of x
--
-- (shifts never raise an error). A sum modulo 2^64 is made of unsigned halves. The constants' halves, low and high:
--   P1 -2048144761 -1640531534   P2 668265295 -1028477379   P3 -1640531463 374761394   P5 374761413 668265263
--   as summands: P4 3266489955 -2048144777, P3 2654435833 374761393; P5 as a whole is 2870177450012600261
-- A function call per product would cost more than all the products together, hence the repetition.

create function keyway.xxh64(input bytea) returns bigint
language plpgsql immutable strict parallel safe as $$
declare
  n constant int := length(input);
  p int := 0;
  h bigint := 2870177450012600261 + n;
  k bigint;
  a bigint;
  x bigint;
begin
  if n >= 32 then
    h := keyway.xxh64_stripes(input);
    p := n & ~31;
  end if;

  while p <= n - 8 loop
    k := get_byte(input, p) | (get_byte(input, p + 1)::bigint << 8)
      | (get_byte(input, p + 2)::bigint << 16) | (get_byte(input, p + 3)::bigint << 24)
      | (get_byte(input, p + 4)::bigint << 32) | (get_byte(input, p + 5)::bigint << 40)
      | (get_byte(input, p + 6)::bigint << 48) | (get_byte(input, p + 7)::bigint << 56);
    -- h = rotl(h # rotl(k * P2, 31) * P1, 27) * P1 + P4
    a := (k << 32) >> 32;
    x := a * 668265295;
    k := (((x >> 32) + a * -1028477379 + ((k >> 32) + ((k >> 31) & 1)) * 668265295) << 32) | (x & 4294967295);
    k := (k << 31) | ((k >> 33) & 2147483647);
    a := (k << 32) >> 32;
    x := a * -2048144761;
    h := h # ((((x >> 32) + a * -1640531534 + ((k >> 32) + ((k >> 31) & 1)) * -2048144761) << 32) | (x & 4294967295));
    h := (h << 27) | ((h >> 37) & 134217727);
    a := (h << 32) >> 32;
    x := a * -2048144761;
    a := (x >> 32) + a * -1640531534 + ((h >> 32) + ((h >> 31) & 1)) * -2048144761;
    x := (x & 4294967295) + 3266489955;
    h := ((a - 2048144777 + (x >> 32)) << 32) | (x & 4294967295);
    p := p + 8;
  end loop;

  if p <= n - 4 then
    k := get_byte(input, p) | (get_byte(input, p + 1)::bigint << 8)
      | (get_byte(input, p + 2)::bigint << 16) | (get_byte(input, p + 3)::bigint << 24);
    -- h = rotl(h # k * P1, 23) * P2 + P3
    a := (k << 32) >> 32;
    x := a * -2048144761;
    h := h # ((((x >> 32) + a * -1640531534 + ((k >> 32) + ((k >> 31) & 1)) * -2048144761) << 32) | (x & 4294967295));
    h := (h << 23) | ((h >> 41) & 8388607);
    a := (h << 32) >> 32;
    x := a * 668265295;
    a := (x >> 32) + a * -1028477379 + ((h >> 32) + ((h >> 31) & 1)) * 668265295;
    x := (x & 4294967295) + 2654435833;
    h := ((a + 374761393 + (x >> 32)) << 32) | (x & 4294967295);
    p := p + 4;
  end if;

  while p < n loop
    -- h = rotl(h # byte * P5, 11) * P1
    k := get_byte(input, p);
    x := k * 374761413;
    h := h # ((((x >> 32) + k * 668265263) << 32) | (x & 4294967295));
    h := (h << 11) | ((h >> 53) & 2047);
    a := (h << 32) >> 32;
    x := a * -2048144761;
    h := (((x >> 32) + a * -1640531534 + ((h >> 32) + ((h >> 31) & 1)) * -2048144761) << 32) | (x & 4294967295);
    p := p + 1;
  end loop;

  -- avalanche
  h := h # ((h >> 33) & 2147483647);
  a := (h << 32) >> 32;
  x := a * 668265295;
  h := (((x >> 32) + a * -1028477379 + ((h >> 32) + ((h >> 31) & 1)) * 668265295) << 32) | (x & 4294967295);
  h := h # ((h >> 29) & 34359738367);
  a := (h << 32) >> 32;
  x := a * -1640531463;
  h := (((x >> 32) + a * 374761394 + ((h >> 32) + ((h >> 31) & 1)) * -1640531463) << 32) | (x & 4294967295);
  return h # ((h >> 32) & 4294967295);
end $$;

-- The part of XXH64 that takes 32 bytes at a time, merged and with the length added: inputs of 32 bytes and more.
create function keyway.xxh64_stripes(input bytea) returns bigint
language plpgsql immutable strict parallel safe as $$
declare
  n constant int := length(input);
  p int := 0;
  v bigint[] := array[6983438078262162902, -4417276706812531889, 0, 7046029288634856825]; -- P1 + P2, P2, 0, -P1
  rotation constant int[] := array[1, 7, 12, 18];
  h bigint := 0;
  k bigint;
  a bigint;
  x bigint;
begin
  while p <= n - 8 and p < (n & ~31) loop
    k := get_byte(input, p) | (get_byte(input, p + 1)::bigint << 8)
      | (get_byte(input, p + 2)::bigint << 16) | (get_byte(input, p + 3)::bigint << 24)
      | (get_byte(input, p + 4)::bigint << 32) | (get_byte(input, p + 5)::bigint << 40)
      | (get_byte(input, p + 6)::bigint << 48) | (get_byte(input, p + 7)::bigint << 56);
    -- v = rotl(v + k * P2, 31) * P1, for the four lanes in turn
    a := (k << 32) >> 32;
    x := a * 668265295;
    a := (x >> 32) + a * -1028477379 + ((k >> 32) + ((k >> 31) & 1)) * 668265295;
    k := v[(p >> 3 & 3) + 1];
    x := (x & 4294967295) + (k & 4294967295);
    k := ((((a << 32) >> 32) + (k >> 32) + (x >> 32)) << 32) | (x & 4294967295);
    k := (k << 31) | ((k >> 33) & 2147483647);
    a := (k << 32) >> 32;
    x := a * -2048144761;
    v[(p >> 3 & 3) + 1] :=
      (((x >> 32) + a * -1640531534 + ((k >> 32) + ((k >> 31) & 1)) * -2048144761) << 32) | (x & 4294967295);
    p := p + 8;
  end loop;

  for lane in 1..4 loop
    k := (v[lane] << rotation[lane]) | ((v[lane] >> (64 - rotation[lane])) & ((1::bigint << rotation[lane]) - 1));
    x := (h & 4294967295) + (k & 4294967295);
    h := (((h >> 32) + (k >> 32) + (x >> 32)) << 32) | (x & 4294967295);
  end loop;

  for lane in 1..4 loop
    -- h = (h # rotl(v * P2, 31) * P1) * P1 + P4
    k := v[lane];
    a := (k << 32) >> 32;
    x := a * 668265295;
    k := (((x >> 32) + a * -1028477379 + ((k >> 32) + ((k >> 31) & 1)) * 668265295) << 32) | (x & 4294967295);
    k := (k << 31) | ((k >> 33) & 2147483647);
    a := (k << 32) >> 32;
    x := a * -2048144761;
    h := h # ((((x >> 32) + a * -1640531534 + ((k >> 32) + ((k >> 31) & 1)) * -2048144761) << 32) | (x & 4294967295));
    a := (h << 32) >> 32;
    x := a * -2048144761;
    a := (x >> 32) + a * -1640531534 + ((h >> 32) + ((h >> 31) & 1)) * -2048144761;
    x := (x & 4294967295) + 3266489955;
    h := ((a - 2048144777 + (x >> 32)) << 32) | (x & 4294967295);
  end loop;

  x := (h & 4294967295) + n;
  return (((h >> 32) + (x >> 32)) << 32) | (x & 4294967295);
end $$;

-- The slot of a key. Integers of every width hash as bigint. The eight bytes of the commonest keys are hashed in one
-- straight line: it is about four times as fast as the general function, and this runs for every row inserted.
create function keyway.slot_of(key bigint) returns smallint
language plpgsql immutable strict parallel safe as $$
declare
  -- the big-endian bytes of int8send, read as the little-endian word that XXH64 wants
  v bigint := (key << 56) | ((key & 65280) << 40) | ((key & 16711680) << 24) | ((key & 4278190080) << 8)
    | ((key >> 8) & 4278190080) | ((key >> 24) & 16711680) | ((key >> 40) & 65280) | ((key >> 56) & 255);
  a bigint := (v << 32) >> 32;
  x bigint := a * 668265295;
begin
  v := (((x >> 32) + a * -1028477379 + ((v >> 32) + ((v >> 31) & 1)) * 668265295) << 32) | (x & 4294967295);
  v := (v << 31) | ((v >> 33) & 2147483647);
  a := (v << 32) >> 32;
  x := a * -2048144761;
  v := 2870177450012600269 # -- P5 + 8
    ((((x >> 32) + a * -1640531534 + ((v >> 32) + ((v >> 31) & 1)) * -2048144761) << 32) | (x & 4294967295));
  v := (v << 27) | ((v >> 37) & 134217727);
  a := (v << 32) >> 32;
  x := a * -2048144761;
  a := (x >> 32) + a * -1640531534 + ((v >> 32) + ((v >> 31) & 1)) * -2048144761;
  x := (x & 4294967295) + 3266489955;
  v := ((a - 2048144777 + (x >> 32)) << 32) | (x & 4294967295);
  v := v # ((v >> 33) & 2147483647);
  a := (v << 32) >> 32;
  x := a * 668265295;
  v := (((x >> 32) + a * -1028477379 + ((v >> 32) + ((v >> 31) & 1)) * 668265295) << 32) | (x & 4294967295);
  v := v # ((v >> 29) & 34359738367);
  a := (v << 32) >> 32;
  -- of the last product only the top 14 bits are needed, and the last step does not change them
  return ((((a * -1640531463) >> 32) + a * 374761394 + ((v >> 32) + ((v >> 31) & 1)) * -1640531463) >> 18) & 16383;
end $$;

-- Null for an empty key, which belongs to no shard, and for one longer than the 1 MiB that the library allows. In
-- PL/pgSQL, where a call costs less than one of an SQL function that cannot be inlined.
create function keyway.slot_of(key bytea) returns smallint
language plpgsql immutable strict parallel safe as $$
begin
  if length(key) between 1 and 1048576 then
    return keyway.xxh64(key) >> 50 & 16383;
  end if;
  return null;
end $$;

create function keyway.slot_of(key text) returns smallint
language plpgsql immutable strict parallel safe as $$
begin
  if octet_length(key) between 1 and 1048576 then
    return keyway.xxh64(convert_to(key, 'UTF8')) >> 50 & 16383;
  end if;
  return null;
end $$;

create function keyway.slot_of(key uuid) returns smallint
language plpgsql immutable strict parallel safe as $$
begin
  return keyway.xxh64(uuid_send(key)) >> 50 & 16383;
end $$;

-- A uuid in text form, null unless it is spelled as PostgreSQL prints it: another spelling would be another key.
create function keyway.uuid_text(key text) returns text
language sql immutable strict parallel safe as $$
  select case when key ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then key end
$$;

-- One part of a composite key: its length in four bytes and then its bytes. The key's bytes are its parts in order:
-- keyway.slot_of(keyway.key_part(region) || keyway.key_part(tenant_id)). Null for an empty part.
create function keyway.key_part(part bigint) returns bytea
language sql immutable strict parallel safe as $$ select '\x00000008'::bytea || int8send(part) $$;

create function keyway.key_part(part uuid) returns bytea
language sql immutable strict parallel safe as $$ select '\x00000010'::bytea || uuid_send(part) $$;

create function keyway.key_part(part bytea) returns bytea
language sql immutable strict parallel safe as $$
  select case when length(part) > 0 then int4send(length(part)) || part end
$$;

create function keyway.key_part(part text) returns bytea
language sql immutable strict parallel safe as $$
  select case when part <> '' then int4send(length(convert_to(part, 'UTF8'))) || convert_to(part, 'UTF8') end
$$;
