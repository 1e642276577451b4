select json_object()

select json_object(returning jsonb), json_object(returning text format json encoding utf8)

select json_object('a': 1, 'b': x.c, 'd' value e, f(g) value h format json null on null with unique keys returning jsonb) from x

select json_object(k: v absent on null without unique), json_object((k) value v), json_object(t.k value case when a then b end) from t

select json_object('{a,b}'), json_object('{a}', '{b}'), json_object(keys => $1, vals => $2), "json_object"('{a,1}')

select json_array(), json_array(returning jsonb), json_array(1, 'a', null, x format json absent on null returning text) from t

select json_array(1 null on null), json_array((select 1)), json_array((select a from t), 2)

select json_array(select a from t where b = $1 order by c), json_array((select 1) union (select 2) returning jsonb), json_array(values (1), (2))

select json_array(with w as (select 1) select * from w format json)

select json_objectagg(k: v), json_objectagg(k value v absent on null with unique keys returning jsonb) filter (where k is not null) from t group by a

select json_arrayagg(a), json_arrayagg(a order by b desc nulls last, c null on null returning jsonb) filter (where a > 1) over (partition by d) from t

select json('{}'), json(a format json encoding utf8 with unique keys), json(a without unique keys), json '{"a": 1}' from t

select json_scalar(1), json_scalar(a || b), json_serialize(a), json_serialize(a format json returning bytea) from t

select json_exists(a, '$.b'), json_exists(a, '$.b ? (@ > $x)' passing 1 as x, b.c as "Y" true on error) from t b

select json_exists(a::jsonb, $1 error on error), json_exists(jsonb '{}', 'strict $' unknown on error), json_exists(a, b false on error)

select json_value(a, '$.b'), json_value(a, '$.b' returning int default 0 on empty), json_value(a, '$' returning numeric(10,2) default -1 on empty error on error) from t

select json_value(a, '$.b' passing $1 as x, now() as y returning date null on empty default current_date on error) from t

select json_query(a, '$.b'), json_query(a, '$' with wrapper), json_query(a, '$' without array wrapper keep quotes), json_query(a, '$' with conditional array wrapper) from t

select json_query(a, '$' returning jsonb with unconditional wrapper empty array on empty empty object on error), json_query(a, '$' omit quotes on scalar string empty on error), json_query(a, '$' without wrapper keep quotes on scalar string null on empty)

select a is json with unique keys, a is not json object without unique keys, a is json array with unique, (a || b) is json value without unique from t

select * from json_table('[]'::jsonb, '$[*]' columns (id for ordinality, a int path '$.a', b text)) as x

select x.*, t.id from t, lateral json_table(t.doc format json, '$' as root passing t.id as i, 2 as j columns (a int path '$.a' default 1 on empty error on error, nested path '$.c[*]' as c columns (d text, nested '$.e' columns (f json format json path '$' with wrapper omit quotes)), g bool exists path '$.g' false on error) error on error) x (p, q)

select * from json_table($1, '$' columns (nested int, path text path '$.p', e exists_t exists, j jsonb without wrapper keep quotes null on empty)) left join t on true

select * from rows from (json_array(1), f(2)), json_object('a': 1) as o, json_arrayagg(1) z

select a -> 'b' ->> 'c', a #> '{b,c}' #>> '{d}', a @> '{}' and a <@ b and a ? 'k' and a ?| array['x'] and a ?& b, a - 'k', a #- '{k}', a @? '$.x', a @@ '$.x > 1', a || '{}', a['k']['l'], a -> -1 from t

select jsonb_path_query_array(a, '$.b[*] ? (@.c >= $min)', jsonb_build_object('min', $1)), jsonb_set(a, '{b}', to_jsonb($2::text)), (jsonb_each(a)).key from t

select e.key, e.value ->> 'x' from t cross join lateral jsonb_each(t.doc) as e (key, value) where e.value @> '{"a": 1}'

select r.* from jsonb_to_recordset($1) as r (id bigint, name text collate "C", tags text[])

insert into t (id, doc) values ($1, json_object('a': $2 returning jsonb)) returning json_value(doc, '$.a')
