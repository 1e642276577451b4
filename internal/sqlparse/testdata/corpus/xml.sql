select xmlelement(name a), xmlelement(name "A", xmlattributes(b as c, d)), xmlelement(name x, xmlattributes(b), 'text', y || z), xmlelement(name t, 1, 2) from t

select xmlconcat(a, b), xmlforest(a, b as "B", c + 1 as d), xmlpi(name php), xmlpi(name php, 'echo 1') from t

select xmlparse(document '<a/>'), xmlparse(content a preserve whitespace), xmlparse(document b strip whitespace) from t

select xmlroot(a, version '1.0'), xmlroot(a, version no value, standalone yes), xmlroot(a, version b, standalone no), xmlroot(a, version no value, standalone no value) from t

select xmlserialize(content a as text), xmlserialize(document a as varchar(100)), a is document, a is not document from t

select xmlexists('//a' passing b), xmlexists('//a' passing by ref b), xmlexists('//a' passing b by value), xmlexists($1 passing by ref doc by ref) from t where xmlexists('/x' passing by value t.doc)

select * from xmltable('/r' passing d columns a int, b text path 'b' default 'x' not null, c for ordinality, e xml path $1 null) as x

select x.* from t, lateral xmltable(xmlnamespaces('http://a' as a, default 'http://b'), '//row' passing by ref t.doc by ref columns "id" int path '@id', v numeric(10,2) default 0 path 'v') x (p, q)

select xmlagg(x order by y), xpath('/a', b), xml '<a/>' from t
