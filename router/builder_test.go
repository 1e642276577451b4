package router_test

import (
	"database/sql/driver"
	"net"
	"testing"

	sq "github.com/Masterminds/squirrel"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
)

// money is a driver.Valuer over an array, as uuid packages have them.
type money [16]byte

func (m money) Value() (driver.Value, error) { return "m", nil }

func TestBuildersWriteTextThatCanBeRoutedAndPrepared(t *testing.T) {
	id := [16]byte{1, 2, 3}
	var none []int64
	var missing *int64
	for name, c := range map[string]struct {
		stmt router.Statement
		text string
		args []any
	}{
		"equality":  {router.SQL.Select("*").From("t").Where(sq.Eq{"b": 2, "a": 1}), "SELECT * FROM t WHERE a = $1 AND b = $2", []any{1, 2}},
		"a list":    {router.SQL.Select("*").From("t").Where(sq.Eq{"a": []int64{1, 2}}), "SELECT * FROM t WHERE a = ANY($1)", []any{[]int64{1, 2}}},
		"an empty":  {router.SQL.Select("*").From("t").Where(sq.Eq{"a": []int64{}}), "SELECT * FROM t WHERE a = ANY($1)", []any{[]int64{}}},
		"a nil one": {router.SQL.Select("*").From("t").Where(sq.Eq{"a": none}), "SELECT * FROM t WHERE a = ANY($1)", []any{[]int64{}}},
		"not a list": {router.SQL.Select("*").From("t").Where(sq.NotEq{"a": []string{"x"}, "b": nil}),
			"SELECT * FROM t WHERE a <> ALL($1) AND b IS NOT NULL", []any{[]string{"x"}}},
		"an array":    {router.SQL.Select("*").From("t").Where(sq.Eq{"a": [2]int32{1, 2}}), "SELECT * FROM t WHERE a = ANY($1)", []any{[]int32{1, 2}}},
		"NULL":        {router.SQL.Select("*").From("t").Where(sq.Eq{"a": nil, "b": missing}), "SELECT * FROM t WHERE a IS NULL AND b IS NULL", nil},
		"a uuid":      {router.SQL.Select("*").From("t").Where(sq.Eq{"a": id}), "SELECT * FROM t WHERE a = $1", []any{id}},
		"bytes":       {router.SQL.Select("*").From("t").Where(sq.Eq{"a": []byte("x")}), "SELECT * FROM t WHERE a = $1", []any{[]byte("x")}},
		"a valuer":    {router.SQL.Select("*").From("t").Where(sq.Eq{"a": money{}}), "SELECT * FROM t WHERE a = $1", []any{money{}}},
		"no equality": {router.SQL.Select("*").From("t").Where(sq.Eq{}), "SELECT * FROM t WHERE (1=1)", nil},
		"a map":       {router.SQL.Select("*").From("t").Where(map[string]any{"a": 1}), "SELECT * FROM t WHERE a = $1", []any{1}},
		"inside AND and OR": {router.SQL.Select("*").From("t").Where(sq.And{sq.Eq{"a": []int{1}}, sq.Or{sq.Eq{"b": []int{2}}, sq.Gt{"c": 3}}}),
			"SELECT * FROM t WHERE (a = ANY($1) AND (b = ANY($2) OR c > $3))", []any{[]int{1}, []int{2}, 3}},
		"OR in a string": {router.SQL.Delete("t").Where("a = ?", 1).Where("b = ? or c = ?", 2, 3),
			"DELETE FROM t WHERE a = $1 AND (b = $2 or c = $3)", []any{1, 2, 3}},
		"OR in an expression": {router.SQL.Delete("t").Where("a = ?", 1).Where(sq.Expr("b = ? or c = ?", 2, 3)).Where(sq.And{sq.Expr("d or e"), sq.Eq{"f": 4}}),
			"DELETE FROM t WHERE a = $1 AND (b = $2 or c = $3) AND ((d or e) AND f = $4)", []any{1, 2, 3, 4}},
		"an address": {router.SQL.Select("*").From("t").Where(sq.Eq{"a": net.IP{1, 2, 3, 4}}), "SELECT * FROM t WHERE a = $1", []any{net.IP{1, 2, 3, 4}}},
		"insert":     {router.SQL.Insert("t").Columns("a", "b").Values(1, nil).Values(2, 3).Suffix("RETURNING id"), "INSERT INTO t (a,b) VALUES ($1,$2),($3,$4) RETURNING id", []any{1, nil, 2, 3}},
		"insert map": {router.SQL.Insert("t").SetMap(map[string]any{"b": 2, "a": id}), "INSERT INTO t (a,b) VALUES ($1,$2)", []any{id, 2}},
		"update": {router.SQL.Update("t").Set("a", 1).SetMap(map[string]any{"b": sq.Expr("b + ?", 2)}).Where(sq.Eq{"id": 3}).Suffix("RETURNING a"),
			"UPDATE t SET a = $1, b = b + $2 WHERE id = $3 RETURNING a", []any{1, 2, 3}},
		"a nested builder in SET": {router.SQL.Update("t").Set("a", router.SQL.Select("max(x)").From("u").Where(sq.Eq{"k": 1})).Where(sq.Eq{"k": 2}),
			"UPDATE t SET a = (SELECT max(x) FROM u WHERE k = $1) WHERE k = $2", []any{1, 2}},
		"squirrel's builder in SET": {router.SQL.Update("t").Set("a", sq.Select("max(x)").From("u").Where("k = ?", 1).PlaceholderFormat(sq.Dollar)).Where("k = ?", 2),
			"UPDATE t SET a = (SELECT max(x) FROM u WHERE k = $1) WHERE k = $2", []any{1, 2}},
		"a nested builder in VALUES": {router.SQL.Insert("t").Columns("a", "b").Values(router.SQL.Select("x").From("u").Where("k = ?", 1), 2),
			"INSERT INTO t (a,b) VALUES ((SELECT x FROM u WHERE k = $1),$2)", []any{1, 2}},
		"INSERT ... SELECT": {router.SQL.Insert("t").Columns("a").Select(router.SQL.Select("a").From("u").Where(sq.Eq{"k": []int{1}})),
			"INSERT INTO t (a) SELECT a FROM u WHERE k = ANY($1)", []any{[]int{1}}},
		"a nested FROM": {router.SQL.Select("*").FromSelect(router.SQL.Select("a").From("u").Where("k = ?", 1), "s").Where("a = ?", 2).
			LeftJoin("v on v.a = s.a and v.b = ?", 9), "SELECT * FROM (SELECT a FROM u WHERE k = $1) AS s LEFT JOIN v on v.a = s.a and v.b = $2 WHERE a = $3", []any{1, 9, 2}},
		"an expression over a subquery": {router.SQL.Select("*").From("t").Where(sq.Expr("a = (?)", sq.Select("max(a)").From("u").Where("k = ?", 1))).Where("k = ?", 2),
			"SELECT * FROM t WHERE a = (SELECT max(a) FROM u WHERE k = $1) AND k = $2", []any{1, 2}},
		"? in a string, a comment, a name and a body": {router.SQL.Select(`'why?'`, `"col?"`, `E'it\'s?'`, `$q$ ? $q$`).From("t").Where("a = ? /* ? /* ? */ */ -- ?\n and b = ?", 1, 2),
			"SELECT 'why?', \"col?\", E'it\\'s?', $q$ ? $q$ FROM t WHERE a = $1 /* ? /* ? */ */ -- ?\n and b = $2", []any{1, 2}},
		"the operator ?": {router.SQL.Select("*").From("t").Where("tags ?? ? and tags ??| ?", "x", []string{"y"}),
			"SELECT * FROM t WHERE tags ? $1 and tags ?| $2", []any{"x", []string{"y"}}},
		"every clause": {router.SQL.Select("a").Prefix("with x as (select ?::int)", 1).Distinct().Options("ALL").Columns("b").Column("c + ?", 2).From("t").
			Join("u on u.a = t.a").RightJoin("r on true").CrossJoin("z").JoinClause("join y on y.b = ?", 3).Where("a = ?", 4).GroupBy("a").Having("count(*) > ?", 5).OrderBy("a desc").Limit(6).Offset(7).Suffix("for update"),
			"with x as (select $1::int) SELECT DISTINCT ALL a, b, c + $2 FROM t JOIN u on u.a = t.a RIGHT JOIN r on true CROSS JOIN z join y on y.b = $3 WHERE a = $4 GROUP BY a HAVING count(*) > $5 ORDER BY a desc LIMIT 6 OFFSET 7 for update",
			[]any{1, 2, 3, 4, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				text, args, err := c.stmt.ToSql()
				require.NoError(t, err)
				require.Equal(t, c.text, text)
				require.ElementsMatch(t, c.args, args)
			}
		})
	}
}

