package router_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestAPlaceThatPrintsByASettingIsRefused: 11/12/2020 is another day on a shard with another DateStyle, and a float with
// fewer digits is another float.
func TestAPlaceThatPrintsByASettingIsRefused(t *testing.T) {
	f, _ := opened(t, 1)
	f.everywhere(`create table events (tenant_id int not null, id int not null, at timestamptz not null, took interval, score float8,
			primary key (tenant_id, id));
		select keyway.shard_table('events', 'tenant_id');
		insert into events select 1, i, timestamptz '2020-11-12' + i * interval '1 day', i * interval '-1 mon 2 days', i / 10.0 from generate_series(1, 5) i`)
	read := func(set, order string) error {
		_, err := f.superuser("s0").Exec(t.Context(), fmt.Sprintf("alter role %s in database %s set %s", f.apps[0], f.cfg.Shards["s0"].Database, set))
		require.NoError(t, err)
		db := f.open()
		defer db.Close()
		events := db.ForKey(shard.Int64(1))
		o := router.PageOptions{Size: 2}
		for n := 0; ; n += 2 {
			page, err := router.Page[int](t.Context(), events, router.Text("select id from events order by "+order+", id"), o)
			if err != nil {
				return err
			}
			require.Equal(t, n+1, page.Rows[0])
			if o.After = page.Next; o.After == "" {
				return nil
			}
		}
	}
	for _, order := range []string{"at", "took desc", "score"} {
		require.NoError(t, read("application_name = 'x'", order))
	}
	sentence(t, read("datestyle = 'SQL, DMY'", "at"), "another may read otherwise", "DateStyle")
	sentence(t, read("datestyle = 'German'", "at"), "another may read otherwise")
	require.NoError(t, read("datestyle = 'ISO, DMY'", "at"))
	sentence(t, read("intervalstyle = 'sql_standard'", "took desc"), "another may read otherwise", "IntervalStyle")
	sentence(t, read("extra_float_digits = -14", "score + 0"), "something else")
	_, err := f.superuser("s0").Exec(t.Context(), "update events set score = score + 1e-15")
	require.NoError(t, err)
	sentence(t, read("extra_float_digits = -10", "score"), "another may read otherwise", "extra_float_digits")
}

// TestACursorThatSomebodyMadeUpIsRefused: without a key anybody can compute the checksum.
func TestACursorThatSomebodyMadeUpIsRefused(t *testing.T) {
	_, db := stocked(t, 8)
	stmt := router.Text("select id from orders order by total, tenant_id, id")
	first, err := router.Page[int64](t.Context(), db.Scatter(), stmt, router.PageOptions{Size: 2})
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(first.Next)
	require.NoError(t, err)
	for _, values := range []string{
		"", "\x00", "\x00\x00\x00\x00", "\x021\x021", "\x021\x021\x021\x021", "\x021\x021\x031", "\x80", "\x021\x021\x02",
		"\x021\x021\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x021\x021\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		body := append(raw[:17:17], values...)
		sum := sha256.Sum256(body)
		made := base64.RawURLEncoding.EncodeToString(append(body, sum[:16]...))
		_, err := router.Page[int64](t.Context(), db.Scatter(), stmt, router.PageOptions{Size: 2, After: made})
		var cursor *router.CursorError
		require.ErrorAs(t, err, &cursor, "%q", values)
	}
	body := append(raw[:17:17], "\x071 or 1\x021\x021"...) // a value is an argument, whatever it is
	sum := sha256.Sum256(body)
	_, err = router.Page[int64](t.Context(), db.Scatter(), stmt, router.PageOptions{Size: 2, After: base64.RawURLEncoding.EncodeToString(append(body, sum[:16]...))})
	var at *router.ShardError
	require.ErrorAs(t, err, &at)
	require.NotContains(t, err.Error(), "1 or 1")
	givenBack(t, db)
}
