package plan_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

type tenantID struct{ n int64 }

func (t tenantID) Value() (driver.Value, error) { return t.n, nil }

func mustBuild(t testing.TB, sql string, scope plan.Scope) *plan.Plan {
	t.Helper()
	p, err := plan.Build(sql, fixture, "app", scope)
	require.NoError(t, err)
	return p
}

func TestArgumentsAreSentAsTheKeyTheyWereReadAs(t *testing.T) {
	seven := 7
	for _, c := range []struct {
		sql  string
		arg  any
		sent any
	}{
		{"select * from orders where tenant_id = $1", int64(7), int64(7)},
		{"select * from orders where tenant_id = $1", "7", "7"},
		{"select * from orders where tenant_id = $1", tenantID{7}, int64(7)},
		{"select * from orders where tenant_id = $1", &seven, int64(7)},
		{"select * from orders where tenant_id = $1", shard.Int64(7), int64(7)},
		{"select * from seats where uid = $1", [16]byte{1}, "01000000-0000-0000-0000-000000000000"},
		{"select * from orders where tenant_id = any($1)", []tenantID{{7}, {8}}, []int64{7, 8}},
		{"select * from orders where tenant_id = any($1)", []string{"7"}, []int64{7}},
		{"select * from orders where tenant_id = any($1)", []int64{7, 8}, []int64{7, 8}},
		{"select * from devices where uid = any($1)", []string{"01000000-0000-0000-0000-000000000000"}, [][16]byte{{1}}},
		{"insert into adopted (tenant_id) values ($1)", tenantID{7}, int64(7)},
	} {
		args := []any{c.arg}
		b, err := mustBuild(t, c.sql, plan.Unscoped).Bind(args, shard.Key{})
		require.NoError(t, err, "%s %T", c.sql, c.arg)
		require.Equal(t, []any{c.sent}, b.Args, "%s %T", c.sql, c.arg)
		require.Equal(t, []any{c.arg}, args, "the caller's slice is the caller's")
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	check(t, []routed{
		{"bind: arguments", "select * from orders where tenant_id = $1", nil},
		{"bind: arguments", "select * from orders where tenant_id = $1", with(7, 8)},
		{"bind: arguments", "select 1", with(7)},
		{"bind: arguments", "insert into orders (tenant_id) values ($1)", nil},
		{"bind: key error", "select * from orders where tenant_id = $1", with(7.0)},
		{"bind: key error", "select * from orders where tenant_id = $1", with(" 7")},
		{"bind: key error", "select * from orders where tenant_id = $1", with("07")},
		{"bind: key error", "select * from orders where tenant_id = $1", with(true)},
		{"bind: key error", "select * from orders where tenant_id = $1", with([]byte("7"))},
		{"bind: key error", "select * from orders where tenant_id = $1", with(uint64(1 << 63))},
		{"bind: key error", "select * from users where tenant_id = $1", with(int64(1) << 40)},
		{"bind: key error", "select * from docs where org = $1", with("")},
		{"bind: key error", "select * from docs where org = $1", with(7)},
		{"bind: key error", "select * from docs where org = $1", with("a\xff")},
		{"bind: key error", "select * from devices where uid = $1", with("{01000000-0000-0000-0000-000000000000}")},
		{"refused: bad key", "select * from users where tenant_id = 99999999999", nil},
		{"refused: bad key", "select * from orders where tenant_id = 'x'", nil},
		{"refused: bad key", "select * from orders where tenant_id = 99999999999999999999", nil},
	})
}

func TestOptionsOfPgxStayInPlace(t *testing.T) {
	p := mustBuild(t, "insert into orders (tenant_id) values ($1)", plan.Unscoped)
	args := []any{pgx.QueryExecModeExec, pgx.QueryResultFormats{1}, tenantID{7}}
	b, err := p.Bind(args, shard.Key{})
	require.NoError(t, err)
	require.Equal(t, []any{pgx.QueryExecModeExec, pgx.QueryResultFormats{1}, int64(7), int16(shard.Int64(7).Slot())}, b.Args)

	_, err = p.Bind([]any{pgx.QueryExecModeSimpleProtocol, 7}, shard.Key{})
	require.ErrorContains(t, err, "simple protocol")
	_, err = p.Bind([]any{pgx.NamedArgs{"a": 7}}, shard.Key{})
	require.ErrorContains(t, err, "named arguments")
}

type ownRewriter struct{}

func (ownRewriter) RewriteQuery(context.Context, *pgx.Conn, string, []any) (string, []any, error) {
	panic("needs a connection")
}

func TestNamedArgumentsAreRewrittenBeforePlanning(t *testing.T) {
	sql, args, err := plan.Rewrite(t.Context(), "select * from orders where tenant_id = @t and id = @i",
		[]any{pgx.QueryExecModeExec, pgx.NamedArgs{"t": int64(7), "i": 3}})
	require.NoError(t, err)
	b, err := mustBuild(t, sql, plan.Unscoped).Bind(args, shard.Key{})
	require.NoError(t, err)
	require.Equal(t, shard.Int64(7), b.Key)
	require.Equal(t, []any{pgx.QueryExecModeExec, int64(7), 3}, b.Args)

	_, _, err = plan.Rewrite(t.Context(), "select @a", []any{ownRewriter{}})
	require.ErrorContains(t, err, "QueryRewriter")
	_, _, err = plan.Rewrite(t.Context(), "select @a", []any{pgx.StrictNamedArgs{}})
	require.ErrorContains(t, err, "named arguments")
	sql, args, err = plan.Rewrite(t.Context(), "select 1", []any{1})
	require.NoError(t, err)
	require.Equal(t, "select 1", sql)
	require.Equal(t, []any{1}, args)
}

func TestSeventyThousandKeys(t *testing.T) {
	keys := make([]int64, 70_000)
	for i := range keys {
		keys[i] = int64(i)
	}
	b, err := mustBuild(t, "select * from orders where tenant_id = any($1)", plan.Unscoped).Bind([]any{keys}, shard.Key{})
	require.NoError(t, err)
	require.Equal(t, plan.ToKeyList, b.Target)
	require.Len(t, b.Keys, 70_000)
}

func TestBindOfOneKeyAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		sql  string
		args []any
	}{
		{"select * from orders where tenant_id = $1", []any{int64(7)}},
		{"update orders set total = $2 where tenant_id = $1 and id = $3", []any{int64(7), 1, 2}},
		{"delete from orders where tenant_id = $1", []any{int64(7)}},
		{"select * from docs where org = $1", []any{"acme"}},
		{"select * from devices where uid = $1", []any{[16]byte{1}}},
		{"select * from orders o join items i on i.tenant_id = o.tenant_id where o.tenant_id = $1", []any{int64(7)}},
		{"select * from plans", nil},
	} {
		p := mustBuild(t, c.sql, plan.Unscoped)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := p.Bind(c.args, shard.Key{}); err != nil {
				t.Fatal(err)
			}
		}), c.sql)
	}
	p := mustBuild(t, "insert into orders (tenant_id, id) values ($1, $2)", plan.Unscoped)
	args := []any{int64(7), int64(1)}
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = p.Bind(args, shard.Key{}) }), 2.0)
}

func TestErrorsOfBindHoldNoValues(t *testing.T) {
	for _, c := range []routed{
		{"", "select * from orders where tenant_id = $1", with("4242x")},
		{"", "select * from orders where tenant_id = any($1)", with([]string{"4242x"})},
		{"", "select * from orders o, items i where o.tenant_id = $1 and i.tenant_id = $2", with(4242, 4243)},
		{"", "insert into codes (code) values ($1)", with("42424242")},
	} {
		_, err := mustBuild(t, c.sql, plan.Unscoped).Bind(c.args, shard.Key{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "4242")
	}
	_, err := mustBuild(t, "select * from orders where tenant_id = $1", plan.Scoped).Bind(with(4242), shard.Int64(7))
	var m *plan.MismatchError
	require.True(t, errors.As(err, &m))
	require.NotContains(t, err.Error(), "4242")
	require.Contains(t, fmt.Sprint(err), "app.orders (tenant_id)")
}
