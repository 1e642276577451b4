package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// indexBuild is a CREATE INDEX CONCURRENTLY. Killed at the wrong moment it leaves
// an index that is maintained by every write and used by no query.
type indexBuild struct {
	name        string // as stored in the catalog
	table       string // as written, schema included
	ifNotExists bool
}

// parseIndex reads CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table.
func parseIndex(s statement) (*indexBuild, bool) {
	w := s.words
	next := func(words ...string) bool {
		if !(statement{words: w}).starts(words...) {
			return false
		}
		w = w[len(words):]
		return true
	}
	next("create")
	next("unique")
	if !next("index", "concurrently") {
		return nil, false
	}
	b := &indexBuild{ifNotExists: next("if", "not", "exists")}
	if len(w) < 3 || w[0] == "on" {
		return nil, false
	}
	b.name = identifier(w[0])
	w = w[1:]
	if !next("on") {
		return nil, false
	}
	next("only")
	if len(w) == 0 {
		return nil, false
	}
	b.table = w[0]
	if len(w) > 2 && w[1] == "." {
		b.table += "." + w[2]
	}
	return b, true
}

// identifier is a word as the catalog stores it: without quotes, and cut to PostgreSQL's 63 bytes.
func identifier(word string) string {
	if strings.HasPrefix(word, `"`) {
		word = strings.ReplaceAll(strings.Trim(word, `"`), `""`, `"`)
	}
	if len(word) > 63 {
		word = strings.ToValidUTF8(word[:63], "")
	}
	return word
}

// indexState is what the catalog says of an index by that name on that table.
type indexState struct {
	exists, valid, building bool
	qualified               string // quoted, with schema
}

func (s *session) indexState(ctx context.Context, b *indexBuild) (st indexState, err error) {
	var schema string
	err = s.work.QueryRow(ctx, `select n.nspname, i.indisvalid and i.indisready,
			exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
		from pg_catalog.pg_index i
		join pg_catalog.pg_class c on c.oid = i.indexrelid
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where i.indrelid = pg_catalog.to_regclass($1) and c.relname = $2`,
		b.table, b.name).Scan(&schema, &st.valid, &st.building)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return indexState{}, nil
	case err != nil:
		return indexState{}, err
	}
	st.exists = true
	st.qualified = pgx.Identifier{schema, b.name}.Sanitize()
	return st, nil
}

// clearInvalid makes room for a repeated build and tells whether the build is
// done after all: its statement committed and only the history was not written.
//
// A runner that died does not take its server process along: the build may still
// be going on. It is waited for, since dropping it would only wait on its locks.
func (s *session) clearInvalid(ctx context.Context, b *indexBuild) (done bool, err error) {
	ended := false // the last look saw no build
	for poll := firstPoll; ; poll = min(2*poll, lastPoll) {
		st, err := s.indexState(ctx, b)
		switch {
		case err != nil:
			return false, err
		case !st.exists:
			return false, nil
		case st.valid:
			return true, nil
		case !st.building && !ended:
			// Progress is of this moment, and the catalog of the statement's snapshot: a build that has just ended shows as
			// neither going on nor valid. What the next look says is final.
			ended = true
			continue
		case !st.building:
			_, err := s.work.Exec(ctx, "drop index concurrently if exists "+st.qualified)
			return false, err
		}
		ended = false
		if err := pause(ctx, poll); err != nil {
			return false, fmt.Errorf("waiting for the index build of an earlier run: %w", err)
		}
	}
}
