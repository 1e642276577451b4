package differential

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

const factsSchema = `
create type mood as enum ('sad', 'ok', 'happy');
create table facts (tenant_id bigint not null, id bigint not null, g text, h text collate "C", n numeric, m numeric(14,4), i int,
	s smallint, b bigint, f double precision, ok boolean, iv interval, at timestamptz, d date, u uuid, tags text[], k bytea, md mood,
	primary key (tenant_id, id));
create table orders (tenant_id bigint not null, id bigint not null, state text, total int, primary key (tenant_id, id));
create table plans (id int primary key, name text);
insert into plans select i, 'plan ' || i % 3 from generate_series(0, 6) i;
`

const factsRegister = `
select keyway.shard_table('facts', 'tenant_id'); select keyway.shard_table('orders', 'tenant_id'); select keyway.reference_table('plans');
`

// scatterWorld has every row on one server, and on the shard of its key; each is on another shard too when copied says so,
// as during a move. The last shard has none of its own.
type scatterWorld struct {
	set *testkit.Set
	one *pgx.Conn
}

const scatterServers = 4

// inserter returns what inserts a row everywhere it is to be, and a superuser's connection to each shard: it has disabled
// the triggers of the tables, which would refuse the copies.
func (w *scatterWorld) inserter(t *testing.T, copied func() bool, tables ...string) (insert func(table, columns, values string, key shard.Key), supers []*pgx.Conn) {
	supers = make([]*pgx.Conn, scatterServers)
	for i := range supers {
		supers[i] = w.set.Super(t, i)
		for _, table := range tables {
			_, err := supers[i].Exec(t.Context(), "alter table "+table+" disable trigger user")
			require.NoError(t, err)
		}
	}
	insert = func(table, columns, values string, key shard.Key) {
		_, err := w.one.Exec(t.Context(), fmt.Sprintf("insert into %s (%s) values (%s)", table, columns, values))
		require.NoError(t, err, values)
		route, err := w.set.DB.Route(key)
		require.NoError(t, err)
		for i, conn := range supers {
			if route.Shard == testkit.ID(i) || copied() {
				_, err := conn.Exec(t.Context(), fmt.Sprintf("insert into %s (%s, slot) values (%s, %d)", table, columns, values, route.Slot))
				require.NoError(t, err)
			}
		}
	}
	return insert, supers
}

func newScatterWorld(t *testing.T, r *rand.Rand, copied func() bool) *scatterWorld {
	clusters := pgtest.SharedN(t, scatterServers)
	set := testkit.New(t, clusters, factsSchema+factsRegister, testkit.Database(pgtest.Linguistic))
	oneName := pgtest.Database(t, clusters[0], pgtest.Linguistic)
	w := &scatterWorld{set: set, one: pgtest.Conn(t, clusters[0], localpg.Superuser, oneName)}
	_, err := w.one.Exec(t.Context(), "create type other as enum ('x');"+factsSchema)
	require.NoError(t, err)
	insert, supers := w.inserter(t, copied, "facts", "orders")
	for tenant := int64(1); tenant <= 40; tenant++ {
		if route, err := set.DB.Route(shard.Int64(tenant)); err != nil || route.Shard == testkit.ID(3) {
			continue
		}
		for id := range r.IntN(7) {
			insert("facts", "tenant_id, id, g, h, n, m, i, s, b, f, ok, iv, at, d, u, tags, k, md", factValues(r, tenant, id), shard.Int64(tenant))
		}
		for id := range r.IntN(3) {
			insert("orders", "tenant_id, id, state, total", fmt.Sprintf("%d, %d, %s, %d", tenant, id, []string{"'new'", "'paid'", "null"}[r.IntN(3)], r.IntN(5)), shard.Int64(tenant))
		}
	}
	const guard = `do $$ declare t record; begin
		for t in select tgrelid::regclass as rel, tgname from pg_trigger where tgrelid in ('facts'::regclass, 'orders'::regclass) and not tgisinternal loop
			execute format('alter table %s enable always trigger %I', t.rel, t.tgname);
		end loop; end $$; analyze`
	for _, conn := range supers { // a table without its triggers is not as it was registered
		_, err := conn.Exec(t.Context(), guard)
		require.NoError(t, err)
	}
	return w
}

