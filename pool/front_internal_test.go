package pool

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestBehindAPoolerNothingIsPreparedByNameUnlessToldTo(t *testing.T) {
	for _, test := range []struct{ direct, told, want pgx.QueryExecMode }{
		{pgx.QueryExecModeCacheStatement, 0, pgx.QueryExecModeCacheDescribe},
		{pgx.QueryExecModeDescribeExec, 0, pgx.QueryExecModeCacheDescribe},
		{pgx.QueryExecModeCacheDescribe, 0, pgx.QueryExecModeCacheDescribe},
		{pgx.QueryExecModeExec, 0, pgx.QueryExecModeExec},
		{pgx.QueryExecModeSimpleProtocol, 0, pgx.QueryExecModeSimpleProtocol},
		{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheStatement},
	} {
		cc := &pgx.ConnConfig{DefaultQueryExecMode: test.direct}
		front{pooled: true}.apply(cc, test.told)
		require.Equal(t, test.want, cc.DefaultQueryExecMode, "%s, told %s", test.direct, test.told)
		cc.DefaultQueryExecMode = test.direct
		front{}.apply(cc, test.told)
		require.Equal(t, test.direct, cc.DefaultQueryExecMode, "without a pooler")
	}
}

func TestAPoolerGetsOnlyTheStartUpParametersThatItKnows(t *testing.T) {
	cc, err := pgx.ParseConfig("host=127.0.0.1 application_name=a TimeZone=UTC search_path=x")
	require.NoError(t, err)
	front{}.apply(cc, 0)
	require.Len(t, cc.RuntimeParams, 3)
	front{plain: true}.apply(cc, 0)
	require.Equal(t, map[string]string{"application_name": "a", "TimeZone": "UTC"}, cc.RuntimeParams)
}

func TestAPoolerIsTakenForTheWorstUntilItWasLookedInto(t *testing.T) {
	require.Equal(t, NoPooling, front{}.pooling())
	require.Equal(t, TransactionPooling, front{pooled: true}.pooling())
	require.Equal(t, SessionPooling, front{pooled: true, judged: true}.pooling())
	require.Equal(t, TransactionPooling, front{pooled: true, judged: true, shared: true}.pooling())
}
