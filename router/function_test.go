package router_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
)

const localFunctions = `
create function gross(n int) returns int immutable language sql as 'select n * 6 / 5';
create function gross(s text) returns text immutable language plpgsql as 'begin return upper(s); end';
create function labelled(n int) returns text stable language sql as 'select ''no. '' || n';
`

func TestRegisteredFunctionsAnswerAsOnOneServer(t *testing.T) {
	f := initialised(t, 2)
	f.everywhere(shop + localFunctions + `select keyway.local_function('gross(int)'), keyway.local_function('gross(text)'),
		keyway.local_function('labelled(int)')`)
	db := f.open()
	one := pgtest.Conn(t, f.servers[0], localpg.Superuser, pgtest.Database(t, f.servers[0]))
	_, err := one.Exec(f.ctx(), `create table orders (tenant_id bigint, id bigint, state text, total int);`+localFunctions)
	require.NoError(t, err)
	for i := range int64(120) {
		for _, q := range []func(context.Context, string, ...any) error{
			func(ctx context.Context, sql string, args ...any) error {
				_, err := one.Exec(ctx, sql, args...)
				return err
			},
			func(ctx context.Context, sql string, args ...any) error {
				_, err := db.Exec(ctx, sql, args...)
				return err
			},
		} {
			require.NoError(t, q(f.ctx(), "insert into orders (tenant_id, id, state, total) values ($1, $2, gross($3::text), gross($4::int))",
				i%17, i, fmt.Sprint("s", i%5), i%23))
		}
	}
	rows := func(got pgx.Rows, err error) [][]any {
		require.NoError(t, err)
		all, err := pgx.CollectRows(got, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
		require.NoError(t, err)
		return all
	}
	for _, sql := range []string{
		"select id, gross(total) from orders where gross(total) > 7 order by gross(total) desc, id limit 20",
		"select gross(state), count(*), gross(max(total)) from orders group by gross(state) order by 1",
		"select gross(sum(total)::int), gross(min(state)) from orders",
		"select distinct gross(total % 4) as g from orders order by g",
		"select gross(total), count(*) from orders group by 1 having gross(count(*)::int) > 4 order by 2 desc, gross(gross(total))",
		"select public.gross(state) as s, id from orders order by s, id",
	} {
		require.Equal(t, rows(one.Query(f.ctx(), sql)), rows(db.Scatter().Query(f.ctx(), sql)), sql)
	}
	const ofOne = "select labelled(gross(total)), gross(state) from orders where tenant_id = $1 and labelled(total) <> 'no. 3' order by id"
	for tenant := range int64(17) {
		require.Equal(t, rows(one.Query(f.ctx(), ofOne, tenant)), rows(db.Query(f.ctx(), ofOne, tenant)))
	}
	_, err = db.Scatter().Query(f.ctx(), "select labelled(total) from orders")
	sentence(t, err, "is STABLE")
}

func TestAFunctionThatDiffersOnAShardIsNoticed(t *testing.T) {
	f := initialised(t, 2)
	f.everywhere(shop + localFunctions)
	db := f.open(router.WithPollInterval(50 * time.Millisecond))
	const call = "select labelled(total) from orders where tenant_id = 1"
	_, err := db.Exec(f.ctx(), call)
	sentence(t, err, "keyway.local_function")
	f.everywhere("select keyway.local_function('labelled(int)')")
	require.Eventually(t, func() bool { _, err := db.Exec(f.ctx(), call); return err == nil }, time.Minute, 10*time.Millisecond)

	other := "create or replace function labelled(n int) returns text stable language sql as 'select ''nr. '' || n';"
	_, err = f.migrator("s1").Exec(f.ctx(), other)
	require.NoError(t, err)
	_, err = router.Open(f.ctx(), f.cfg)
	sentence(t, err, "the function public.labelled is not as it was registered", "was changed")
	_, err = f.migrator("s1").Exec(f.ctx(), "select keyway.local_function('labelled(int)')")
	require.NoError(t, err)
	_, err = router.Open(f.ctx(), f.cfg)
	sentence(t, err, "the function public.labelled has another definition")

	f.everywhere(other + "select keyway.local_function('labelled(int)')")
	again, err := router.Open(f.ctx(), f.cfg)
	require.NoError(t, err)
	again.Close()

	f.everywhere("create or replace function labelled(n int) returns text stable language sql as 'select ''#'' || n'")
	require.Eventually(t, func() bool {
		_, err := db.Exec(f.ctx(), call)
		return err != nil
	}, time.Minute, 10*time.Millisecond, "changed everywhere, and not registered again")
	_, err = db.Exec(f.ctx(), call)
	sentence(t, err, "labelled is not as it was registered", "was changed")
	f.everywhere("select keyway.local_function('labelled(int)')")
	require.Eventually(t, func() bool { _, err := db.Exec(f.ctx(), call); return err == nil }, time.Minute, 10*time.Millisecond)
}