func TestBuildersRefuseWhatSquirrelGetsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		stmt router.Statement
		want string
	}{
		"a builder in Eq":       {router.SQL.Select("*").From("t").Where(sq.Eq{"a": sq.Select("1")}), "column a is compared with a builder"},
		"ours in Eq":            {router.SQL.Select("*").From("t").Where(sq.Eq{"a": router.SQL.Select("1")}), "column a is compared with a builder"},
		"numbers already there": {router.SQL.Select("*").From("t").Where("a = $1", 1), "numbered placeholders"},
		"ours in an expression": {router.SQL.Select("*").From("t").Where(sq.Expr("a = (?)", router.SQL.Select("1").Where("k = ?", 1))), "numbered placeholders"},
		"too few arguments":     {router.SQL.Select("*").From("t").Where("a = ? and b = ?", 1), "2 placeholders and 1 arguments"},
		"too many arguments":    {router.SQL.Select("*").From("t").Where("a = ?", 1, 2), "1 placeholders and 2 arguments"},
		"nothing to set":        {router.SQL.Update("t").Where("a = 1"), "Set"},
		"no values":             {router.SQL.Insert("t").Columns("a"), "values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := c.stmt.ToSql()
			sentence(t, err, c.want)
		})
	}
}

func TestABaseMayBeShared(t *testing.T) {
	base := router.SQL.Select("*").From("t").Where(sq.Eq{"k": 1})
	one, two := base.Where("a = ?", 2), base.Where("b = ?", 3)
	text, args, err := one.ToSql()
	require.NoError(t, err)
	require.Equal(t, "SELECT * FROM t WHERE k = $1 AND a = $2", text)
	require.Equal(t, []any{1, 2}, args)
	text, _, err = two.ToSql()
	require.NoError(t, err)
	require.Equal(t, "SELECT * FROM t WHERE k = $1 AND b = $2", text)
}
