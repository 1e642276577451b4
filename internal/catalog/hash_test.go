package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// TestServerHashesAsTheLibraryDoes covers each path of the algorithm: every length from 0 to 200 bytes.
func TestServerHashesAsTheLibraryDoes(t *testing.T) {
	s := installed(t)
	r := rand.New(rand.NewPCG(1, 2))
	var inputs [][]byte
	for n := range 201 {
		for range 5 {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			inputs = append(inputs, b)
		}
		inputs = append(inputs, make([]byte, n), []byte(strings.Repeat("\xff", n)))
	}
	rows, err := s.conn.Query(s.ctx(), "select i, keyway.xxh64(i) from unnest($1::bytea[]) i", inputs)
	require.NoError(t, err)
	var in []byte
	var hash int64
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&in, &hash}, func() error {
		n++
		if want := xxhash.Sum64(in); uint64(hash) != want {
			return fmt.Errorf("%x: %x, not %x", in, uint64(hash), want)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, len(inputs), n)
}

// TestServerGivesTheSlotOfTheLibrary compares keys of every type, read from tables as the fill trigger reads them.
func TestServerGivesTheSlotOfTheLibrary(t *testing.T) {
	s := single(t)
	r := rand.New(rand.NewPCG(3, 4))
	text := func() string {
		const letters = "abcXYZ019 -_/äßøλ漢字🙂"
		runes := []rune(letters)
		var b strings.Builder
		for range 1 + r.IntN(80) {
			b.WriteRune(runes[r.IntN(len(runes))])
		}
		return b.String()
	}
	uuid := func() (u [16]byte) {
		for i := range u {
			u[i] = byte(r.Uint32())
		}
		return u
	}
	ints := []int64{0, 1, -1, 255, 256, -256, 1 << 31, -1 << 31, 1<<63 - 1, -1 << 63, 1 << 53}
	cases := map[string]struct {
		columns, key string
		row          func(i int) (args []any, key shard.Key)
	}{
		"bigint": {"k bigint not null", "'k'", func(i int) ([]any, shard.Key) {
			v := r.Int64() >> r.IntN(64)
			if i < len(ints) {
				v = ints[i]
			}
			return []any{v}, shard.Int64(v)
		}},
		"integer": {"k integer not null", "'k'", func(int) ([]any, shard.Key) {
			v := int32(r.Uint32())
			return []any{v}, shard.Int64(int64(v))
		}},
		"smallint": {"k smallint not null", "'k'", func(int) ([]any, shard.Key) {
			v := int16(r.Uint32())
			return []any{v}, shard.Int64(int64(v))
		}},
		"text": {"k text not null", "'k'", func(int) ([]any, shard.Key) {
			v := text()
			return []any{v}, shard.String(v)
		}},
		"varchar": {"k varchar(200) not null", "'k'", func(int) ([]any, shard.Key) {
			v := text()
			return []any{v}, shard.String(v)
		}},
		"uuid": {"k uuid not null", "'k'", func(int) ([]any, shard.Key) {
			v := uuid()
			return []any{v}, shard.UUID(v)
		}},
		"text as uuid": {"k text not null", "'k as uuid'", func(int) ([]any, shard.Key) {
			u := uuid()
			v := fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
			return []any{v}, shard.String(v)
		}},
		"bytea": {"k bytea not null", "'k'", func(int) ([]any, shard.Key) {
			v := []byte(text())[:1]
			return []any{v}, shard.Bytes(v)
		}},
		"composite": {"a text not null, b int not null, c uuid not null, d bytea not null", "'c', 'a', 'd', 'b'",
			func(int) ([]any, shard.Key) {
				a, b, c, d := text(), int32(r.Uint32()), uuid(), []byte(text())
				return []any{a, b, c, d}, shard.Composite(shard.UUID(c), shard.String(a), shard.Bytes(d), shard.Int64(int64(b)))
			}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			table := "t_" + strings.ReplaceAll(name, " ", "_")
			s.exec(fmt.Sprintf("create table %s (%s); select keyway.shard_table('%s', %s)", table, c.columns, table, c.key))
			batch := &pgx.Batch{}
			for i := range 200 {
				args, key := c.row(i)
				require.NoError(t, key.Err())
				marks := "$1, $2, $3, $4"[:4*len(args)-2]
				insert := fmt.Sprintf("insert into %s values (%s) returning slot", table, marks)
				batch.Queue(insert, args...).QueryRow(func(row pgx.Row) error {
					var slot int
					if err := row.Scan(&slot); err != nil {
						return err
					}
					if want := int(key.Slot()); slot != want {
						return fmt.Errorf("slot %d, not %d", slot, want)
					}
					return nil
				})
			}
			require.NoError(t, s.conn.SendBatch(s.ctx(), batch).Close())
		})
	}
}
