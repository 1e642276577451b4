package plan_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// What a query gives varchar(3) to store is cut at trailing blanks, and then another key's.
func TestAKeyThatAQueryStoresFitsItsColumn(t *testing.T) {
	codes := table(catalog.Sharded, "cuts", key("code", shard.Text), "code character varying(3)", "n integer", "slot smallint")
	notes := table(catalog.Sharded, "notes", key("code", shard.Text), "code text", "n integer", "slot smallint")
	reg := catalog.NewRegistry(5, append(slices.Clone(fixture.Tables()), codes, notes)...)
	const (
		fromNotes = "insert into cuts (code, n) select code, n from notes where code = $1"
		fromText  = "insert into cuts (code, n) select $1::text, n from generate_series(1, 2) as g (n)"
		merge     = "merge into cuts c using (select * from notes where code = $1) x on c.code = x.code when not matched then insert (code) values (x.code)"
		mergeThis = "merge into cuts c using plans p on c.code = $1 when not matched then insert (code) values ($1)"
		own       = "insert into cuts (n) select n from notes"
		listed    = "insert into cuts (code, n) select code, n from notes where code in ($1, $1)"
	)
	bind := func(sql string, scope shard.Key, args ...any) (plan.Binding, error) {
		s := plan.Unscoped
		if !scope.IsZero() {
			s = plan.Scoped
		}
		p, err := plan.Build(sql, reg, "app", s)
		require.NoError(t, err, sql)
		return p.Bind(args, scope)
	}
	for _, sql := range []string{fromNotes, fromText, merge, mergeThis} {
		b, err := bind(sql, shard.Key{}, "äbc")
		require.NoError(t, err, sql)
		require.Equal(t, shard.String("äbc"), b.Key, sql)
		_, err = bind(sql, shard.Key{}, "abc ")
		require.ErrorContains(t, err, "longer than the column's 3 characters", sql)
		_, err = bind(sql, shard.String("abc "), "abc ")
		require.ErrorContains(t, err, "longer than the column's 3 characters", sql)
	}
	_, err := bind(listed, shard.String("abc "), "abc ")
	require.ErrorContains(t, err, "longer than the column's 3 characters")
	_, err = bind(own, shard.String("abc "))
	require.ErrorContains(t, err, "longer than the column's 3 characters")
	_, err = bind(own, shard.String("abc"))
	require.NoError(t, err)
	_, err = bind("select * from cuts where code = $1", shard.Key{}, "abc ")
	require.NoError(t, err, "nothing is stored")
	_, err = bind("select * from cuts", shard.String("abc "))
	require.NoError(t, err, "nothing is stored")
	_, err = bind("insert into cuts (code, n) select 'abc '::text, 1", shard.Key{})
	require.ErrorContains(t, err, "longer than the column's 3 characters")
}
