package router_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// varchar(3) drops trailing blanks beyond three characters in silence: what is written for "abc  " would be a row of "abc".
func TestAKeyThatItsColumnWouldCutWritesNothing(t *testing.T) {
	f := initialised(t, 1)
	f.everywhere(`create table codes (code varchar(3) not null, n int not null, primary key (code, n)); select keyway.shard_table('codes', 'code');
		create table parts (code varchar(3) not null, region text not null, n int); select keyway.shard_table('parts', 'code', 'region')`)
	db := f.open()
	ctx, key := f.ctx(), shard.String("abc  ")
	codes, rows := pgx.Identifier{"codes"}, func(values ...any) pgx.CopyFromSource { return pgx.CopyFromRows([][]any{values}) }
	const insert = "insert into codes (n) values (1)"
	for name, write := range map[string]func() error{
		"ForKey":  func() error { _, err := db.ForKey(key).Exec(ctx, insert); return err },
		"WithKey": func() error { _, err := db.Exec(router.WithKey(ctx, key), insert); return err },
		"InTx": func() error {
			return db.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) error { _, err := tx.Exec(ctx, insert); return err })
		},
		"a key of two columns": func() error {
			_, err := db.ForKey(shard.Composite(key, shard.String("eu"))).Exec(ctx, "insert into parts (n) values (1)")
			return err
		},
		"MERGE": func() error {
			_, err := db.ForKey(key).Exec(ctx, "merge into codes using (values (1)) v (n) on codes.n = v.n when not matched then insert (n) values (v.n)")
			return err
		},
		"MERGE of a value": func() error {
			_, err := db.Exec(ctx, "merge into codes using (values ($1::text, 1)) v (code, n) on codes.code = v.code and codes.n = v.n when not matched then insert (code, n) values (v.code, v.n)", "abc  ")
			return err
		},
		"INSERT of a query, ForKey": func() error { _, err := db.ForKey(key).Exec(ctx, "insert into codes (n) select 1"); return err },
		"INSERT of a query's text, ForKey": func() error {
			_, err := db.ForKey(key).Exec(ctx, "insert into codes (code, n) select code, n from (values ($1::text, 1)) v (code, n)", "abc  ")
			return err
		},
		"INSERT of a query": func() error {
			_, err := db.Exec(ctx, "insert into codes (code, n) select $1::text, n from generate_series(1, 2) as g (n)", "abc  ")
			return err
		},
		"INSERT of a constant in a query": func() error {
			_, err := db.Exec(ctx, "insert into codes (code, n) select 'abc  '::text, n from generate_series(1, 2) as g (n)")
			return err
		},
		"INSERT of a query, a key of two columns": func() error {
			_, err := db.ForKey(shard.Composite(key, shard.String("eu"))).Exec(ctx, "insert into parts (n) select 1")
			return err
		},
		"CopyFrom with ForKey": func() error { _, err := db.ForKey(key).CopyFrom(ctx, codes, []string{"n"}, rows(1)); return err },
		"CopyFrom":             func() error { _, err := db.CopyFrom(ctx, codes, []string{"code", "n"}, rows("abc  ", 1)); return err },
		"CopyInParts": func() error {
			_, err := db.CopyInParts(ctx, codes, []string{"code", "n"}, rows("abc  ", 1), 1)
			return err
		},
		"CopyInParts with WithKey": func() error {
			_, err := db.CopyInParts(router.WithKey(ctx, key), codes, []string{"n"}, rows(1), 1)
			return err
		},
	} {
		sentence(t, write(), "")
		n, err := router.Get[int64](ctx, db.Shard("s0"), router.Text("select count(*) from codes"))
		require.NoError(t, err)
		require.Zero(t, n, name)
	}
	for _, err := range []error{
		second(db.ForKey(shard.String("abc")).Exec(ctx, insert)), second(db.ForKey(shard.String("abc")).Exec(ctx, "insert into codes (n) select 7")),
		second(db.Exec(ctx, "insert into codes (code, n) select code, n + 1 from codes where code = $1 and n = 7", "abc")), second(db.CopyFrom(ctx, codes, []string{"code", "n"}, rows("äöü", 1))),
	} {
		require.NoError(t, err)
	}
}

func second[T any](_ T, err error) error { return err }
