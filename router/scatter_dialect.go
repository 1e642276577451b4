package router

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/merge"
	"github.com/keyway-go/keyway/pool"
)

// dialect is what one server's answers depend on besides the rows, as a new connection finds it. Where two shards differ
// in it, no single server could give their rows.
type dialect struct {
	values [len(dialectOf)]string
}

// dialectOf says what is compared, and how it is asked for.
var dialectOf = [...]struct{ what, sql string }{
	{"the major version of the server", "current_setting('server_version_num')::int / 10000"},
	{"the collation of the database", "d.datlocprovider::text || ' ' || coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale', d.datcollate)"},
	{"the character types of the database", "d.datctype"},
	{"the version of the database's collation", "pg_database_collation_actual_version(d.oid)"},
	{"the version of the C library's collations", `(select pg_collation_actual_version(oid) from pg_collation
		where collprovider = 'c' and collname ~ '^[a-z]+_[A-Z]+' order by collname limit 1)`},
	{"the version of ICU's collations", "(select pg_collation_actual_version(oid) from pg_collation where collname = 'und-x-icu' limit 1)"},
	{"DateStyle", "current_setting('DateStyle')"},
	{"IntervalStyle", "current_setting('IntervalStyle')"},
	{"TimeZone", "current_setting('TimeZone')"},
	{"extra_float_digits", "current_setting('extra_float_digits')"},
	{"bytea_output", "current_setting('bytea_output')"},
	{"array_nulls", "current_setting('array_nulls')"},
	{"xmloption", "current_setting('xmloption')"},
	{"lc_monetary", "current_setting('lc_monetary')"},
	{"lc_numeric", "current_setting('lc_numeric')"},
	{"lc_time", "current_setting('lc_time')"},
	{"backslash_quote", "current_setting('backslash_quote')"},
	{"timezone_abbreviations", "current_setting('timezone_abbreviations')"},
	{"default_text_search_config", "current_setting('default_text_search_config')"},
	{"xmlbinary", "current_setting('xmlbinary')"},
	// What an extension's operators answer by. A new session may not have heard of it, and then has the default.
	{"pg_trgm.similarity_threshold", "coalesce(current_setting('pg_trgm.similarity_threshold', true), '0.3')"},
	{"pg_trgm.word_similarity_threshold", "coalesce(current_setting('pg_trgm.word_similarity_threshold', true), '0.6')"},
	{"pg_trgm.strict_word_similarity_threshold", "coalesce(current_setting('pg_trgm.strict_word_similarity_threshold', true), '0.5')"},
}

const (
	databaseCollation = 1
	firstSetting      = 6 // what stands before it is of the server or the database
)

var dialectSQL = func() string {
	columns := make([]string, len(dialectOf))
	for i, d := range dialectOf {
		columns[i] = "coalesce((" + d.sql + ")::text, '')"
	}
	return "select " + strings.Join(columns, ", ") + " from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()"
}()

// readDialect asks a new connection.
func readDialect(ctx context.Context, conn *pgx.Conn) (*dialect, error) {
	d := &dialect{}
	into := make([]any, len(d.values))
	for i := range d.values {
		into[i] = &d.values[i]
	}
	return d, conn.QueryRow(ctx, dialectSQL, pgx.QueryExecModeExec).Scan(into...)
}

// bytewise reports whether the database's own collation sorts by bytes.
func (d *dialect) bytewise() bool {
	provider, locale, _ := strings.Cut(d.values[databaseCollation], " ")
	return provider == "b" || provider == "c" && slices.Contains([]string{"C", "POSIX", "C.UTF-8", "C.utf8"}, locale)
}

// unusable says which setting makes values print as the merge does not read them.
func (d *dialect) unusable() string {
	for i, of := range dialectOf {
		want := merge.Settings[of.what]
		have := d.values[i]
		if of.what == "DateStyle" {
			want, _, _ = strings.Cut(want, ",")
			have, _, _ = strings.Cut(have, ",")
		}
		if want != "" && want != have {
			return fmt.Sprintf("%s is %s and must be %s", of.what, have, want)
		}
	}
	return ""
}

// dialectName is where a connection keeps the dialect that it was found to have.
const dialectName = "keyway dialect"

// speaks refuses a connection that was made before settings were changed, or after: the others have the dialect d. Behind
// a pooler a connection has whatever the backend has that it meets, and what was found first says nothing.
func (in *input) speaks(d *dialect, conn *pool.Conn) error {
	own, _ := conn.Conn().PgConn().CustomData()[dialectName].(*dialect)
	if own == nil || d == nil || *own == *d || in.db.Pooling() != pool.NoPooling {
		return nil
	}
	what, setting := d.difference(own)
	return &DisagreementError{ShardA: in.id, ShardB: in.id, setting: setting,
		What: "its connections were opened before and after its settings were changed, and differ in " + what}
}

// difference names the first thing in which two dialects differ, and says whether it is a setting.
func (d *dialect) difference(other *dialect) (what string, setting bool) {
	for i, of := range dialectOf {
		if d.values[i] != other.values[i] {
			return of.what, i >= firstSetting
		}
	}
	return "nothing", false
}

// agree compares the dialects of the shards that a statement reads.
func agree(parts []share) error {
	first := parts[0].dialect.Load()
	for _, p := range parts[1:] {
		d := p.dialect.Load()
		if d == nil || first == nil || *d == *first {
			continue
		}
		for i, of := range dialectOf {
			if a, b := first.values[i], d.values[i]; a != b {
				return &DisagreementError{ShardA: parts[0].id, ShardB: p.id, setting: i >= firstSetting,
					What: fmt.Sprintf("%s is %q on one and %q on the other", of.what, a, b)}
			}
		}
	}
	if first != nil && len(parts) > 1 {
		if what := first.unusable(); what != "" {
			return &DisagreementError{ShardA: parts[0].id, ShardB: parts[0].id, setting: true, What: what}
		}
	}
	return nil
}
