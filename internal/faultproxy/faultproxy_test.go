package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

// stage is a database with a table t, a proxy in front of it and a connection
// that does not go through the proxy.
type stage struct {
	proxy  *faultproxy.Proxy
	dsn    string // through the proxy
	direct *pgx.Conn
}

func newStage(t *testing.T, options ...faultproxy.Option) stage {
	t.Helper()
	c := pgtest.Shared(t)
	db := pgtest.Database(t, c)
	p, err := faultproxy.New(context.Background(), c.Addr(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	direct := pgtest.Conn(t, c, localpg.Superuser, db)
	_, err = direct.Exec(t.Context(), "create table t (id int primary key)")
	require.NoError(t, err)
	return stage{proxy: p, dsn: p.DSN(c.DSN(localpg.Superuser, db)), direct: direct}
}

func (s stage) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

func (s stage) rows(t *testing.T) int {
	t.Helper()
	var n int
	require.NoError(t, s.direct.QueryRow(t.Context(), "select count(*) from t").Scan(&n))
	return n
}

// insert runs one transaction and returns what COMMIT said.
func insert(t *testing.T, conn *pgx.Conn, id int) error {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "insert into t values ($1)", id)
	require.NoError(t, err)
	return tx.Commit(t.Context())
}

func TestEverythingPassesWhenThereIsNoRule(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	var got string
	want := strings.Repeat("x", 3<<20)
	require.NoError(t, conn.QueryRow(t.Context(), "select $1::text", want).Scan(&got))
	require.Equal(t, want, got)

	n, err := conn.CopyFrom(t.Context(), pgx.Identifier{"t"}, []string{"id"},
		pgx.CopyFromSlice(5000, func(i int) ([]any, error) { return []any{i}, nil }))
	require.NoError(t, err)
	require.EqualValues(t, 5000, n)

	b := &pgx.Batch{}
	for i := range 50 {
		b.Queue("insert into t values ($1)", 10_000+i)
	}
	require.NoError(t, conn.SendBatch(t.Context(), b).Close())
	_, err = conn.Exec(t.Context(), "select 1/0")
	require.ErrorContains(t, err, "division by zero")
	require.Equal(t, 5050, s.rows(t))
}

func TestReplyToCommitIsLostButTheRowIsThere(t *testing.T) {
	s := newStage(t)
	rule := s.proxy.On(faultproxy.Match{Frontend: "commit"}, faultproxy.LoseReply)
	err := insert(t, s.connect(t), 1)
	require.Error(t, err)
	var pgErr *pgconn.PgError
	require.False(t, errors.As(err, &pgErr), "the server said nothing: %v", err)
	require.Equal(t, 1, rule.Hits())
	require.Equal(t, 1, s.rows(t), "the reply is lost after the server gave it")

	require.NoError(t, insert(t, s.connect(t), 2), "a rule acts once unless told otherwise")
}

func TestCommitThatIsCutBeforeItIsForwardedLeavesNoRow(t *testing.T) {
	s := newStage(t)
	s.proxy.On(faultproxy.Match{Frontend: "COMMIT"}, faultproxy.CutBefore)
	require.Error(t, insert(t, s.connect(t), 1))
	require.Zero(t, s.rows(t))
}

func TestCommitThatIsCutAfterItIsForwardedIsExecuted(t *testing.T) {
	s := newStage(t)
	s.proxy.On(faultproxy.Match{Frontend: "commit"}, faultproxy.CutAfter)
	// pgx asks the server to cancel what a lost connection was doing; a server that has read the COMMIT but has not begun
	// it obeys.
	s.proxy.On(faultproxy.Match{Message: "CancelRequest", Times: -1}, faultproxy.CutBefore)
	require.Error(t, insert(t, s.connect(t), 1))
	require.Eventually(t, func() bool { return s.rows(t) == 1 }, time.Minute, 10*time.Millisecond)
}

func TestExecuteOfPreparedStatementIsRecognisedByItsText(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	_, err := conn.Exec(t.Context(), "insert into t values ($1)", 1) // parsed and cached
	require.NoError(t, err)
	rule := s.proxy.On(faultproxy.Match{Frontend: "  insert INTO t"}, faultproxy.LoseReply)
	require.Zero(t, rule.Hits())
	_, err = conn.Exec(t.Context(), "insert into t values ($1)", 2)
	require.Error(t, err)
	require.Equal(t, 2, s.rows(t))
}

func TestHeldStatementGoesOnWhenReleased(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	rule := s.proxy.On(faultproxy.Match{Frontend: "commit"}, faultproxy.Hold)
	done := make(chan error, 1)
	go func() { done <- insertIn(conn, 1) }()
	<-rule.Hit()
	require.Zero(t, s.rows(t))
	select {
	case err := <-done:
		t.Fatalf("the commit is held, yet it returned %v", err)
	default:
	}
	rule.Release()
	require.NoError(t, <-done)
	require.Equal(t, 1, s.rows(t))
}

func TestHeldReplyArrivesWhenReleased(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	rule := s.proxy.On(faultproxy.Match{Frontend: "commit"}, faultproxy.HoldReply)
	done := make(chan error, 1)
	go func() { done <- insertIn(conn, 1) }()
	require.Eventually(t, func() bool { return s.rows(t) == 1 }, time.Minute, 5*time.Millisecond)
	require.Empty(t, done)
	rule.Release()
	require.NoError(t, <-done)
}

func insertIn(conn *pgx.Conn, id int) error {
	ctx := context.Background()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "insert into t values ($1)", id)
		return err
	})
}

