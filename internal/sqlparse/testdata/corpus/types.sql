select a::int, a::integer, a::smallint, a::bigint, a::real, a::float, a::float(10), a::double precision, a::decimal, a::decimal(10), a::dec(10, 2), a::numeric(10, 2), a::boolean, a::int2, a::int4, a::int8, a::float8, a::bool

select a::bit, a::bit(3), a::bit varying, a::bit varying(5), a::varbit(5)

select a::character, a::char(3), a::character varying, a::character varying(10), a::varchar, a::varchar(10), a::national character varying(5), a::national char, a::nchar(3), a::nchar varying(3), a::text, a::name, a::"char", a::bpchar(4)

select a::timestamp, a::timestamp(3), a::timestamp with time zone, a::timestamp(3) without time zone, a::timestamptz, a::timestamptz(3), a::time, a::time(2) with time zone, a::timetz, a::date

select a::interval, a::interval year, a::interval day to second, a::interval day to second(3), a::interval second(2), a::interval(3), a::interval hour to minute, a::interval year to month, a::interval month

select a::uuid, a::bytea, a::json, a::jsonb, a::xml, a::inet, a::pg_catalog.int4, a::s.mytype, a::s."MyType"(3), a::mytype(1, 'x'), a::regclass::oid

select a::int[], a::int[][], a::int[3][4], a::int array, a::text array[3], a::pg_catalog.text[], a::numeric(10, 2)[], a::timestamp with time zone[], a::varchar(10)[], a::"char"[], a::double precision[]

select date '2020-01-01', time '10:00', timestamp '2020-01-01 10:00', timestamp with time zone '2020-01-01', timestamptz '2020-01-01', time with time zone '10:00', timestamp(3) '2020-01-01', timestamp without time zone '2020-01-01'

select interval '1 day', interval '1' day, interval '1-2' year to month, interval '1 2' day to hour, interval '1' second, interval '1.5' second(1), interval(3) '1.5', interval '3' minute to second, interval '1' hour to second(2), interval '1 2:3' day to minute

select int '1', integer '2', smallint '3', bigint '4', real '1.5', float '2.5', float(5) '2', double precision '1', decimal '1', numeric '1', numeric(10, 2) '1.234', dec '1', boolean 't', bool 't', int8 '5'

select bit '1', bit(3) '101', bit varying '1', bit varying(3) '101', char 'a', char(3) 'abc', character varying 'a', character varying(3) 'abc', varchar 'a', varchar(3) 'abc', national character 'x', nchar 'a', nchar varying(3) 'x'

select uuid '00000000-0000-0000-0000-000000000000', json '{}', jsonb '{}', point '(1,2)', pg_catalog.date '2020-01-01', "date" '2020-01-01', s.t 'x', regclass 't', bytea '\x00', name 'x'

select date 'today' + 1, - interval '1 day', interval '1' day * 2, interval '1 day' = interval '24 hours', date $$2020-01-01$$, date E'2020-01-01', text U&'\0041'

select cast('1' as int), cast(a as double precision), cast(a as interval day to second), cast(a as int[]), cast(null as timestamp(3) with time zone), cast(a as s.t), cast('x' as "char")

select a::double, a::year_, a::text as t, a::int b, a::time c
