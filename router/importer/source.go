package importer

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/keyway-go/keyway/internal/pgerr"
)

// source is the database that is copied, in one snapshot.
type source struct {
	conn   *pgx.Conn
	server serverID
	tables map[tableName]*sourceTable
}

type tableName struct{ schema, name string }

func (n tableName) String() string { return n.schema + "." + n.name }
func (n tableName) quoted() string { return pgx.Identifier{n.schema, n.name}.Sanitize() }

type sourceTable struct {
	kind    string // pg_class.relkind
	columns []string
}

// serverID tells databases apart, whatever address leads to them, where it differs.
type serverID struct {
	started  time.Time
	database string
}

// sameText are the settings that decide how values are written as text; source
// and shards have the same while rows are copied and compared.
const sameText = `select pg_catalog.set_config(name, value, false) from (values
	('client_encoding', 'UTF8'), ('datestyle', 'ISO, YMD'), ('timezone', 'UTC'), ('intervalstyle', 'postgres'),
	('extra_float_digits', '3'), ('bytea_output', 'hex'), ('xmlbinary', 'base64'),
	('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('lock_timeout', '10s')) v (name, value)`

func (im *importation) openSource(ctx context.Context) error {
	conn, err := connect(ctx, im.opts.From.Copy())
	if err != nil {
		return fmt.Errorf("import: the source: %w", err)
	}
	im.source = &source{conn: conn}
	if err := im.source.begin(ctx); err != nil {
		return fmt.Errorf("import: the source: %w", pgerr.Public(err))
	}
	return nil
}

// connect opens a connection without prepared statements, whose statements are
// cancelled on the server when their context ends.
func connect(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	cfg.RuntimeParams["application_name"] = "keyway import"
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.BuildContextWatcherHandler = func(p *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: p, DeadlineDelay: 10 * time.Second}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to %s:%d as %s: %w", cfg.Host, cfg.Port, cfg.User, pgerr.ConnectCause(err))
	}
	return conn, nil
}

func (s *source) begin(ctx context.Context) error {
	var err error
	if s.server, err = identify(ctx, s.conn); err != nil {
		return err
	}
	for _, sql := range []string{sameText, "set search_path = pg_catalog", "begin isolation level repeatable read read only"} {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return s.readTables(ctx)
}

func identify(ctx context.Context, conn *pgx.Conn) (id serverID, err error) {
	err = conn.QueryRow(ctx, "select pg_catalog.pg_postmaster_start_time(), pg_catalog.current_database()").
		Scan(&id.started, &id.database)
	return id, err
}

// readTables lists what the source has. Columns that later versions of PostgreSQL
// added to the catalog are read through jsonb, so that an old server can be left.
func (s *source) readTables(ctx context.Context) error {
	rows, err := s.conn.Query(ctx, `select n.nspname, c.relname, c.relkind::text,
			array_agg(a.attname::text order by a.attnum) filter (where coalesce(to_jsonb(a)->>'attgenerated', '') = '')
		from pg_class c
		join pg_namespace n on n.oid = c.relnamespace
		join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'keyway')
			and n.nspname not like 'pg\_toast%' and n.nspname not like 'pg\_temp%'
			and not coalesce((to_jsonb(c)->>'relispartition')::boolean, false)
		group by 1, 2, 3`)
	if err != nil {
		return err
	}
	s.tables = make(map[tableName]*sourceTable)
	var name tableName
	var t sourceTable
	_, err = pgx.ForEachRow(rows, []any{&name.schema, &name.name, &t.kind, &t.columns}, func() error {
		found := t
		s.tables[name] = &found
		t.columns = nil
		return nil
	})
	return err
}
