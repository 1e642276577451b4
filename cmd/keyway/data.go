package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/router/importer"
	"github.com/keyway-go/keyway/shard"
)

var importCommand = &command{
	name: "keyway import", short: "copy an existing database into the shards, and verify it",
	long: `Copies the registered tables of an existing database into the shards: COPY out,
each row to the shard of its key, COPY into all shards at once. Counts and
checksums of every table, and the place of every row, are compared before
anything is committed; a failure leaves nothing behind. The source is read in
one snapshot and never written to.

The tables must exist, be registered (keyway migrate up) and be empty. The
password of --from is better given in PGPASSWORD, where ps does not show it.`,
	example: "PGPASSWORD=... keyway import --from postgres://owner@10.0.0.9/bank --config keyway.production.yaml",
	flags: func(fs *flag.FlagSet) runner {
		from := fs.String("from", "", "the `DSN` of the database to copy: postgres://user@host:port/database")
		var tables listFlag
		fs.Var(&tables, "table", "import only this `table`; may be given several times")
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("import"); err != nil {
				return err
			}
			if *from == "" {
				return usagef("import needs --from, the database to copy")
			}
			return runImport(ctx, c, *from, tables)
		}
	},
}

// listFlag is a flag that may be repeated.
type listFlag []string

// String implements flag.Value.
func (l *listFlag) String() string { return strings.Join(*l, ", ") }

// Set implements flag.Value.
func (l *listFlag) Set(s string) error {
	if s == "" {
		return errors.New("it is empty")
	}
	*l = append(*l, s)
	return nil
}

func runImport(ctx context.Context, c *call, dsn string, tables []string) error {
	from, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's own message repeats the string, and masks passwords only as far as it understands it.
		return usagef("--from is not a connection string; write postgres://user@host:port/database")
	}
	db, err := c.openWith(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	r, err := importer.Run(ctx, db, importer.Options{From: from, Tables: tables, Progress: func(p importer.Progress) {
		c.progress("%s %s: %d rows, %.0f per second", p.Step, p.Table, p.Rows, p.Rate())
	}})
	c.progressDone()
	if err != nil {
		return err
	}
	c.result(r, func(w io.Writer) { printImport(w, r) })
	return nil
}

func printImport(w io.Writer, r *importer.Report) {
	shards := make(map[shard.ID]bool)
	for _, t := range r.Tables {
		for id := range t.Shards {
			shards[id] = true
		}
	}
	heading := []string{"TABLE", "KIND", "ROWS"}
	for _, id := range sortedIDs(shards) {
		heading = append(heading, strings.ToUpper(string(id)))
	}
	rows := [][]string{append(heading, "CHECKSUM", "ROWS/S")}
	for _, t := range r.Tables {
		row := []string{t.Table, t.Kind, fmt.Sprint(t.Rows)}
		for _, id := range sortedIDs(shards) {
			row = append(row, fmt.Sprint(t.Shards[id]))
		}
		rate := importer.Progress{Rows: t.Rows, Elapsed: t.CopyTook}.Rate()
		rows = append(rows, append(row, t.Checksum, fmt.Sprintf("%.0f", rate)))
	}
	table(w, rows)
	fmt.Fprintf(w, "\n%d rows in %s; counts and checksums equal the source's, and every row is on the shard of its key\n",
		r.Rows, short(r.Took))
	if len(r.Absent) > 0 {
		fmt.Fprintf(w, "not in the source: %s\n", strings.Join(r.Absent, ", "))
	}
	if len(r.LeftBehind) > 0 {
		fmt.Fprintf(w, "LEFT BEHIND, since they are not registered: %s\n", strings.Join(r.LeftBehind, ", "))
	}
}

func ids(list []shard.ID) string {
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = string(id)
	}
	return strings.Join(texts, ", ")
}

// nonNil makes JSON print [] and not null.
func nonNil[T any](list []T) []T { return append([]T{}, list...) }

func sortedIDs[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
