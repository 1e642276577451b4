package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

var routeCommand = &command{
	name: "keyway route", args: "KEY...", short: "say which slot and shard a key belongs to",
	long: `Says which slot and shard a key belongs to, by the map in force. The same digits
are another key in a bigint column than in a text column, so the type comes
from --type, or from the key of --table, or from the registered tables when all
of them have the same. A key of several columns is given as several arguments.
What follows a -- is never a flag: a negative number needs it.`,
	example: "keyway route 42 --table orders --config keyway.production.yaml",
	flags: func(fs *flag.FlagSet) runner {
		t := registerKeyFlags(fs)
		return func(ctx context.Context, c *call) error {
			if len(c.args) == 0 {
				return usagef("route needs a key")
			}
			return runRoute(ctx, c, t)
		}
	},
}

func runRoute(ctx context.Context, c *call, t *keyFlags) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	key, err := t.key(ctx, db, c.args)
	if err != nil {
		return err
	}
	r, err := db.Route(key)
	if err != nil {
		return err
	}
	c.result(map[string]any{"slot": r.Slot, "shard": r.Shard, "instance": r.Instance, "map_version": r.MapVersion}, func(w io.Writer) {
		fmt.Fprintf(w, "slot %d is on shard %s (instance %s), by map version %d\n", r.Slot, r.Shard, r.Instance, r.MapVersion)
	})
	return nil
}

var explainCommand = &command{
	name: "keyway explain", args: "SQL [ARGUMENT...]", short: "say where a statement would run, without running it",
	long: `Says where a statement would run and what would be sent, without sending it, or
why it is refused (exit code 3). Arguments are those of $1, $2 and so on; without
them the plan has no shard. A list of keys, as in = any($1), is written as
PostgreSQL writes an array: '{1,2,3}'. What follows a -- is never a flag.

With --key the statement is scoped to that key, as a handle of ForKey would.
With --scatter it is read from all shards that have rows of the result, as
db.Scatter() would: what each is sent, and how the rows are put together.`,
	example: `keyway explain 'select * from orders where tenant_id = $1' 42 --config keyway.production.yaml`,
	flags: func(fs *flag.FlagSet) runner {
		t := registerKeyFlags(fs)
		var scope listFlag
		fs.Var(&scope, "key", "scope the statement to this `key`; several times for a key of several columns")
		scatter := fs.Bool("scatter", false, "read it from all shards")
		return func(ctx context.Context, c *call) error {
			switch {
			case len(c.args) == 0:
				return usagef("explain needs a statement")
			case *scatter && len(scope) > 0:
				return usagef("--scatter is for all keys and --key for one; give one of them")
			case *scatter:
				return runExplainScatter(ctx, c)
			}
			return runExplain(ctx, c, t, scope)
		}
	},
}

func runExplain(ctx context.Context, c *call, t *keyFlags, scope []string) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	explain := db.Explain
	if len(scope) > 0 {
		key, err := t.key(ctx, db, scope)
		if err != nil {
			return err
		}
		explain = db.ForKey(key).Explain
	}
	p, err := explained(explain, c)
	if err != nil {
		return err
	}
	c.result(p, func(w io.Writer) { fmt.Fprint(w, p) })
	return nil
}

func runExplainScatter(ctx context.Context, c *call) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	p, err := explained(db.Scatter().Explain, c)
	if err != nil {
		return err
	}
	c.result(p, func(w io.Writer) { fmt.Fprint(w, p) })
	return nil
}

// keyFlags say how the text of a key is meant.
type keyFlags struct{ typ, table string }

func registerKeyFlags(fs *flag.FlagSet) *keyFlags {
	t := &keyFlags{}
	fs.StringVar(&t.typ, "type", "", "the key's `type`: bigint, integer, smallint, text, text(uuid), uuid or bytea")
	fs.StringVar(&t.table, "table", "", "take the type from this `table`'s key")
	return t
}

// key reads the parts of a key.
func (t *keyFlags) key(ctx context.Context, db *router.DB, texts []string) (shard.Key, error) {
	types, err := t.types(ctx, db, len(texts))
	if err != nil {
		return shard.Key{}, err
	}
	if len(types) != len(texts) {
		return shard.Key{}, usagef("the key has %s (%s), and %s given", count(len(types), "column"), typeNames(types),
			plural(len(texts), "value was", "values were"))
	}
	parts := make([]shard.Key, len(texts))
	for i, text := range texts {
		if parts[i], err = shard.FromLiteral(text, types[i]); err != nil {
			return shard.Key{}, refused(err)
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return shard.Composite(parts...), nil
}

func (t *keyFlags) types(ctx context.Context, db *router.DB, n int) ([]shard.Type, error) {
	if t.typ != "" {
		typ, err := shard.ParseType(t.typ)
		if err != nil {
			return nil, usagef("--type: %v", err)
		}
		return slices.Repeat([]shard.Type{typ}, n), nil
	}
	registry, err := catalog.ReadRegistry(ctx, db.Shard(db.Config().Catalog))
	if err != nil {
		return nil, err
	}
	found := make(map[string][]shard.Type)
	for _, table := range registry.Tables() {
		named := t.table == table.Name || t.table == table.Schema+"."+table.Name
		if table.Kind != catalog.Sharded || t.table != "" && !named {
			continue
		}
		var types []shard.Type
		for _, k := range table.Key {
			types = append(types, k.Type)
		}
		found[typeNames(types)] = types
	}
	switch {
	case len(found) == 0 && t.table != "":
		return nil, refused(fmt.Errorf("%s is not a registered sharded table", t.table))
	case len(found) == 0:
		return nil, usagef("no table is sharded yet; say the key's type with --type")
	case len(found) > 1:
		return nil, usagef("tables have keys of different types (%s); say which with --table or --type",
			strings.Join(sortedIDs(found), "; "))
	}
	for _, types := range found {
		return types, nil
	}
	panic("bug: a map of one element is empty")
}

func typeNames(types []shard.Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}
