select 1 + 2 * 3 - 4 / 5 % 6 ^ 7 ^ 8

select -a ^ 2, - a * b, -(a), -1, - 1, -1::int, (-1)::int, -1.5, +1, - -1, a -1, a - 1, a-1, -$1, 2-1, -9223372036854775808

select a || b || c, a || b + c, a + b || c, a -> 'b' ->> 'c', a #> b = c

select not a, not not a, not a = b, not a and b, a and not b or c

select a or b and c or d, a and b or c and d, (a or b) and c

select a = b and c <> d, a < b and c > d, (a = b) = c, a <= b or c >= d

select a is null, a is not null, a isnull, a notnull, a is true, a is not true, a is false, a is not false, a is unknown, a is not unknown

select a is null is null, a = b is null, a + b is not null, a is null = b, a is null and b, not a is null

select a is distinct from b, a is not distinct from b, a + 1 is distinct from b * 2, a is distinct from b and c, a = b is distinct from c = d

select a between 1 and 2, a not between 1 and 2, a between symmetric 2 and 1, a between asymmetric b and c, a not between symmetric b + 1 and c - 1 and d

select a between b and c and d between e and f or g, a between b = c and d, a + 1 between 2 and 3 = true, a between 1 and not b

select a in (1), a in (1, 2), a not in (1), (a, b) in ((1, 2), (3, 4)), a + 1 in (2), a in (1) in (true), a = b in (true), not a in (1)

select a like 'x', a not like 'x', a ilike 'x%' escape '!', a not ilike b || '%', a similar to 'x', a not similar to 'y' escape '\', a like b and c, a like b || c escape d || e

select a like any (array['x']), a not like all ($1), a ilike any (select b from t), a not ilike some (array['y'])

select a = any (b), a = any (b) = c, a || b = any (c), a < all (select 1) and d, a operator(pg_catalog.=) any (b), not a = any (b), a + any (b)

select a operator(pg_catalog.+) b, a operator(=) b, operator(pg_catalog.-) a, a operator(s.||) b * c, a operator(pg_catalog.*) b + c, operator(@) a

select @ a + b, @ a || b, @ a * b, !! a, ~ a & b, - @ a, @ - a, a @ - b, a + @ b

select 1 + not a = b, a || not b, - not a

select a::int, a::int::text, -a::int, a + b::int, a::int + b, (a + b)::int, a.b::text, a[1]::int, f(a)::text, 'x'::text, $1::uuid, null::int, not a::bool

select cast(a as int), cast(a + b as numeric(10, 2)), cast(cast(a as text) as varchar(3)), cast(a as int)::text

select a collate "C", a collate pg_catalog."default", a || b collate "C", -a collate "C", a collate "C" || b, a < b collate "C", (a collate "x") = b

select a at time zone 'utc', a at time zone 'utc' at time zone 'cet', a + b at time zone c, a at time zone b || c, -a at time zone b, a at time zone b collate c, a::timestamp at time zone $1, a at time zone - b

select (a, b) overlaps (c, d), row(a, b) overlaps row(c, d), (a, b) overlaps row(c, d) and e, not (a, b) overlaps (c, d)

select a is document, a is not document, a is normalized, a is not nfc normalized, a is nfkd normalized

select a = b, (a), ((a)), (((a + b))), (a), ((a), (b)), ((a, b))

select (a < b) = c is null or d
  from (select 1 < 2 as a) x where (a < b) = (c > d)

select 1 = 1 and 2 = 2 and 3 = 3 and 4 = 4 or 5 = 5 or 6 = 6

select a[1 + 2], a[(1)], a[f(b)], a[1:2 + 3], (a || b)[1], a[:b], a[c:]

select coalesce(a, b, 1), nullif(a, b), greatest(a, b), least(1, 2, 3), coalesce(nullif(a, ''), b)

select 'a' < 'b' and 'c' like 'd', 'x' || 'y' like 'z' || '%', 'a' in ('b')

select a ->> 'x' = 'y' and b @> '{"a": 1}' and c ? 'k' and d #>> '{a,b}' is not null

select (a->>'x')::int + 1, a->'x'->'y'->>'z', a->>('b' || 'c')

select a is not null = true, (a is null) = (b is null), a is null <> b is null

select date '2020-01-01' + interval '1 day', now() - interval '1' day, current_date - 7

select a is true is not false, a in (1) is null, a like b is true, a between 1 and 2 is not true

select a + interval '1 day' * 2 > b at time zone 'utc' and c

select a = b or c = d and e = f and (g = h or i = j), not (a or b) and not (c and d)

select a & b | c, a << 2 >> 1, a # b & c, ~a | b, 5 & 3 = 1

select exists (select 1) and a, not exists (select 1), exists (select 1) = true

select (select a from t limit 1) = (select b from u limit 1), (select 1) in (select 2), (select 1)::text

select case when a = 1 then b end = c, case when a then b else c end || 'x', case a + 1 when 2 then 3 end + 1

select array[1, 2] || array[3], array[a, b] @> array[c], array[1]::bigint[] && $1, array['a', 'b']::text[]

select row(a, b) = row(c, d), (a, b) < (c, d), (a, b) is null, row(a, b) is distinct from row(c, d), (1, 2) in (select a, b from t), (a, b) = any (select 1, 2), (a, b) = (select 1, 2)

select a != b, a <> -b, a = -1, a = - 1, a=-1, a*-1, a =@ b

select t.a = u.a, s.t.a = 1, "T"."A" = 1, t.a::text = $1

select a isnull = b notnull, a isnull and b notnull, not a isnull

select a not in (select 1) and b not like c or d not between 1 and 2

select a <-> b < 5, point '(1,2)' <-> p, a <=> b, a ^@ 'x', a % b = 0, a %> b