func factValues(r *rand.Rand, tenant int64, id int) string {
	maybe := func(v string) string {
		if r.IntN(7) == 0 {
			return "null"
		}
		return v
	}
	number := strconv.FormatFloat((r.Float64()-0.4)*[]float64{1e-6, 1, 1000, 1e9}[r.IntN(4)], 'f', r.IntN(12), 64)
	switch r.IntN(40) {
	case 0:
		number = "'NaN'"
	case 1:
		number = strconv.FormatInt(r.Int64(), 10) + "12345678901234567890"
	case 2:
		number = "'-Infinity'"
	}
	return strings.Join([]string{
		strconv.FormatInt(tenant, 10), strconv.Itoa(id), maybe([]string{"'a'", "'B'", "'b'", "'ä'", "''", "'a b'"}[r.IntN(6)]),
		maybe([]string{"'a'", "'B'", "'_b'"}[r.IntN(3)]), maybe(number), maybe(fmt.Sprintf("%d.%d", r.IntN(4), r.IntN(3)*25)),
		maybe(strconv.Itoa(r.IntN(5) - 1)), maybe(strconv.Itoa(r.IntN(300))), maybe(strconv.FormatInt(r.Int64N(1<<60)-(1<<59), 10)),
		maybe([]string{strconv.FormatFloat(r.NormFloat64(), 'g', -1, 64), "'NaN'", "-0.0", "'Infinity'"}[min(r.IntN(12), 3)]), maybe([]string{"true", "false"}[r.IntN(2)]),
		maybe(fmt.Sprintf("'%d mon %d days %d us'", r.IntN(3), r.IntN(40), r.IntN(1e9))),
		maybe([]string{fmt.Sprintf("timestamptz '2026-01-01 00:00Z' + interval '%d hours'", r.IntN(200)), "'infinity'"}[min(r.IntN(20), 1)^1]),
		maybe(fmt.Sprintf("date '2026-01-%d'", 1+r.IntN(5))), maybe(fmt.Sprintf("'00000000-0000-0000-0000-%012d'", r.IntN(20))),
		maybe([]string{"'{a,b}'", "'{}'", "'{B}'", "'{NULL,a}'"}[r.IntN(4)]), maybe(fmt.Sprintf(`'\x%02x00%02x'`, r.IntN(3), r.IntN(3))),
		maybe([]string{"'sad'", "'ok'", "'happy'"}[r.IntN(3)]),
	}, ", ")
}

// raw is an answer to the last bit: names, types and values as they were sent.
func raw(ctx context.Context, db querier, sql string, args []any, ordered bool) (columns string, lines []string, err error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return "", nil, err
	}
	defer rows.Close()
	fields := slices.Clone(rows.FieldDescriptions()) // with the last row they are the connection's next user's
	for rows.Next() {
		var b strings.Builder
		if len(lines) == 0 { // the statement may have been sent again
			fields = slices.Clone(rows.FieldDescriptions())
		}
		for i, v := range rows.RawValues() {
			if v == nil {
				b.WriteString("null ")
				continue
			}
			if f := fields[i]; f.DataTypeOID == pgtype.NumericOID && f.Format == pgtype.BinaryFormatCode && v[4] >= 0xc0 {
				v = v[:6] // NaN and the infinities print no scale, and send one of no meaning
			}
			fmt.Fprintf(&b, "%q ", v)
		}
		lines = append(lines, b.String())
	}
	if err := rows.Err(); err != nil {
		return "", nil, err
	}
	if len(fields) == 0 {
		fields = rows.FieldDescriptions()
	}
	for _, f := range fields {
		oid := min(f.DataTypeOID, 16384) // a type of the schema has another number in each database
		columns += fmt.Sprintf("%s:%d:%d ", f.Name, oid, f.Format)
	}
	if !ordered {
		slices.Sort(lines)
	}
	return columns, lines, nil
}

// TestDifferentialScatteredAnswersAreThoseOfOnePostgres holds db.Scatter() against one server: rows, their order where
// the statement orders, names and types of columns, to the last bit.
func TestDifferentialScatteredAnswersAreThoseOfOnePostgres(t *testing.T) {
	seed := setting(t, "KEYWAY_SEED", time.Now().UnixNano())
	count := setting(t, "KEYWAY_STATEMENTS", 2000)
	t.Logf("KEYWAY_SEED=%d KEYWAY_STATEMENTS=%d", seed, count)
	g := &scatterGenerator{r: rand.New(rand.NewPCG(uint64(seed), 2))}
	w := newScatterWorld(t, g.r, func() bool { return g.r.IntN(3) == 0 })
	handles := []*router.ScatterDB{w.set.DB.Scatter(), w.set.DB.Scatter(), w.set.DB.Scatter(router.MaxConns(2))}
	refused := map[string]int{}
	answered, rowsSeen, failed := 0, 0, 0
	for n := range count {
		sql, args, ordered := g.statement()
		var db querier = handles[int(n)%len(handles)]
		gotColumns, got, err := raw(t.Context(), db, sql, args, ordered)
		if reason := refusal(err); reason != "" {
			refused[reason]++
			continue
		}
		wantColumns, want, wantErr := raw(t.Context(), w.one, sql, args, ordered)
		if err != nil || wantErr != nil {
			var a, b *pgconn.PgError
			if errors.As(err, &a) && errors.As(wantErr, &b) && a.Code == b.Code {
				failed++
				continue
			}
			t.Fatalf("statement %d: %s %v\nthrough the router: %v\non one server: %v", n, sql, args, err, wantErr)
		}
		if gotColumns != wantColumns || !slices.Equal(got, want) {
			t.Fatalf("statement %d: %s %v\ncolumns through the router: %s\non one server: %s\n%s", n, sql, args, gotColumns, wantColumns,
				firstDifference(got, want))
		}
		answered++
		rowsSeen += len(got)
	}
	t.Logf("%d answered alike with %d rows, %d failed alike, refused by reason:", answered, rowsSeen, failed)
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		t.Logf("%6d %s", refused[reason], reason)
	}
	require.Greater(t, answered, int(count)/3, "the generator makes too few statements that are answered")
	for _, in := range w.set.DB.Stat().Instances {
		require.LessOrEqual(t, in.InUse, 1, "connections are still in use")
	}
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("row %d of %d through the router: %v\nof %d on one server: %v", i, len(got), got[min(i, len(got)):min(i+1, len(got))], len(want), want[min(i, len(want)):min(i+1, len(want))])
		}
	}
	return "the rows are the same"
}
