package pgerr_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/pgerr"
)

// safeError is how pgx and the pool say that nothing was sent.
type safeError struct{ err error }

func (e *safeError) Error() string     { return "not sent: " + e.err.Error() }
func (e *safeError) Unwrap() error     { return e.err }
func (e *safeError) SafeToRetry() bool { return true }

// waitError is a pool's that gave up waiting; what the last dial said is inside.
type waitError struct{ safeError }

func (e *waitError) Timeout() bool { return true }

func server(code string) error {
	return &pgconn.PgError{Severity: "FEHLER", SeverityUnlocalized: "ERROR", Code: code, Message: "m"}
}

func fatal(code string) error {
	return &pgconn.PgError{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: "m"}
}

var dialError = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		before pgerr.Verdict
		commit pgerr.Verdict
	}{
		{"serialization failure", server("40001"), pgerr.RetryTx, pgerr.RetryTx},
		{"deadlock", server("40P01"), pgerr.RetryTx, pgerr.RetryTx},
		{"statement completion unknown", server("40003"), pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"other class 40", server("40002"), pgerr.Fail, pgerr.Fail},
		{"lock not available", server("55P03"), pgerr.RetryLater, pgerr.RetryLater},
		{"object in use", server("55006"), pgerr.Fail, pgerr.Fail},
		{"cancelled", server("57014"), pgerr.Fail, pgerr.Fail},
		{"shut down", fatal("57P01"), pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"crash", fatal("57P02"), pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"starting", fatal("57P03"), pgerr.RetryLater, pgerr.InDoubt},
		{"full, on an open connection", fatal("53300"), pgerr.RetryLater, pgerr.InDoubt},
		{"read only", server("25006"), pgerr.Reroute, pgerr.Reroute},
		{"in a failed transaction", server("25P02"), pgerr.Fail, pgerr.Fail},
		{"idle in transaction timeout", fatal("25P03"), pgerr.Fail, pgerr.InDoubt},
		{"out of memory", server("53200"), pgerr.RetryLater, pgerr.RetryLater},
		{"disk full", server("53100"), pgerr.Fail, pgerr.Fail},
		{"pooler lost its server", fatal("08006"), pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"pooler's ERROR at commit", server("08006"), pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"resolution unknown", server("08007"), pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"protocol violation", server("08P01"), pgerr.Fail, pgerr.InDoubt},
		{"unique violation", server("23505"), pgerr.Fail, pgerr.Fail},
		{"bad data", server("22P02"), pgerr.Fail, pgerr.Fail},
		{"wrong table", server("42P01"), pgerr.Fail, pgerr.Fail},
		{"raised", server("P0001"), pgerr.Fail, pgerr.Fail},
		{"internal", server("XX000"), pgerr.Fail, pgerr.Fail},
		{"unheard of", server("ZZ999"), pgerr.Fail, pgerr.Fail},
		{"no code", server(""), pgerr.Fail, pgerr.Fail},
		{"panic of the server", &pgconn.PgError{SeverityUnlocalized: "PANIC", Code: "58030"}, pgerr.Fail, pgerr.InDoubt},
		{"severity unknown", &pgconn.PgError{Code: "40001"}, pgerr.RetryTx, pgerr.InDoubt},
		{"severity of an old server", &pgconn.PgError{Severity: "ERROR", Code: "40001"}, pgerr.RetryTx, pgerr.RetryTx},

		{"slot not owned", server("KW001"), pgerr.Reroute, pgerr.Reroute},
		{"key changed", server("KW002"), pgerr.Fail, pgerr.Fail},
		{"bad key", server("KW003"), pgerr.Fail, pgerr.Fail},
		{"table refused", server("KW004"), pgerr.Fail, pgerr.Fail},

		{"unsupported", server("0A000"), pgerr.Fail, pgerr.Fail},
		{
			"stale plan", &pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "0A000", Routine: "RevalidateCachedQuery"},
			pgerr.RetryTx, pgerr.RetryTx,
		},
		{
			"stale description", &pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "08P01", Routine: "PortalSetResultFormat"},
			pgerr.RetryTx, pgerr.RetryTx,
		},
		{"prepared statement gone", server("26000"), pgerr.RetryTx, pgerr.RetryTx},

		{"wrapped by the application", fmt.Errorf("transfer: %w", server("40001")), pgerr.RetryTx, pgerr.RetryTx},
		{"joined", errors.Join(errors.New("no"), server("40001")), pgerr.RetryTx, pgerr.RetryTx},

		{"EOF", io.EOF, pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"unexpected EOF", fmt.Errorf("x: %w", io.ErrUnexpectedEOF), pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"broken pipe", syscall.EPIPE, pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"closed by us", net.ErrClosed, pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"read timeout", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, pgerr.RetryTxIfRerunnable, pgerr.InDoubt},
		{"closed before", &safeError{pgconn.ErrConnClosed}, pgerr.RetryTxIfRerunnable, pgerr.RetryTxIfRerunnable},
		{"busy", &safeError{errors.New("conn busy")}, pgerr.Fail, pgerr.Fail},

		{"cancelled context", context.Canceled, pgerr.Fail, pgerr.InDoubt},
		{"deadline", context.DeadlineExceeded, pgerr.Fail, pgerr.InDoubt},
		{"context done before", &safeError{context.DeadlineExceeded}, pgerr.Fail, pgerr.Fail},
		{"commit rolled back", pgx.ErrTxCommitRollback, pgerr.Fail, pgerr.Fail},
		{"closed transaction", pgx.ErrTxClosed, pgerr.Fail, pgerr.Fail},
		{"the application's own", errors.New("out of stock"), pgerr.Fail, pgerr.InDoubt},

		{"refused connection", &safeError{dialError}, pgerr.RetryLater, pgerr.RetryLater},
		{"unknown host", &safeError{&net.DNSError{Err: "no such host"}}, pgerr.RetryLater, pgerr.RetryLater},
		{"full", &safeError{fatal("53300")}, pgerr.RetryLater, pgerr.RetryLater},
		{"starting when connecting", &safeError{fatal("57P03")}, pgerr.RetryLater, pgerr.RetryLater},
		{"stopped when connecting", &safeError{fatal("57P01")}, pgerr.RetryLater, pgerr.RetryLater},
		{"wrong password", &safeError{fatal("28P01")}, pgerr.Fail, pgerr.Fail},
		{"no such database", &safeError{fatal("3D000")}, pgerr.Fail, pgerr.Fail},
		{"no right to connect", &safeError{fatal("42501")}, pgerr.Fail, pgerr.Fail},
		{"unknown authority", &safeError{x509.UnknownAuthorityError{}}, pgerr.Fail, pgerr.Fail},
		{"no connection free", &waitError{safeError{errors.Join(context.DeadlineExceeded, &safeError{dialError})}}, pgerr.Fail, pgerr.Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.before.String(), pgerr.Classify(c.err, pgerr.BeforeCommit).String())
			require.Equal(t, c.commit.String(), pgerr.Classify(c.err, pgerr.AtCommit).String())
			require.NotEmpty(t, pgerr.Judge(c.err, pgerr.BeforeCommit).Reason)
			require.NotEmpty(t, pgerr.Judge(c.err, pgerr.AtCommit).Reason)
		})
	}
}