func TestSwallowedReplyLeavesTheClientWaiting(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	rule := s.proxy.On(faultproxy.Match{Frontend: "insert"}, faultproxy.SwallowReply)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(ctx, "insert into t values (1)")
		done <- err
	}()
	<-rule.Hit()
	require.Eventually(t, func() bool { return s.rows(t) == 1 }, time.Minute, 5*time.Millisecond)
	require.Empty(t, done)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestFatalReachesTheClientAsTheServersOwn(t *testing.T) {
	s := newStage(t)
	for _, sql := range []string{"select 1", "select $1::int"} {
		s.proxy.On(faultproxy.Match{Frontend: "select"}, faultproxy.Fatal("57P01"))
		conn := s.connect(t)
		args := []any{}
		if strings.Contains(sql, "$1") {
			args = append(args, 1)
		}
		_, err := conn.Exec(t.Context(), sql, args...)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr)
		require.Equal(t, "57P01", pgErr.Code)
		require.Eventually(t, conn.IsClosed, time.Minute, 5*time.Millisecond)
	}
}

func TestDoRunsBeforeTheMessageIsForwarded(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	seen := -1
	s.proxy.On(faultproxy.Match{Frontend: "commit"}, faultproxy.Do(func() { seen = s.rows(t) }))
	require.NoError(t, insert(t, conn, 1))
	require.Zero(t, seen)
	require.Equal(t, 1, s.rows(t))
}

func TestDelayedMessageArrivesLater(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	s.proxy.On(faultproxy.Match{Message: "Query"}, faultproxy.Delay(150*time.Millisecond))
	began := time.Now()
	_, err := conn.Exec(t.Context(), "select 1")
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), 150*time.Millisecond)
}

func TestRuleSkipsAndRepeatsAsTold(t *testing.T) {
	s := newStage(t)
	rule := s.proxy.On(faultproxy.Match{Frontend: "select 7", Skip: 1, Times: 2}, faultproxy.CutBefore)
	var failed []bool
	for range 4 {
		_, err := s.connect(t).Exec(t.Context(), "select 7")
		failed = append(failed, err != nil)
	}
	require.Equal(t, []bool{false, true, true, false}, failed)
	require.Equal(t, 2, rule.Hits())

	always := s.proxy.On(faultproxy.Match{Frontend: "select 8", Times: -1}, faultproxy.CutBefore)
	for range 3 {
		_, err := s.connect(t).Exec(t.Context(), "select 8")
		require.Error(t, err)
	}
	always.Remove()
	_, err := s.connect(t).Exec(t.Context(), "select 8")
	require.NoError(t, err)
}

func TestMessagesOfTheServerCanBeMatched(t *testing.T) {
	s := newStage(t)
	s.proxy.On(faultproxy.Match{Backend: "CommandComplete COMMIT"}, faultproxy.CutBefore)
	require.Error(t, insert(t, s.connect(t), 1))
	require.Equal(t, 1, s.rows(t))
}

func TestStartupCanBeHeldOrItsReplyLost(t *testing.T) {
	s := newStage(t)
	s.proxy.On(faultproxy.Match{Message: "StartupMessage"}, faultproxy.LoseReply)
	_, err := pgx.Connect(t.Context(), s.dsn)
	require.Error(t, err)
	held := s.proxy.On(faultproxy.Match{Message: "StartupMessage"}, faultproxy.Hold)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := pgx.Connect(ctx, s.dsn)
		done <- err
	}()
	<-held.Hit()
	cancel()
	require.Error(t, <-done)
}

