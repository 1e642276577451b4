package sqlparse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

var kindNames = map[sqlparse.TokenKind]string{
	sqlparse.TokenIdent: "id", sqlparse.TokenQuoted: "quoted", sqlparse.TokenKeyword: "kw", sqlparse.TokenParam: "param",
	sqlparse.TokenInteger: "int", sqlparse.TokenNumeric: "num", sqlparse.TokenString: "str", sqlparse.TokenBit: "bit",
	sqlparse.TokenOperator: "op", sqlparse.TokenPunct: "punct",
}

// lexed prints the tokens of a text as kind:value, one after the other.
func lexed(t testing.TB, sql string) string {
	t.Helper()
	tokens, err := sqlparse.Lex(sql)
	require.NoError(t, err, sql)
	require.Equal(t, sqlparse.TokenEOF, tokens[len(tokens)-1].Kind)
	var out []string
	for _, tok := range tokens[:len(tokens)-1] {
		out = append(out, fmt.Sprintf("%s:%s", kindNames[tok.Kind], tok.Value))
	}
	return strings.Join(out, " ")
}

func TestEachLexicalFormIsReadAsPostgreSQLReadsIt(t *testing.T) {
	long := strings.Repeat("x", 63)
	for _, c := range []struct{ sql, want string }{
		// names
		{`FooBar`, `id:foobar`},
		{`_a$1`, `id:_a$1`},
		{`ÄbC`, `id:Äbc`}, // only ASCII letters fold
		{`SELECT`, `kw:select`},
		{`"SELECT"`, `quoted:SELECT`},
		{`"a""b"`, `quoted:a"b`},
		{`U&"d\0061t\+000061"`, `quoted:data`},
		{`u&"x!0041" UESCAPE '!'`, `quoted:xA`},
		{`u & "x"`, `id:u op:& quoted:x`},
		{long, `id:` + long},
		// strings
		{`'it''s'`, `str:it's`},
		{`'a\'`, `str:a\`}, // standard_conforming_strings
		{`E'a\'b\\\n\x41\101\u0041\U00000042\q'`, "str:a'b\\\nAAABq"},
		{`e'\xC3\xA9\xZ'`, "str:éxZ"},
		{`E'\uD83D\uDE00'`, "str:😀"},
		{`U&'\0041\D83D\DE00\\'`, "str:A😀\\"},
		{`U&'!0041!!' uescape '!'`, "str:A!"},
		{"'a'\n'b'", "str:ab"},
		{"'a' -- c\n  -- d\n'b'", "str:ab"},
		{"E'a' \r 'b\\n'", "str:ab\n"},
		{"'a' 'b'", "str:a str:b"},
		{"'a' /* c\n */ 'b'", "str:a str:b"},
		{"N'a'", "kw:nchar str:a"},
		{"B'01' b'' X'1fA' x''", "bit:b01 bit:b bit:x1fA bit:x"},
		{"$$a'b$$ $t$ $$ $x$ $t$ $ä$y$ä$", "str:a'b str: $$ $x$  str:y"},
		{"a$$b$$", "id:a$$b$$"}, // a dollar goes on with an identifier
		// numbers and parameters
		{"1 2.5 .5 5. 1e5 1.5E-3 .5e+2 5.e1 007", "int:1 num:2.5 num:.5 num:5. num:1e5 num:1.5E-3 num:.5e+2 num:5.e1 int:007"},
		{"1..2", "int:1 punct:.. int:2"},
		{"1.2.3", "num:1.2 num:.3"},
		{"$1 $65535 $1::int", "param:1 param:65535 param:1 punct::: kw:int"},
		{"1$1", "int:1 param:1"},
		{"1$$a$$", "int:1 str:a"},
		// operators
		{"a+-b", "id:a op:+ op:- id:b"},
		{"a*-b", "id:a op:* op:- id:b"},
		{"a@-b", "id:a op:@- id:b"},
		{"a<-b", "id:a op:< op:- id:b"},
		{"a<->b", "id:a op:<-> id:b"},
		{"a!=b<>c", "id:a op:<> id:b op:<> id:c"},
		{"a=>b:=c", "id:a punct:=> id:b punct::= id:c"},
		{"a=>>b", "id:a op:=>> id:b"},
		{"a+--b\nc", "id:a op:+ id:c"},
		{"a*/* c */b", "id:a op:* id:b"},
		{"a->'b'->>'c'#>>'d'", "id:a op:-> str:b op:->> str:c op:#>> str:d"},
		{"a?|b ?& c @@ d", "id:a op:?| id:b op:?& id:c op:@@ id:d"},
		{"a[1:2]::b", "id:a punct:[ int:1 punct:: int:2 punct:] punct::: id:b"},
		{"(a,b);.", "punct:( id:a punct:, id:b punct:) punct:; punct:."},
		// comments
		{"a--b\nc", "id:a id:c"},
		{"a--b\rc", "id:a id:c"},
		{"a/*b/*c*/d*/e", "id:a id:e"},
		{"/**/", ""},
		{"", ""},
		{" \t\n\r\f", ""},
	} {
		require.Equal(t, c.want, lexed(t, c.sql), c.sql)
	}
}

func TestNothingInsideAStringOrCommentIsATokenOfItsOwn(t *testing.T) {
	for _, hidden := range []string{
		`'%s'`, `E'%s'`, `$$%s$$`, `$q$ $$ %s $q$`, `"%s"`, `/* %s */`, `/* /* */ %s */`, "-- %s\n", `U&'%s'`,
	} {
		for _, what := range []string{"; delete from t", " where tenant_id = 1 ", "or true --", "/* ' */"} {
			if strings.HasPrefix(hidden, "/*") && strings.Contains(what, "*/") {
				what = "where /* nested */"
			}
			if strings.Contains(what, "'") && strings.Contains(hidden, "'") {
				what = strings.ReplaceAll(what, "'", "''")
			}
			sql := "select 1 as " + `"x" from t where a <> ` + fmt.Sprintf(hidden, what)
			if strings.Contains(hidden, "*/") || strings.HasPrefix(hidden, "--") {
				sql += "1"
			}
			s, err := sqlparse.Parse(sql)
			require.NoError(t, err, sql)
			require.IsType(t, &sqlparse.Binary{}, s.(*sqlparse.Select).Where, sql)
		}
	}
}

func TestWhatNoServerReadsIsASyntaxErrorWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		sql    string
		offset int
	}{
		{"select 'abc", 7},
		{"select E'abc\\", 7},
		{"select E'abc\\'", 7},
		{`select "abc`, 7},
		{`select ""`, 7},
		{`select U&""`, 7},
		{"select $$abc$", 7},
		{"select $a$abc$b$", 7},
		{"select /* abc /* */", 7},
		{"select 1a", 8},
		{"select 1.5e", 10},
		{"select 1e+", 8},
		{"select $1a", 9},
		{"select $0", 7},
		{"select $65536", 7},
		{"select $99999999999999999999", 7},
		{"select a $ b", 9},
		{`select a \ b`, 9},
		{"select {a}", 7},
		{"select 'a\x00b'", 9},
		{"select 'a\xffb'", 9},
		{"select E'\\xff'", 7},
		{"select E'\\000'", 7},
		{"select E'\\u12'", 11},
		{"select E'\\uD800x'", 15},
		{"select E'\\uD800\\u0041'", 21},
		{"select E'\\U00110000'", 11},
		{`select U&'\12'`, 7},
		{`select U&'\D800x'`, 7},
		{`select U&'\D800'`, 7},
		{`select U&'\0000'`, 7},
		{`select U&'a' uescape 'ab'`, 21},
		{`select U&'a' uescape '+'`, 21},
		{`select U&'a' uescape 'a'`, 21},
		{`select U&'a' uescape b`, 21},
		{`select U&'a' uescape U&'!'`, 21},
		{"select B'012'", 7},
		{"select X'0g'", 7},
		{"select (1", 7},
		{"select 1)", 8},
		{"select 1 + " + strings.Repeat("@", 64) + "1", 11},
	} {
		_, err := sqlparse.Parse(c.sql)
		var e *sqlparse.SyntaxError
		require.ErrorAs(t, err, &e, "%q", c.sql)
		require.Equal(t, c.offset, e.Offset, "%q: %v", c.sql, err)
	}
}

func TestWhatTheVersionsReadDifferentlyIsUnsupported(t *testing.T) {
	for _, sql := range []string{
		`select E'\v'`,
		"select 1\v",
		"select " + strings.Repeat("x", 64),
		`select "` + strings.Repeat("ä", 32) + `"`,
		`select U&"` + strings.Repeat("x", 64) + `"`,
		"select system_user",
		"select a at from t",
		"select '" + strings.Repeat("x", sqlparse.MaxText) + "'",
	} {
		_, err := sqlparse.Parse(sql)
		var e *sqlparse.UnsupportedError
		require.ErrorAs(t, err, &e, "%.60q", sql)
		require.NotEmpty(t, e.Hint)
	}
}

func TestTokensCoverTheTextInOrder(t *testing.T) {
	for _, sql := range corpus(t) {
		requireTokensCover(t, sql)
	}
}

// requireTokensCover checks that tokens do not overlap, and that what is between them is white space and comments:
// putting spaces there instead gives the same tokens.
func requireTokensCover(t testing.TB, sql string) {
	t.Helper()
	tokens, err := sqlparse.Lex(sql)
	if err != nil {
		return
	}
	end := 0
	spaced := []byte(strings.Repeat(" ", len(sql)))
	for _, tok := range tokens {
		require.LessOrEqual(t, end, tok.Start, sql)
		require.LessOrEqual(t, tok.Start, tok.End, sql)
		end = tok.End
		copy(spaced[tok.Start:], tok.Text(sql))
	}
	require.Equal(t, len(sql), end)
	again, err := sqlparse.Lex(string(spaced))
	require.NoError(t, err, "%q", sql)
	require.Equal(t, tokens, again, "%q", sql)
}