func TestReasonsSayWhatHappened(t *testing.T) {
	overload := &waitError{safeError{errors.Join(context.DeadlineExceeded, &safeError{dialError})}}
	for _, phase := range []pgerr.Phase{pgerr.BeforeCommit, pgerr.AtCommit} {
		require.Contains(t, pgerr.Judge(overload, phase).Reason, "no connection was free")
		require.Contains(t, pgerr.Judge(&safeError{dialError}, phase).Reason, "could not connect")
	}
	require.Contains(t, pgerr.Judge(context.Canceled, pgerr.BeforeCommit).Reason, "context")
	require.Contains(t, pgerr.Judge(errors.New("x"), pgerr.BeforeCommit).Reason, "not an error of the database")
	require.Contains(t, pgerr.Judge(io.EOF, pgerr.AtCommit).Reason, "reply to COMMIT was lost")
}

// What no later addition to the table may change.
func TestTheTableKeepsItsPromises(t *testing.T) {
	for _, r := range pgerr.Rules {
		t.Run(r.Code, func(t *testing.T) {
			require.Contains(t, []int{2, 5}, len(r.Code))
			require.NotEmpty(t, r.Reason)
			require.NotEqual(t, pgerr.InDoubt, r.BeforeCommit, "nothing is in doubt before COMMIT")
			require.NotEqual(t, pgerr.RetryTxIfRerunnable, r.AtCommit, "an ERROR at COMMIT is rolled back or in doubt")
			require.Equal(t, pgerr.InDoubt, pgerr.Classify(fatal(code5(r.Code)), pgerr.AtCommit), "FATAL at COMMIT is in doubt")
		})
	}
}

func code5(code string) string { return (code + "999")[:5] }

func TestWhoMayRunAgain(t *testing.T) {
	for v := range pgerr.Verdict(10) {
		always := v == pgerr.RetryTx || v == pgerr.RetryLater || v == pgerr.Reroute
		require.Equal(t, always, v.Retries(false), v)
		require.Equal(t, always || v == pgerr.RetryTxIfRerunnable, v.Retries(true), v)
	}
	require.Equal(t, "verdict 9", pgerr.Verdict(9).String())
	require.Equal(t, "at commit", pgerr.AtCommit.String())
	require.Equal(t, "before commit", pgerr.BeforeCommit.String())
}

