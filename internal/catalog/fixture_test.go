package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/shard"
)

// site is a database with the keyway schema, as a migrator made it who is no superuser.
type site struct {
	t             *testing.T
	cluster       *localpg.Cluster
	db            string
	migrator, app string
	id            catalog.Identity
	conn          *pgx.Conn // the migrator's
}

// bare is a database without the schema.
func bare(t *testing.T) *site {
	t.Helper()
	c := pgtest.Shared(t)
	db, migrator, app := pgtest.Owned(t, c)
	s := &site{t: t, cluster: c, db: db, migrator: migrator, app: app}
	s.id = catalog.Identity{ClusterID: catalog.NewClusterID(), Shard: "s0", Catalog: "s0"}
	s.conn = s.connect(migrator)
	return s
}

// installed is a database with the schema and no map.
func installed(t *testing.T) *site {
	t.Helper()
	s := bare(t)
	require.NoError(t, catalog.Install(s.ctx(), s.conn, s.id, catalog.Roles{App: []string{s.app}}))
	return s
}

// owning is a database whose shard, s0, owns the ranges, and s1 the rest.
func owning(t *testing.T, ranges ...shard.Range) *site {
	t.Helper()
	s := installed(t)
	s.own(1, ranges...)
	return s
}

// single is a database that is the only shard.
func single(t *testing.T) *site {
	t.Helper()
	return owning(t, shard.Range{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"})
}

// in is the same database seen by a subtest.
func (s *site) in(t *testing.T) *site {
	c := *s
	c.t = t
	return &c
}

func (s *site) own(version uint64, ranges ...shard.Range) {
	s.t.Helper()
	require.NoError(s.t, catalog.StoreMap(s.ctx(), s.conn, s.mapOf(version, ranges...), "s0"))
}

// mapOf gives s0 the ranges and s1 the other hash slots.
func (s *site) mapOf(version uint64, ranges ...shard.Range) *shard.Map {
	s.t.Helper()
	m, err := shard.Even(1, "s1")
	require.NoError(s.t, err)
	for _, r := range ranges {
		m, err = m.Move(r.Lo, r.Hi, r.Shard)
		require.NoError(s.t, err)
	}
	m, err = shard.NewMap(version, m.Ranges())
	require.NoError(s.t, err)
	return m
}

func (s *site) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s.t.Cleanup(cancel)
	return ctx
}

// connect opens a session of its own, so that no plan or right cached by another is in the way.
func (s *site) connect(role string, settings ...string) *pgx.Conn {
	s.t.Helper()
	cfg, err := pgx.ParseConfig(s.cluster.DSN(role, s.db))
	require.NoError(s.t, err)
	for i := 0; i < len(settings); i += 2 {
		cfg.RuntimeParams[settings[i]] = settings[i+1]
	}
	conn, err := pgx.ConnectConfig(s.ctx(), cfg)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// library is a session as the library opens it.
func (s *site) library(role string) *pgx.Conn { return s.connect(role, catalog.ClientSetting, "1") }

// psql runs the script in the real psql, in a session of its own.
func (s *site) psql(role, script string) string {
	s.t.Helper()
	out, err := s.cluster.Psql(s.ctx(), role, s.db, script)
	require.NoError(s.t, err)
	return out
}

// exec runs statements as the migrator.
func (s *site) exec(sql string) {
	s.t.Helper()
	_, err := s.conn.PgConn().Exec(s.ctx(), sql).ReadAll()
	require.NoError(s.t, err)
}

// refused runs statements as the migrator and returns the error they must give.
func (s *site) refused(code, sql string) *pgconn.PgError {
	s.t.Helper()
	_, err := s.conn.PgConn().Exec(s.ctx(), sql).ReadAll()
	return codeOf(s.t, code, err)
}

func codeOf(t *testing.T, code string, err error) *pgconn.PgError {
	t.Helper()
	require.Error(t, err)
	var pgErr *pgconn.PgError
	require.True(t, errors.As(err, &pgErr), "%v", err)
	require.Equal(t, code, pgErr.Code, "%v", err)
	return pgErr
}

// value returns the one value that the query gives the migrator.
func value[T any](s *site, sql string, args ...any) T {
	s.t.Helper()
	v, err := one[T](s.ctx(), s.conn, sql, args...)
	require.NoError(s.t, err)
	return v
}

func one[T any](ctx context.Context, conn *pgx.Conn, sql string, args ...any) (T, error) {
	var v T
	err := conn.QueryRow(ctx, sql, args...).Scan(&v)
	return v, err
}

// rightSlots fails unless every row of the table has the slot of its key, counted by the Go side.
func (s *site) rightSlots(table, key string, rows int) {
	s.t.Helper()
	got, err := s.conn.Query(s.ctx(), fmt.Sprintf("select %s::bigint, slot from %s", key, table))
	require.NoError(s.t, err)
	n := 0
	var k int64
	var slot int16
	_, err = pgx.ForEachRow(got, []any{&k, &slot}, func() error {
		n++
		if want := int(shard.Int64(k).Slot()); want != int(slot) { // require, a hundred thousand times, takes seconds
			return fmt.Errorf("key %d is in slot %d, not %d", k, slot, want)
		}
		return nil
	})
	require.NoError(s.t, err)
	require.Equal(s.t, rows, n)
	misplaced := value[int](s, fmt.Sprintf("select count(*) from keyway.misplaced_rows('%s')", table))
	require.Zero(s.t, misplaced)
}
