package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
)

func TestALocalFunctionIsInTheRegistryUntilItChanges(t *testing.T) {
	s := installed(t)
	s.exec("create schema tax; create function tax.vat(n int) returns int immutable language sql as 'select n / 5'")
	registry := func() *catalog.Registry {
		r, err := catalog.ReadRegistry(s.ctx(), s.connect(s.app))
		require.NoError(t, err)
		return r
	}
	before := registry()
	_, ok := before.Function("tax", "vat")
	require.False(t, ok)
	s.exec("select keyway.local_function('tax.vat(int)')")
	after := registry()
	f, ok := after.Function("tax", "vat")
	require.True(t, ok)
	require.True(t, f.Immutable())
	require.NotEqual(t, before.Version, after.Version)

	for change, undo := range map[string]string{
		"create or replace function tax.vat(n int) returns int immutable language sql as 'select n / 4'": "create or replace function tax.vat(n int) returns int immutable language sql as 'select n / 5'",
		"alter function tax.vat(int) stable":                                                 "alter function tax.vat(int) immutable",
		"alter function tax.vat(int) strict":                                                 "alter function tax.vat(int) called on null input",
		"alter function tax.vat(int) set search_path = x":                                    "alter function tax.vat(int) reset search_path",
		"create function tax.vat(n bigint) returns int immutable language sql as 'select 1'": "drop function tax.vat(bigint)",
		"alter function tax.vat(int) rename to tva":                                          "alter function tax.tva(int) rename to vat",
	} {
		s.exec(change)
		r := registry()
		_, ok := r.Function("tax", "vat")
		require.False(t, ok, change)
		require.NotNil(t, r.FunctionDriftOf("tax", "vat"), change)
		require.NotEqual(t, after.Version, r.Version, change)
		s.exec(undo)
		require.Equal(t, after.Version, registry().Version, undo)
	}
	s.exec("alter function tax.vat(int) stable; select keyway.local_function('tax.vat(int)')")
	f, ok = registry().Function("tax", "vat")
	require.True(t, ok)
	require.False(t, f.Immutable())
	s.exec("select keyway.forget_function('tax', 'vat')")
	require.Equal(t, before.Version, registry().Version)
}

func TestWhatIsNoLocalFunctionIsRefused(t *testing.T) {
	s := installed(t)
	s.exec(`create function v() returns int language sql as 'select 1';
		create function many() returns setof int immutable language sql as 'select 1';
		create function row_of() returns record immutable language sql as 'select 1, 2';
		create function any_of(anyelement) returns int immutable language sql as 'select 1';
		create function lower(int) returns int immutable language sql as 'select 1';
		create function rest(variadic int[]) returns int immutable language sql as 'select 1';
		create function given(a int default 1) returns int immutable language sql as 'select 1';
		create function outs(out a int) immutable language sql as 'select 1';
		create function own() returns name immutable language sql as 'select ''x''::name';
		create function atomic() returns int immutable return 1;
		create aggregate total(int) (sfunc = int4pl, stype = int)`)
	for f, why := range map[string]string{
		"v()": "VOLATILE", "many()": "plain function", "row_of()": "of any type", "any_of(anyelement)": "of any type",
		"public.lower(int)": "PostgreSQL has functions of that name", "rest(int[])": "VARIADIC", "given(int)": "default",
		"own()": "a collation of its own", "outs()": "OUT", "atomic()": "BEGIN ATOMIC", "total(int)": "plain function", "pg_catalog.lower(text)": "not one of the application",
	} {
		_, err := s.conn.Exec(s.ctx(), "select keyway.local_function($1::text::regprocedure)", f)
		require.ErrorContains(t, err, why, f)
	}
}