func TestWhatWasNotSent(t *testing.T) {
	require.True(t, pgerr.NotSent(&safeError{dialError}))
	require.True(t, pgerr.NotSent(&safeError{context.Canceled}))
	require.False(t, pgerr.NotSent(io.EOF))
	require.False(t, pgerr.NotSent(server("40001")))
	require.False(t, pgerr.NotSent(nil))
}

func TestCodes(t *testing.T) {
	require.Equal(t, "40001", pgerr.Code(fmt.Errorf("x: %w", server("40001"))))
	require.Empty(t, pgerr.Code(io.EOF))
	require.Empty(t, pgerr.Code(nil))
}

func TestPublicTextsHoldNoValues(t *testing.T) {
	for name, c := range map[string]struct {
		err  *pgconn.PgError
		want string
	}{
		"unique": {
			&pgconn.PgError{
				Severity: "ERROR", Code: "23505", Message: `duplicate key value violates unique constraint "users_pkey"`,
				Detail: "Key (email)=(secret) already exists.",
			},
			`ERROR: duplicate key value violates unique constraint "users_pkey" (SQLSTATE 23505)`,
		},
		"bad integer": {
			&pgconn.PgError{Severity: "ERROR", Code: "22P02", Message: `invalid input syntax for type integer: "secret"`},
			"ERROR: SQLSTATE 22P02, data exception (the message is left out because it may quote a value)",
		},
		"syntax": {
			&pgconn.PgError{Severity: "ERROR", Code: "42601", Message: `syntax error at or near "'secret'"`},
			"ERROR: SQLSTATE 42601, syntax error or access rule violation (the message is left out because it may quote a value)",
		},
		"raised": {
			&pgconn.PgError{Severity: "ERROR", Code: "P0001", Message: "no user secret"},
			"ERROR: SQLSTATE P0001, raised by a function (the message is left out because it may quote a value)",
		},
		"raised with another code": {
			&pgconn.PgError{Severity: "ERROR", Code: "23505", Message: "user secret exists", Routine: "exec_stmt_raise"},
			"ERROR: SQLSTATE 23505, integrity constraint violation (the message is left out because it may quote a value)",
		},
		"the client's own end of a COPY": {
			&pgconn.PgError{Severity: "ERROR", Code: "57014", Message: `COPY from stdin failed: unable to encode "secret"`, Routine: "CopyGetData"},
			"ERROR: SQLSTATE 57014, COPY was ended by the client (the message is left out because it may quote a value)",
		},
		"unknown class": {
			&pgconn.PgError{Severity: "ERROR", Code: "ZZ001", Message: "secret"},
			"ERROR: SQLSTATE ZZ001 (the message is left out because it may quote a value)",
		},
		"no code": {
			&pgconn.PgError{Severity: "ERROR", Message: "secret"},
			"ERROR: SQLSTATE  (the message is left out because it may quote a value)",
		},
		"ours": {
			&pgconn.PgError{Severity: "ERROR", Code: "KW001", Message: "slot 7 of table orders", Routine: "exec_stmt_raise"},
			"ERROR: slot 7 of table orders (SQLSTATE KW001)",
		},
		"translated severity": {
			&pgconn.PgError{Severity: "FEHLER", SeverityUnlocalized: "ERROR", Code: "40001", Message: "m"},
			"ERROR: m (SQLSTATE 40001)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.EqualError(t, pgerr.Public(c.err), c.want)
			wrapped := fmt.Errorf("insert user: %w", c.err)
			public := pgerr.Public(wrapped)
			require.EqualError(t, public, "insert user: "+c.want)
			var pg *pgconn.PgError
			require.ErrorAs(t, public, &pg)
			require.Same(t, c.err, pg)
			require.NotContains(t, fmt.Sprintf("%v %+v %s", public, public, public), "secret")
		})
	}
}

func TestPublicLeavesOtherErrorsAsTheyAre(t *testing.T) {
	own := errors.New("out of stock")
	require.Same(t, own, pgerr.Public(own))
	require.NoError(t, pgerr.Public(nil))
	plain := &pgconn.PgError{Severity: "ERROR", Code: "40001", Message: "m"}
	require.Same(t, error(plain), pgerr.Public(plain))
}

func TestPublicCutsArgumentsOfPgx(t *testing.T) {
	err := pgerr.Public(errors.New(`failed to encode args[2]: unable to encode "secret" into binary format for int8 (OID 20)`))
	require.EqualError(t, err, "failed to encode args[2]: its Go value does not fit the parameter's type")
	require.NotContains(t, pgerr.Public(errors.New("failed to encode args[ secret")).Error(), "secret")
	require.True(t, strings.HasPrefix(err.Error(), "failed"))
}
