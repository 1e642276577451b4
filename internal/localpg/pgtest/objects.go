package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/localpg"
)

// objectTimeout bounds the making or dropping of one database or role.
const objectTimeout = time.Minute

// Database makes a database with a name of its own, owned by the superuser and
// open to every role. It is dropped when the test ends, whoever is connected.
// options are words of CREATE DATABASE, such as [Linguistic].
func Database(t testing.TB, c *localpg.Cluster, options ...string) string {
	t.Helper()
	return database(t, c, localpg.Superuser, options)
}

// Linguistic makes a database whose default collation sorts as people do. The
// others sort by bytes, so that mistaking its collation for "C" shows in no test.
const Linguistic = "template template0 locale_provider icu icu_locale 'en'"

func database(t testing.TB, c *localpg.Cluster, owner string, options []string) string {
	t.Helper()
	name := unique("db")
	admin(t, c, fmt.Sprintf("create database %s owner %s %s", name, pgx.Identifier{owner}.Sanitize(), strings.Join(options, " ")))
	t.Cleanup(func() { drop(t, c, fmt.Sprintf("drop database if exists %s with (force)", name)) })
	return name
}

// Role makes a role that can log in, with the given attributes ("", "createdb",
// "superuser") and, on a cluster that asks for passwords, a random one that
// [localpg.Cluster.DSN] knows. It is dropped when the test ends; what it owns
// in databases that outlive the test must be dropped before.
func Role(t testing.TB, c *localpg.Cluster, attributes string) string {
	t.Helper()
	name, password := unique("role"), rand.Text()
	admin(t, c, fmt.Sprintf("create role %s login %s password '%s'", name, attributes, password))
	if c.PasswordOf(localpg.Superuser) != "" {
		c.SetPassword(name, password)
	}
	t.Cleanup(func() { drop(t, c, "drop role if exists "+name) })
	return name
}

// Owned makes a database as a managed service gives it: owned by an ordinary
// role, migrator, and open to another ordinary role, app, which may connect
// and make temporary tables and, until it is granted more, nothing else.
// Neither is a superuser.
func Owned(t testing.TB, c *localpg.Cluster, options ...string) (db, migrator, app string) {
	t.Helper()
	migrator = Role(t, c, "nosuperuser")
	app = Role(t, c, "nosuperuser")
	db = database(t, c, migrator, options)
	admin(t, c, fmt.Sprintf("revoke all on database %s from public", db))
	admin(t, c, fmt.Sprintf("grant connect, temporary on database %s to %s", db, app))
	return db, migrator, app
}

// Conn connects as the role. The connection is closed when the test ends.
func Conn(t testing.TB, c *localpg.Cluster, user, db string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), objectTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.DSN(user, db))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

// Exec runs statements as the superuser in the database and fails the test on an error.
func Exec(t testing.TB, c *localpg.Cluster, db, sql string) {
	t.Helper()
	if err := exec(c, db, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func admin(t testing.TB, c *localpg.Cluster, sql string) {
	t.Helper()
	Exec(t, c, "postgres", sql)
}

// drop runs at cleanup. A cluster of the test's own takes its objects with it,
// and may be dead or paused by now.
func drop(t testing.TB, c *localpg.Cluster, sql string) {
	t.Helper()
	if !isShared(c) {
		return
	}
	if err := exec(c, "postgres", sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

func exec(c *localpg.Cluster, db, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), objectTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.DSN(localpg.Superuser, db))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// unique is a name that needs no quotes.
func unique(kind string) string { return "kw_" + kind + "_" + strings.ToLower(rand.Text()[:12]) }
