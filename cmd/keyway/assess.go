package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/router/assess"
)

var assessCommand = &command{
	name: "keyway assess", short: "say what sharding an existing database would mean; read-only",
	long: `Looks at any PostgreSQL database and says which column would be the shard key,
what each table would be, what stands in the way and what to do about it, and
which statements of pg_stat_statements would route as they are.

It reads the system catalogs in one READ ONLY transaction: no row of a table, no
lock but those of reading a catalog. An ordinary role will do; with
pg_read_all_stats it sees the statements of all roles, and with the right to
read the tables what ANALYZE knows of their values. It needs no configuration
and no keyway schema. No value of a row and no literal of a statement is printed.

What it proposes is a guess from names, foreign keys and counters. --key says the
column, --table what a single table is to be: orders=tenant_id shards it by that,
orders=tenant_id,region by both, countries=reference has it on every shard,
settings=home on the first one only. A column that is called reference or home is
written settings=sharded:home. Statements are judged by what you say.

--statements FILE judges texts that are separated by lines of a single
semicolon, or a JSON list of texts or of objects with query, calls and
milliseconds.

Ends with 3 when there is something to do: a problem, a warning, an undecided
table, or a statement that does not route as it is. The password is better given
in PGPASSWORD, where ps does not show it.`,
	example: "keyway assess --dsn postgres://reader@10.0.0.9/shop\nkeyway assess --dsn postgres://reader@10.0.0.9/shop --key tenant_id --table audit=account_id --table countries=reference --json",
	flags: func(fs *flag.FlagSet) runner {
		dsn := fs.String("dsn", "", "the `DSN` of the database to look at: postgres://user@host:port/database")
		key := fs.String("key", "", "the `column` to shard by, instead of the one that is recommended")
		var tables listFlag
		fs.Var(&tables, "table", "what a table is to be: `table=column`[,column...] to shard it by its own columns, table=reference or table=home; may be given several times")
		file := fs.String("statements", "", "judge the statements of this `file` instead of pg_stat_statements")
		verbose := fs.Bool("verbose", false, "show every obstacle and every statement, not the first ones")
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("assess"); err != nil {
				return err
			}
			o, err := assessOptions(*dsn, *key, tables, *file)
			if err != nil {
				return err
			}
			return runAssess(ctx, c, o, *verbose)
		}
	},
}

func assessOptions(dsn, key string, tables []string, file string) (o assess.Options, err error) {
	if dsn == "" {
		return o, usagef("assess needs --dsn, the database to look at")
	}
	if o.From, err = pgx.ParseConfig(dsn); err != nil {
		// The parser's own message repeats the string, and masks passwords only as far as it understands it.
		return o, usagef("--dsn is not a connection string; write postgres://user@host:port/database")
	}
	o.Key, o.Tables = key, make(map[string]assess.As)
	for _, t := range tables {
		name, as, ok := tableChoice(t)
		if !ok {
			return o, usagef("--table %s is not table=column[,column...], table=reference or table=home", t)
		}
		if _, twice := o.Tables[name]; twice {
			return o, usagef("--table names %s twice; it can be one thing only", name)
		}
		o.Tables[name] = as
	}
	if file == "" {
		return o, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return o, usagef("--statements: %v", err)
	}
	defer func() { _ = f.Close() }()
	if o.Statements, err = assess.ReadStatements(f); err != nil {
		return o, refused(err)
	}
	return o, nil
}

// tableChoice reads table=column[,column...], table=sharded:column[,column...], table=reference and table=home.
func tableChoice(text string) (name string, as assess.As, ok bool) {
	name, what, _ := strings.Cut(text, "=")
	switch what {
	case string(assess.Reference), string(assess.Home):
		return name, assess.As{Kind: assess.Kind(what)}, name != ""
	}
	columns := strings.Split(strings.TrimPrefix(what, string(assess.Sharded)+":"), ",")
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	return name, assess.As{Kind: assess.Sharded, Key: columns}, name != "" && !slices.Contains(columns, "")
}

func runAssess(ctx context.Context, c *call, o assess.Options, verbose bool) error {
	c.progress("looking at %s", o.From.Database)
	r, err := assess.Run(ctx, o)
	c.progressDone()
	if _, wrong := errors.AsType[*assess.OptionsError](err); wrong {
		return &exitError{code: exitUsage, err: err}
	}
	if err != nil {
		return err
	}
	if c.json {
		c.printJSON(r)
	} else {
		(&assessment{w: c.out, r: r, verbose: verbose}).print()
	}
	if !r.Clean() {
		return findings("there is something to do")
	}
	return nil
}
