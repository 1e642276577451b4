package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The history is the only record of the version: the highest finished row. A
// version number in a row of its own could disagree with it.
const createHistory = `create table if not exists keyway.migration_log (
	version  bigint primary key check (version >= 0),
	name     text not null,
	sha256   text not null,
	started  timestamptz not null,
	finished timestamptz,
	runner   text not null
)`

// The other roles may see the version: an application compares it with the one
// it was built for.
const shareHistory = `do $$ begin
	if not pg_catalog.has_table_privilege('public', 'keyway.migration_log', 'select') then
		grant select on keyway.migration_log to public;
	end if;
end $$`

// entry is a row of the history. One that is not finished belongs to a
// no-transaction file that is being run or whose runner died.
type entry struct {
	version  int64
	name     string
	sum      string
	finished bool
}

// prepareHistory makes the table. The lock must be held: CREATE TABLE IF NOT
// EXISTS from two sessions at once can still fail.
func (s *session) prepareHistory(ctx context.Context) error {
	for _, sql := range []string{createHistory, shareHistory} {
		if _, err := s.work.Exec(ctx, sql); err != nil {
			return s.historyError(err)
		}
	}
	return nil
}

// readHistory returns the entries by version; none when the table does not exist yet.
func (s *session) readHistory(ctx context.Context) ([]entry, error) {
	var schema, table bool
	err := s.work.QueryRow(ctx, `select exists (select from pg_catalog.pg_namespace where nspname = 'keyway'),
		exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
			where n.nspname = 'keyway' and c.relname = 'migration_log')`).Scan(&schema, &table)
	switch {
	case err != nil:
		return nil, s.historyError(err)
	case !schema:
		return nil, fmt.Errorf("shard %s: %w", s.target.Shard, ErrNotInitialised)
	case !table:
		return nil, nil
	}
	rows, err := s.work.Query(ctx, `select version, name, sha256, finished is not null
		from keyway.migration_log order by version`)
	if err != nil {
		return nil, s.historyError(err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
		return e, row.Scan(&e.version, &e.name, &e.sum, &e.finished)
	})
	if err != nil {
		return nil, s.historyError(err)
	}
	return entries, nil
}

// logStart writes the file down as started. A row that an interrupted
// no-transaction run left is taken over, whatever the file has become since: it
// was never applied. A finished one is another runner's, and stays.
func (s *session) logStart(ctx context.Context, f *file) error {
	tag, err := s.work.Exec(ctx, `insert into keyway.migration_log as l (version, name, sha256, started, runner)
		values ($1, $2, $3, pg_catalog.clock_timestamp(), $4)
		on conflict (version) do update set name = excluded.name, sha256 = excluded.sha256,
			started = excluded.started, runner = excluded.runner
		where l.finished is null`, f.version, f.name, f.sum, s.opts.runner)
	if err == nil && tag.RowsAffected() != 1 {
		err = errors.New("another runner applied it at the same moment")
	}
	return err
}

func (s *session) logFinish(ctx context.Context, f *file) error {
	tag, err := s.work.Exec(ctx, `update keyway.migration_log set finished = pg_catalog.clock_timestamp()
		where version = $1 and finished is null`, f.version)
	if err == nil && tag.RowsAffected() != 1 {
		err = errors.New("its row in keyway.migration_log disappeared while it ran")
	}
	return err
}

func (s *session) historyError(err error) error {
	if code(err) == "42501" {
		return fmt.Errorf("shard %s: role %s may not use the keyway schema; migrations need the role that owns it: %w",
			s.target.Shard, s.target.Conn.User, err)
	}
	return fmt.Errorf("shard %s: migration history: %w", s.target.Shard, err)
}

// state is a shard's history held against the files.
type state struct {
	version int64
	pending []*file
	running []*file
	drifts  []Drift
}

func (set *fileSet) compare(entries []entry) state {
	st := state{version: None}
	logged := make(map[int64]entry, len(entries))
	for _, e := range entries {
		logged[e.version] = e
		if e.finished {
			st.version = max(st.version, e.version)
		}
		if set.byVersion[e.version] == nil {
			st.drifts = append(st.drifts, Drift{Kind: Missing, Version: e.version, File: e.name})
		}
	}
	for _, f := range set.files {
		e, ok := logged[f.version]
		switch {
		case ok && e.finished && e.sum != f.sum:
			st.drifts = append(st.drifts, Drift{Kind: Changed, Version: f.version, File: f.name})
		case ok && e.finished:
		case f.version < st.version:
			st.drifts = append(st.drifts, Drift{Kind: Inserted, Version: f.version, File: f.name})
		default:
			st.pending = append(st.pending, f)
			if ok {
				st.running = append(st.running, f)
			}
		}
	}
	sortDrifts(st.drifts)
	return st
}
