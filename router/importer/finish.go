package importer

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
)

// finish runs after the commits: sequences do not take part in transactions, and
// statistics are wanted before the first plan.
func (im *importation) finish(ctx context.Context) error {
	return im.each(func(t *target) error {
		for _, tab := range im.tables {
			if err := t.moveSequences(ctx, tab); err != nil {
				return fmt.Errorf("import: everything is committed and verified, but on shard %s the sequences of %s were not moved "+
					"past the imported numbers: %w", t.id, tab.name, pgerr.Public(err))
			}
			if _, err := t.conn.Exec(ctx, "analyze "+tab.name.quoted()); err != nil {
				return fmt.Errorf("import: everything is committed and verified, but shard %s did not analyze %s: %w",
					t.id, tab.name, pgerr.Public(err))
			}
		}
		return nil
	})
}

// moveSequences sets each sequence of the table past the highest number that it
// could give itself. Numbers outside of its range, as imported rows have them
// where the sequence counts in the shard's own block, cannot collide.
func (t *target) moveSequences(ctx context.Context, tab *table) error {
	rows, err := t.conn.Query(ctx, `select a.attname, s.seqrelid::regclass::text, s.seqmin, s.seqmax
		from pg_catalog.pg_attribute a
		join pg_catalog.pg_sequence s on s.seqrelid = pg_catalog.pg_get_serial_sequence($1::text, a.attname)::regclass
		where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped`, tab.name.quoted())
	if err != nil {
		return err
	}
	type sequence struct {
		column, name     string
		lowest, greatest int64
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s sequence, err error) {
		return s, row.Scan(&s.column, &s.name, &s.lowest, &s.greatest)
	})
	if err != nil {
		return err
	}
	for _, s := range list {
		column := pgx.Identifier{s.column}.Sanitize()
		_, err := t.conn.Exec(ctx, fmt.Sprintf(`select pg_catalog.setval($1::text::regclass, max(%[1]s)) from %[2]s
			where %[1]s between $2 and $3 having max(%[1]s) >= (select last_value from %[3]s)`, column, tab.name.quoted(), s.name),
			s.name, s.lowest, s.greatest)
		if err != nil {
			return err
		}
	}
	return nil
}

// parallel calls f(0) to f(n-1) at once and waits.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
