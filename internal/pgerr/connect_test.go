package pgerr_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/pgerr"
)

func TestAConnectionThatFailsSaysWhyOnceAndWithoutThePassword(t *testing.T) {
	require.NoError(t, pgerr.ConnectCause(nil))

	_, err := pgx.Connect(t.Context(), "postgres://someone:s3cret@127.0.0.1:1/none?sslmode=prefer")
	require.Error(t, err)
	cause := pgerr.ConnectCause(err)
	require.Equal(t, "connect: connection refused", cause.Error())

	c := pgtest.Shared(t)
	_, err = pgx.Connect(t.Context(), c.DSN("postgres", "no_such_database"))
	cause = pgerr.ConnectCause(err)
	require.Contains(t, cause.Error(), "3D000")
	require.NotContains(t, cause.Error(), "\n")
	var pg *pgconn.PgError
	require.ErrorAs(t, cause, &pg)
	var outer *pgconn.ConnectError
	require.False(t, errors.As(cause, &outer), "pgx's own error keeps the password")
}
