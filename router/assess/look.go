package assess

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/keyway-go/keyway/internal/pgerr"
)

var (
	//go:embed sql/tables.sql
	tablesQuery string
	//go:embed sql/columns.sql
	columnsQuery string
	//go:embed sql/indexes.sql
	indexesQuery string
	//go:embed sql/foreign_keys.sql
	foreignKeysQuery string
	//go:embed sql/objects.sql
	objectsQuery string
)

// connectTimeout is for a host that accepts and then says nothing, where pgx alone would wait for ever. The
// connect_timeout of a connection string goes before it.
const connectTimeout = 10 * time.Second

// database is what the catalogs say.
type database struct {
	name, version string
	schema        string
	tables        []*table // sorted by schema and name
	byOID         map[uint32]*table
	foreignKeys   []*foreignKey // between tables of the list
	objects       []object

	source     string // where the statements are from
	sourceNote string // why there are none, or fewer, and how to get them
	statements []Statement
}

type table struct {
	OID          uint32
	Schema, Name string
	Kind         string // relkind
	Persistence  string
	RowSecurity  bool
	Typed        bool
	Inherits     bool
	HasRules     bool
	Rows         float64
	Unknown      bool // some part of it was never analysed
	Bytes        int64
	Partitions   int32
	Reads        int64
	Inserts      int64
	Changes      int64 // updates and deletes
	PartitionKey []string
	columns      []*column
	unique       []*index
	references   []*foreignKey // from it
	referenced   []*foreignKey // to it
}

func (t *table) String() string { return t.Schema + "." + t.Name }

func (t *table) column(name string) *column {
	for _, c := range t.columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// primary is its primary key, or nil.
func (t *table) primary() *index {
	for _, x := range t.unique {
		if x.Primary {
			return x
		}
	}
	return nil
}

type column struct {
	Table          uint32
	Name           string
	Type           string
	OID            uint32
	TypeName       string
	TypeKind       string
	Category       string
	BaseType       string
	NotNull        bool
	Generated      bool
	Identity       bool
	Sequence       string // the type of the sequence that its default counts with, or ""
	Loose          bool
	Collation      string
	Nulls          *float64 // share, nil when ANALYZE has not run or the role may not see it
	DistinctValues *float64 // as in pg_stats: negative is a share of the rows
	Top            *float64 // share of the most common value; nil when none is more common than others
}

type index struct {
	Table     uint32
	Name      string
	Primary   bool
	Exclusion bool
	Columns   []string
}

type foreignKey struct {
	Name          string
	Child         uint32
	Parent        uint32
	ChildColumns  []string
	ParentColumns []string
}

type object struct {
	Kind, Name string
	Table      uint32
	Body       string
}

// look reads everything in one transaction that cannot write. Nothing is prepared, so that a pooler may stand between.
func look(ctx context.Context, cfg *pgx.ConnConfig, withStatements bool) (*database, error) {
	cfg.RuntimeParams["application_name"] = "keyway assess"
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	cfg.BuildContextWatcherHandler = func(p *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: p, DeadlineDelay: 5 * time.Second}
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to %s:%d as %s: %w", cfg.Host, cfg.Port, cfg.User, pgerr.ConnectCause(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = conn.Close(ctx) // the transaction is rolled back by it
	}()
	db := &database{byOID: make(map[uint32]*table)}
	var tx pgx.Tx
	err = asked(ctx, "its name and version", func(ctx context.Context) (err error) {
		if tx, err = conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}); err != nil {
			return err
		}
		return db.begin(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	if err := db.readCatalogs(ctx, tx); err != nil {
		return nil, err
	}
	if withStatements {
		err := asked(ctx, "pg_stat_statements", func(ctx context.Context) error { return db.readStatistics(ctx, tx) })
		if err != nil {
			return nil, err
		}
	}
	return db, nil
}

func (db *database) begin(ctx context.Context, tx pgx.Tx) error {
	if err := tx.QueryRow(ctx, `select pg_catalog.current_database(), pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
		coalesce(pg_catalog.current_schema(), 'public')`).Scan(&db.name, &db.version, &db.schema); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `set local search_path = pg_catalog; set local statement_timeout = '30s'; set local lock_timeout = '2s';
		set local standard_conforming_strings = on`)
	return err
}

