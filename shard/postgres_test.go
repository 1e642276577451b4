package shard_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/shard"
)

// column is the SQL type of a table's column.
func column(t shard.Type) string {
	if t == shard.TextUUID {
		return "text"
	}
	return t.String()
}

func tableOf(t shard.Type) string {
	return "k_" + strings.NewReplacer("(", "_", ")", "").Replace(t.String())
}

// keyTables connects to a database with one table for each type of key.
func keyTables(t *testing.T) *pgx.Conn {
	t.Helper()
	db, owner, _ := pgtest.Owned(t, pgtest.Shared(t))
	conn := pgtest.Conn(t, pgtest.Shared(t), owner, db)
	for _, typ := range types {
		_, err := conn.Exec(context.Background(), fmt.Sprintf("create table %s (k %s primary key, name text)", tableOf(typ), column(typ)))
		require.NoError(t, err)
	}
	return conn
}

// Each accepted Go argument is the key of exactly the rows that PostgreSQL's "=" finds with what is sent for it: the
// table holds the key's value among others, and one row is found, with the right bytes.
func TestPostgresFindsExactlyTheKeysRow(t *testing.T) {
	conn, ctx := keyTables(t), context.Background()
	for _, c := range accepted {
		k, err := shard.FromValue(c.v, c.t)
		require.NoError(t, err, c.name)
		_, err = conn.Exec(ctx, "insert into "+tableOf(c.t)+" (k) values ($1) on conflict do nothing", k.Value())
		require.NoError(t, err, c.name)
	}
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			k, err := shard.FromValue(c.v, c.t)
			require.NoError(t, err)
			requireOneRow(t, conn, c.t, k, k.Value())
			if shard.SendsAsIs(c.v, c.t) {
				requireOneRow(t, conn, c.t, k, c.v)
			}
		})
	}
}

// send is the expression that gives a key's canonical bytes in PostgreSQL.
var send = map[shard.Type]string{
	shard.Int2: "int8send(k)", shard.Int4: "int8send(k)", shard.Int8: "int8send(k)",
	shard.Text: "convert_to(k, 'UTF8')", shard.TextUUID: "convert_to(k, 'UTF8')", shard.TypeUUID: "uuid_send(k)",
	shard.Bytea: "k",
}

func requireOneRow(t *testing.T, conn *pgx.Conn, typ shard.Type, k shard.Key, arg any) {
	t.Helper()
	rows, err := conn.Query(context.Background(),
		fmt.Sprintf("select %s from %s where k = $1", send[typ], tableOf(typ)), arg)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, k.AppendCanonical(nil), found[0], "the canonical bytes are PostgreSQL's")
}

// What is refused is not refused for nothing: PostgreSQL would match a row that is stored under another key's hash.
func TestPostgresMatchesWhatIsRefused(t *testing.T) {
	conn, ctx := keyTables(t), context.Background()
	for _, sql := range []string{
		"insert into k_bigint values (42)",
		"insert into k_uuid values ('" + someUUID + "')",
	} {
		_, err := conn.Exec(ctx, sql)
		require.NoError(t, err)
	}
	for _, c := range []struct {
		v     any
		t     shard.Type
		cause string
	}{
		{42.0, shard.Int8, "a float"},
		{42.7, shard.Int8, "a float that is not even equal"},
		{" 42", shard.Int8, "a space"},
		{"0042", shard.Int8, "zeros"},
		{"+42", shard.Int8, "a sign"},
		{[]byte("42"), shard.Int8, "bytes"},
		{strings.ToUpper(someUUID), shard.TypeUUID, "upper case"},
		{"{" + someUUID + "}", shard.TypeUUID, "braces"},
	} {
		_, err := shard.FromValue(c.v, c.t)
		require.Error(t, err, c.cause)
		var n int
		require.NoError(t, conn.QueryRow(ctx, "select count(*) from "+tableOf(c.t)+" where k = $1", c.v).Scan(&n))
		require.Equal(t, 1, n, c.cause)
	}
}

// pgx prefers a String method to the value of a named string: SendsAsIs must not claim that such a value is the key's.
func TestWhatPgxSendsOtherwiseIsNotSentAsIs(t *testing.T) {
	conn, ctx := keyTables(t), context.Background()
	for _, c := range accepted {
		if !shard.SendsAsIs(c.v, c.t) {
			continue
		}
		k, err := shard.FromValue(c.v, c.t)
		require.NoError(t, err)
		var same bool
		require.NoError(t, conn.QueryRow(ctx, fmt.Sprintf("select $1::%s = $2::%[1]s", column(c.t)), c.v, k.Value()).Scan(&same), c.name)
		require.True(t, same, c.name)
	}
	var sent string
	require.NoError(t, conn.QueryRow(ctx, "select $1::text", loud("acme")).Scan(&sent))
	t.Logf("pgx sends %q for a string %q with a String method", sent, "acme")
	require.False(t, shard.SendsAsIs(quiet("acme"), shard.Text))
}

// Composite keys are several columns, each sent by itself.
func TestPostgresFindsACompositeKeysRow(t *testing.T) {
	db, owner, _ := pgtest.Owned(t, pgtest.Shared(t))
	conn, ctx := pgtest.Conn(t, pgtest.Shared(t), owner, db), context.Background()
	_, err := conn.Exec(ctx, "create table c (a text, b bigint, primary key (a, b))")
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "insert into c values ('eu', 7), ('eu7', 7), ('e', 7)")
	require.NoError(t, err)
	k := shard.Composite(shard.String("eu"), shard.Int64(7))
	var canonical []byte
	require.NoError(t, conn.QueryRow(ctx, `
		select int4send(octet_length(convert_to(a, 'UTF8'))) || convert_to(a, 'UTF8') || int4send(8) || int8send(b)
		from c where a = $1 and b = $2`, k.Part(0).Value(), k.Part(1).Value()).Scan(&canonical))
	require.Equal(t, canonical, k.AppendCanonical(nil))
}

// Texts that a person calls equal but that differ in bytes are different keys, to PostgreSQL too.
func TestPostgresTellsTextsApartAsBytesDo(t *testing.T) {
	conn, ctx := keyTables(t), context.Background()
	texts := []string{"Acme", "acme", "acme ", "\u00e9", "e\u0301", "ss", "ß", "a", "а", "K", "\u212a"}
	_, err := conn.Exec(ctx, "insert into k_text (k) select unnest($1::text[])", texts)
	require.NoError(t, err)
	for _, s := range texts {
		requireOneRow(t, conn, shard.Text, shard.String(s), pgtype.Text{String: s, Valid: true})
	}
}
