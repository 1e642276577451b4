select 'a', 'it''s', '', 'x; drop table t; --', 'where tenant_id = 1'

select E'a\'b\\c\n\t\x41\101\u0041\U00000042', e'', E'\b\f\r\q'

select U&'d\0061t\+000061', U&'d!0061t!!' UESCAPE '!', U&"d\0061ta" from t, u&"x!0041" uescape '!'

select 'first '
  'second'
  -- a comment between
  'third'

select E'one\n'
'two\n', B'10'
'01'

select B'1010', b'', X'1FfA', x''

select N'national'

select $$plain$$, $tag$it's $$ inside; -- no comment$tag$, $_a1$x$_a1$

select $body$ begin; delete from t where id = 1; end $body$

select 1 /* a comment /* nested */ with ; and ' and " and $$ */ + 2 -- the end; select 3

select --
1

select a --+ not a hint
from t /*+ nor this */

select "Quoted Name", "with ""quotes""", "select", "Ünïcode" from "My Table"

select UPPER, MiXeD, täble, _x, a$b, x1 from T

select 1, 007, 2147483648, 99999999999999999999999, 1.5, .5, 5., 1e10, 1.5e-3, 1E+5, .5e2, 5.e1

select $1, $2 + $1, $1::int, $3

select a<b, a>b, a=b, a<=b, a>=b, a<>b, a!=b

select a+-b, a*-b, a- -b, a+ +b, -a, +a, - - a, @-a, a||-b

select a -- comment after an identifier
, b/* between */, c

select a@>b, a<@b, a&&b, a->>'k', a->'k', a#>'{a}', a#>>'{a,b}', a?'k', a?|b, a?&b, a@?b, a@@b, a-b, a#-'{x}'

select a~b, a~*b, a!~b, a!~*b, a~~b, a!~~b, a~~*b, a|b, a&b, a#b, ~a, a<<b, a>>b, |/a, ||/a, @a, a^b, a%b

select a*/* comment starts inside an operator run */b, a+-- another
b

select 1;

select 1 ; ;

select x.a, x . b, "x"."c" from x

select a[1], a[1:2], a[:2], a[1:], a[:], a[1][2], a[b.c], a[x::int:y::int] from t

SELECT A FROM T WHERE B = 'C' AND D IN (1,2,3) ORDER BY E DESC NULLS LAST

select 'a' as "a", 'b' b, 'c' "C"

select '-- not a comment', '/* nor this */', $q$ ' $q$, "-- name" from "/* t */"

select (1)::text||'x', 1::numeric(10,2), '{}'::int[], '{}'::int[][], '{}'::int[3], '1'::int array, '{}'::int array[4]

select f(a => 1, b := 2), f(1, c => 3)

select 'line one'
  'two' -- and a comment

select '', '''', 'a''b', E'\'', E'a\\b\n\r\t\b\f', E'\x41\x4\101\7', E'\u00e4\U0001F600', E'\ud83d\ude00', e'it''s', E'a'
	'b\n'

select U&'\0041\+01F600\\', u&'d!0061t!+000061' uescape '!', U&"d\0061ta" from u&"!0074" uescape '!'

select $$it's$$, $a$ $$ inner $$ $a$, $äö$x$äö$, $_1$ -- no comment /* nor this */ $_1$, $$$$

select b'', B'0101', x'', X'1fA', n'national', N'x'

select /* a /* nested */ comment -- not a line comment
*/ 1 -- trailing

select a--b
 , c /**/from/**/ t--

select 1., .5, 1.5e10, 1e-3, 1E+5, 0.0, 00012, 9223372036854775807, 9223372036854775808, 2147483648, -2147483648, 1e400, 123456789012345678901234567890.5

select $1, $2::int, $10+$9, $1.a, $65535

select "quoted", "With Space", "with ""quote""", "ä", "select", "$a", a$b, _x, é, "A"."b"."C", t."*" from "T" "alias"

select a<-1, a>=-1, a*-1, a@-1, a<>-1, a!=-1, a||-1, a/-1, a%-1, a - -1, a+-b, -a, - - 1, -(-1), -(1), +1, + +a, -a.b, -a[1], -1::int, (-1)::int, -f(1), not -a < 1

select a<b, c>d, e<=f, g>=h, i<>j, k!=l, m=n, o:: int, p::s.t, q :: "T"[], r::varchar ( 3 ) [ 2 ][ ]

select *, 1 from t;;