func (db *database) readCatalogs(ctx context.Context, tx pgx.Tx) error {
	var err error
	if db.tables, err = collect[table](ctx, tx, "the tables", tablesQuery); err != nil {
		return err
	}
	for _, t := range db.tables {
		db.byOID[t.OID] = t
	}
	columns, err := collect[column](ctx, tx, "the columns", columnsQuery)
	if err != nil {
		return err
	}
	for _, c := range columns {
		if t := db.byOID[c.Table]; t != nil {
			t.columns = append(t.columns, c)
		}
	}
	indexes, err := collect[index](ctx, tx, "the indexes", indexesQuery)
	if err != nil {
		return err
	}
	for _, x := range indexes {
		if t := db.byOID[x.Table]; t != nil {
			t.unique = append(t.unique, x)
		}
	}
	keys, err := collect[foreignKey](ctx, tx, "the foreign keys", foreignKeysQuery)
	if err != nil {
		return err
	}
	for _, f := range keys {
		child, parent := db.byOID[f.Child], db.byOID[f.Parent]
		if child == nil || parent == nil {
			continue
		}
		db.foreignKeys = append(db.foreignKeys, f)
		child.references = append(child.references, f)
		parent.referenced = append(parent.referenced, f)
	}
	err = asked(ctx, "the views, functions and triggers", func(ctx context.Context) (err error) {
		db.objects, err = values[object](ctx, tx, objectsQuery)
		return err
	})
	if err != nil {
		return err
	}
	db.pickSchema()
	return nil
}

// pickSchema looks unqualified names up where the tables are, when the role's own schema has none.
func (db *database) pickSchema() {
	count := make(map[string]int)
	for _, t := range db.tables {
		count[t.Schema]++
	}
	if count[db.schema] > 0 {
		return
	}
	for _, t := range db.tables { // sorted, so that the first of equals is taken
		if count[t.Schema] > count[db.schema] {
			db.schema = t.Schema
		}
	}
}

func collect[T any](ctx context.Context, tx pgx.Tx, what, sql string) (list []*T, err error) {
	err = asked(ctx, what, func(ctx context.Context) error {
		rows, err := tx.Query(ctx, sql)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToAddrOfStructByNameLax[T])
		return err
	})
	return list, err
}

func values[T any](ctx context.Context, tx pgx.Tx, sql string) ([]T, error) {
	rows, err := tx.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByNameLax[T])
}

// statisticsQuery leaves out what ran inside of functions, which no client sends.
const statisticsQuery = `select query, sum(calls)::int8 as calls, sum(total_exec_time)::float8 as milliseconds
	from %s.pg_stat_statements
	where dbid = (select oid from pg_database where datname = current_database()) and toplevel
	group by queryid, query order by 3 desc, 1`

// readStatistics reads pg_stat_statements. That it is not there or may not be read is a note, not an error; it comes last
// because a refusal ends the transaction.
func (db *database) readStatistics(ctx context.Context, tx pgx.Tx) error {
	var schema string
	err := tx.QueryRow(ctx, `select n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace
		where e.extname = 'pg_stat_statements'`).Scan(&schema)
	if errors.Is(err, pgx.ErrNoRows) {
		db.sourceNote = "the extension pg_stat_statements is not in this database. " + howToGetStatements
		return nil
	} else if err != nil {
		return err
	}
	list, err := values[Statement](ctx, tx, fmt.Sprintf(statisticsQuery, pgx.Identifier{schema}.Sanitize()))
	if err != nil {
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code == queryCanceled {
			return err
		}
		db.sourceNote = "pg_stat_statements cannot be read (" + pgerr.Public(err).Error() + "). " + howToGetStatements
		return nil
	}
	db.source, db.statements = sourceExtension, list
	return nil
}

// queryCanceled is the SQLSTATE of a statement timeout and of a cancelled context.
const queryCanceled = "57014"

const howToGetStatements = "Set shared_preload_libraries = 'pg_stat_statements' (a restart), run create extension pg_stat_statements, " +
	"grant pg_read_all_stats to the role, and come back after a day of ordinary traffic; or give --statements FILE"

// Where statements are from.
const (
	sourceExtension = "pg_stat_statements"
	sourceFile      = "file"
)