func TestPauseIsABlackHoleUntilResume(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	s.proxy.Pause()
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := pgx.Connect(short, s.dsn)
	require.ErrorIs(t, err, context.DeadlineExceeded, "a new connection is accepted and hears nothing")

	done := make(chan error, 1)
	go func() { _, err := conn.Exec(context.Background(), "insert into t values (1)"); done <- err }()
	for until := time.Now().Add(150 * time.Millisecond); time.Now().Before(until); {
		require.Zero(t, s.rows(t))
		require.Empty(t, done)
	}
	s.proxy.Resume()
	require.NoError(t, <-done)
	require.Equal(t, 1, s.rows(t))
}

func TestRefusedConnectionsAreRefusedAndOpenOnesStay(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	require.NoError(t, s.proxy.Refuse())
	require.NoError(t, s.proxy.Refuse())
	_, err := pgx.Connect(t.Context(), s.dsn)
	require.ErrorContains(t, err, "refused")
	require.NoError(t, conn.Ping(t.Context()))
	require.NoError(t, s.proxy.Accept())
	require.NoError(t, s.connect(t).Ping(t.Context()))
}

func TestCutEndsOpenConnectionsAndTakesNewOnes(t *testing.T) {
	s := newStage(t)
	conn := s.connect(t)
	s.proxy.Cut()
	require.Error(t, conn.Ping(t.Context()))
	require.NoError(t, s.connect(t).Ping(t.Context()))
}

func TestConnectionsAndCancelRequestsAreCounted(t *testing.T) {
	s := newStage(t)
	first, second := s.connect(t), s.connect(t)
	require.Equal(t, faultproxy.Stat{Accepted: 2, Open: 2, Peak: 2}, s.proxy.Stat())
	require.NoError(t, second.Close(t.Context()))
	require.Eventually(t, func() bool { return s.proxy.Stat().Open == 1 }, time.Minute, 5*time.Millisecond)

	running := s.proxy.On(faultproxy.Match{Frontend: "select pg_sleep"}, faultproxy.Action{})
	done := make(chan error, 1)
	go func() { _, err := first.Exec(context.Background(), "select pg_sleep(60)"); done <- err }()
	<-running.Hit()
	require.Eventually(t, func() bool {
		_ = first.PgConn().CancelRequest(t.Context()) // may arrive before the statement
		return len(done) > 0
	}, time.Minute, 20*time.Millisecond)
	require.ErrorContains(t, <-done, "canceling statement")
	stat := s.proxy.Stat()
	require.GreaterOrEqual(t, stat.Cancels, 1)
	require.Equal(t, 2, stat.Accepted)
	require.Equal(t, 2, stat.Peak)
}

func TestClientThatPrefersTLSIsToldThereIsNone(t *testing.T) {
	s := newStage(t)
	conn, err := pgx.Connect(t.Context(), strings.Replace(s.dsn, "sslmode=disable", "sslmode=prefer", 1))
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	_, err = pgx.Connect(t.Context(), strings.Replace(s.dsn, "sslmode=disable", "sslmode=require", 1))
	require.ErrorContains(t, err, "refused TLS")
}

func TestTLSPassesThroughWhenAsked(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{TLS: true, Auth: "scram-sha-256"})
	p, err := faultproxy.New(t.Context(), c.Addr(), faultproxy.PassTLS())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	conn, err := pgx.Connect(t.Context(), p.DSN(c.DSN(localpg.Superuser, "postgres")))
	require.NoError(t, err)
	require.NoError(t, conn.Ping(t.Context()))
	require.Equal(t, 1, p.Stat().Open)
	p.Cut()
	require.Error(t, conn.Ping(t.Context()))
}

func TestDeadServerLooksLikeAClosedConnection(t *testing.T) {
	p, err := faultproxy.New(t.Context(), "127.0.0.1:1")
	require.NoError(t, err)
	_, err = pgx.Connect(t.Context(), fmt.Sprintf("postgres://u@%s/d?sslmode=disable", p.Addr()))
	require.Error(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	require.NoError(t, p.Accept(), "a closed proxy stays closed")
}

func TestRulesThatCannotActAreRefused(t *testing.T) {
	s := newStage(t)
	for name, m := range map[string]faultproxy.Match{
		"nothing":         {},
		"two things":      {Frontend: "commit", Message: "Query"},
		"no such message": {Message: "Commit"},
		"no such answer":  {Backend: "Commit"},
	} {
		require.Panics(t, func() { s.proxy.On(m, faultproxy.CutBefore) }, name)
	}
	require.Panics(t, func() { s.proxy.On(faultproxy.Match{Backend: "DataRow"}, faultproxy.LoseReply) })
	require.Panics(t, func() { s.proxy.On(faultproxy.Match{Message: "StartupMessage"}, faultproxy.CutAfter) })
}
