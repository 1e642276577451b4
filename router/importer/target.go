package importer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/oneserver"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// target is one shard's database, in one transaction from prepare to commit.
type target struct {
	id       shard.ID
	conn     *pgx.Conn
	registry *catalog.Registry
}

// openShards connects as the migrator: an import writes whole tables and moves
// sequences, which an application's role need not be able to.
func (im *importation) openShards(ctx context.Context) error {
	cfg := im.db.Config()
	for _, id := range slices.Sorted(maps.Keys(cfg.Shards)) {
		cc, err := cfg.ConnConfig(id, router.Migrator)
		if err != nil {
			return err
		}
		conn, err := connect(ctx, cc)
		if err != nil {
			return fmt.Errorf("import: shard %s: %w", id, err)
		}
		t := &target{id: id, conn: conn}
		im.shards = append(im.shards, t)
		if err := t.begin(ctx, im.source); err != nil {
			return fmt.Errorf("import: shard %s: %w", id, pgerr.Public(err))
		}
	}
	for _, t := range im.shards[1:] {
		if t.registry.Version != im.shards[0].registry.Version {
			return &RefusedError{
				Reason: fmt.Sprintf("shards %s and %s do not have the same registered tables", im.shards[0].id, t.id),
				Remedy: "bring all shards to one version with keyway migrate up",
			}
		}
	}
	return nil
}

func (t *target) begin(ctx context.Context, source *source) error {
	same, err := t.isDatabaseOf(ctx, source)
	if err != nil {
		return err
	}
	if same {
		return &RefusedError{Reason: "the source is the database of the shard itself",
			Remedy: "give the database of before; to make it a shard where it stands, use keyway init --adopt"}
	}
	for _, sql := range []string{sameText, "begin", "set constraints all deferred"} {
		if _, err := t.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	t.registry, err = catalog.ReadRegistry(ctx, t.conn)
	return err
}

// isDatabaseOf asks the server only where the names and the starts agree: two servers can have started together.
func (t *target) isDatabaseOf(ctx context.Context, source *source) (bool, error) {
	server, err := identify(ctx, t.conn)
	if err != nil || server.database != source.server.database || !server.started.Equal(source.server.started) {
		return false, err
	}
	return oneserver.Ask(ctx, t.conn, source.conn)
}

// prepare keeps everybody else from writing to the tables, and finds them empty.
func (im *importation) prepare(ctx context.Context) error {
	return im.each(func(t *target) error {
		for _, tab := range im.tables {
			if err := t.prepare(ctx, tab); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *target) prepare(ctx context.Context, tab *table) error {
	var filled bool
	if _, err := t.conn.Exec(ctx, "lock table "+tab.name.quoted()+" in share row exclusive mode"); err != nil {
		return fmt.Errorf("import: shard %s: table %s: %w", t.id, tab.name, pgerr.Public(err))
	}
	err := t.conn.QueryRow(ctx, "select exists (select from "+tab.name.quoted()+")").Scan(&filled)
	if err != nil {
		return fmt.Errorf("import: shard %s: table %s: %w", t.id, tab.name, pgerr.Public(err))
	}
	if filled {
		return &RefusedError{Table: tab.name.String(), Reason: fmt.Sprintf("there are rows on shard %s already", t.id),
			Remedy: "an import fills empty tables; truncate it on every shard if its rows are not needed"}
	}
	return nil
}

// each calls f for every shard in parallel and returns the first failure, in the
// order of shards.
func (im *importation) each(f func(t *target) error) error {
	errs := make([]error, len(im.shards))
	parallel(len(im.shards), func(i int) { errs[i] = f(im.shards[i]) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// commit is the only place where anything becomes visible. All shards have all
// their rows, and they are verified.
func (im *importation) commit(ctx context.Context) error {
	var partial PartialError
	for _, t := range im.shards {
		if partial.Err != nil {
			partial.Aborted = append(partial.Aborted, t.id) // by closing its connection
			continue
		}
		_, err := t.conn.Exec(ctx, "commit")
		switch {
		case err == nil:
			partial.Committed = append(partial.Committed, t.id)
			continue
		case pgerr.Classify(err, pgerr.AtCommit) == pgerr.InDoubt:
			partial.InDoubt = append(partial.InDoubt, t.id)
		default:
			partial.Aborted = append(partial.Aborted, t.id)
		}
		partial.Err = fmt.Errorf("shard %s: commit: %w", t.id, pgerr.Public(err))
	}
	if partial.Err == nil {
		return nil
	}
	return &partial
}
