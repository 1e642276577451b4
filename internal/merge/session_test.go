package merge_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/merge"
)

// session is an input over a connection of its own.
type session struct {
	name string
	conn *pgx.Conn
	sql  string
	args []any

	open                        *atomic.Int32 // sessions that are open now, of all
	opened, cancelled, released atomic.Int32
	late                        atomic.Int32 // cancels after the release
	read                        atomic.Int32 // rows
}

// counted counts the rows that are read.
type counted struct {
	pgx.Rows
	of *session
}

func (c counted) Next() bool {
	c.of.read.Add(1)
	return c.Rows.Next()
}

func (s *session) Shard() string { return s.name }

func (s *session) Open(ctx context.Context) (merge.Source, error) {
	s.opened.Add(1)
	s.open.Add(1)
	rows, err := s.conn.Query(ctx, s.sql, s.args...)
	return counted{rows, s}, err
}

func (s *session) Cancel() {
	s.cancelled.Add(1)
	if s.released.Load() > 0 {
		s.late.Add(1)
	}
	_ = s.conn.PgConn().CancelRequest(context.Background())
}

func (s *session) Release() {
	s.released.Add(1)
	if s.opened.Load() > 0 {
		s.open.Add(-1)
	}
}

// set is a database and some sessions to it.
type set struct {
	t        testing.TB
	admin    *pgx.Conn
	sessions []*session
	open     atomic.Int32
}

func newSet(t testing.TB, n int) *set {
	db := pgtest.Database(t, pgtest.Shared(t))
	s := &set{t: t, admin: connect(t, db)}
	for i := range n {
		s.sessions = append(s.sessions, &session{name: fmt.Sprintf("s%d", i), conn: connect(t, db), open: &s.open})
	}
	return s
}

// ask gives session i the statement that sql returns for it.
func (s *set) ask(sql func(i int) string, args ...any) []merge.Input {
	inputs := make([]merge.Input, len(s.sessions))
	for i, one := range s.sessions {
		one.sql, one.args = sql(i), args
		one.opened.Store(0)
		one.cancelled.Store(0)
		one.released.Store(0)
		one.read.Store(0)
		inputs[i] = one
	}
	return inputs
}

// all gives every session the same.
func (s *set) all(sql string, args ...any) []merge.Input {
	return s.ask(func(int) string { return sql }, args...)
}

// clean asserts that every session was given back once, with a connection that others can use.
func (s *set) clean() {
	s.t.Helper()
	for _, one := range s.sessions {
		require.EqualValues(s.t, 1, one.released.Load(), one.name)
		require.Zero(s.t, one.late.Load(), "%s was cancelled when it was somebody else's", one.name)
		var n int
		require.NoError(s.t, one.conn.QueryRow(within(s.t), "select 1").Scan(&n), one.name)
	}
}

func (s *set) exec(sql string) {
	s.t.Helper()
	_, err := s.admin.Exec(within(s.t), sql)
	require.NoError(s.t, err)
}

// prints reads rows as they print.
func prints(t testing.TB, rows pgx.Rows) []string {
	t.Helper()
	defer rows.Close()
	var all []string
	for rows.Next() {
		line := ""
		for _, v := range rows.RawValues() {
			if v == nil {
				line += "|NULL"
			} else {
				line += fmt.Sprintf("|%q", v)
			}
		}
		all = append(all, line)
	}
	require.NoError(t, rows.Err())
	return all
}
