package plan_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// diffSchema is on every database of the differential tests. fill stands for the schema's own trigger.
const diffSchema = `
create schema app;
create collation app.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table app.key_slots (k text primary key, slot smallint not null);
create function app.fill() returns trigger language plpgsql as $$
begin
	new.slot := coalesce(new.slot, (select s.slot from app.key_slots s
		where s.k = (select string_agg(to_jsonb(new) ->> a, '|' order by n) from unnest(tg_argv) with ordinality as x(a, n))));
	return new;
end $$;
create table app.orders (tenant_id bigint not null, id bigint not null, plan_id int, total int, state text, note text,
	slot smallint not null, primary key (tenant_id, id));
create table app.items (order_id bigint, tenant_id bigint not null, qty int, slot smallint not null, sku text);
create table app.users (id bigint not null, tenant_id bigint not null, name text, slot smallint not null, unique (tenant_id, id));
create table app.adopted (tenant_id bigint not null, n int);
create table app.badges (id bigint primary key, tenant_id bigint not null, name text, slot smallint not null);
create table app.docs (org text not null, body text, id bigint, slot smallint not null);
create table app.plans (id bigint, tenant_id bigint, name text);
create table app.jobs (id bigint, tenant_id bigint, state text);
create trigger fill before insert on app.orders for each row execute function app.fill('tenant_id');
create trigger fill before insert on app.items for each row execute function app.fill('tenant_id');
create trigger fill before insert on app.users for each row execute function app.fill('tenant_id');
create trigger fill before insert on app.badges for each row execute function app.fill('tenant_id');
create trigger fill before insert on app.docs for each row execute function app.fill('org');
`

var diffRegistry = func() *catalog.Registry {
	jobs := table(catalog.Home, "jobs", nil, "id bigint", "tenant_id bigint", "state text")
	jobs.Home = "s0"
	return catalog.NewRegistry(1,
		table(catalog.Sharded, "orders", key("tenant_id", shard.Int8), "tenant_id bigint", "id bigint", "plan_id integer",
			"total integer", "state text", "note text", "slot smallint"),
		table(catalog.Sharded, "items", key("tenant_id", shard.Int8), "order_id bigint", "tenant_id bigint", "qty integer",
			"slot smallint", "sku text"),
		table(catalog.Sharded, "users", key("tenant_id", shard.Int8), "id bigint", "tenant_id bigint", "name text", "slot smallint"),
		table(catalog.Sharded, "adopted", key("tenant_id", shard.Int8), "tenant_id bigint", "n integer"),
		table(catalog.Sharded, "badges", key("tenant_id", shard.Int8), "id bigint", "tenant_id bigint", "name text", "slot smallint"),
		table(catalog.Sharded, "docs", key("org", shard.Text), "org text", "body text", "id bigint", "slot smallint"),
		table(catalog.Reference, "plans", nil, "id bigint", "tenant_id bigint", "name text"),
		jobs,
	)
}()

// model is what the databases of a world have.
type model struct {
	schema   string
	registry *catalog.Registry
	keys     map[string]shard.Key // of the texts by which rows name theirs
}

var diffModel = model{schema: diffSchema, registry: diffRegistry, keys: diffKeys()}

func diffKeys() map[string]shard.Key {
	keys := map[string]shard.Key{}
	for _, k := range intKeys {
		keys[strconv.FormatInt(k, 10)] = shard.Int64(k)
	}
	for _, k := range textKeys {
		keys[k] = shard.String(k)
	}
	return keys
}

// world is one database with all rows, one per shard with that shard's, and one per tenant with that tenant's.
type world struct {
	t *testing.T
	model
	m       *shard.Map
	oracle  *pgx.Conn
	shards  map[shard.ID]*pgx.Conn
	tenants map[shard.Key]*pgx.Conn
	static  map[shard.ID]map[string][]string // rows of each table, which no test keeps changed

	counts map[string]int
}

// rowText is a row; key names its key in the model, and is empty for a table that is not sharded.
type rowText struct{ table, key, columns, values string }

func newWorld(t *testing.T, of model, rows []rowText, tenants ...shard.Key) *world {
	m := evenMap(t)
	w := &world{t: t, model: of, m: m, shards: map[shard.ID]*pgx.Conn{}, tenants: map[shard.Key]*pgx.Conn{},
		static: map[shard.ID]map[string][]string{}, counts: map[string]int{}}
	w.oracle = w.database(rows, func(rowText) bool { return true })
	for _, id := range m.Shards() {
		w.shards[id] = w.database(rows, func(r rowText) bool { return w.onShard(r, id) })
		w.static[id] = map[string][]string{}
		for _, t := range of.registry.Tables() {
			w.static[id][t.Name] = w.rows(w.shards[id], t.Name)
		}
	}
	for _, k := range tenants {
		w.tenants[k] = w.database(rows, func(r rowText) bool { return r.key == "" || isOf(of.keys[r.key], k) })
		w.defaults(w.tenants[k], k)
	}
	return w
}

// isOf reports whether a row of the key is the tenant's; a uuid is one's in a column of text too.
func isOf(key, tenant shard.Key) bool {
	as, err := shard.FromValue(key.Value(), shard.TypeUUID)
	return key == tenant || err == nil && as == tenant
}

// defaults makes a new row the tenant's where a table's key has the types of the tenant's.
func (w *world) defaults(c *pgx.Conn, k shard.Key) {
	for _, t := range w.registry.Tables() {
		for i, column := range t.Key {
			if len(t.Key) == k.Len() && k.Part(i).Is(column.Type) {
				w.exec(c, fmt.Sprintf("alter table app.%s alter %s set default %s", t.Name, column.Name, literal(k.Part(i))))
			}
		}
	}
}

// literal is a key of one column as SQL has it.
func literal(k shard.Key) string {
	switch v := k.Value().(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case []byte:
		return fmt.Sprintf(`'\x%x'`, v)
	case [16]byte:
		return fmt.Sprintf("'%x'", v)
	default:
		return fmt.Sprintf("'%s'", v)
	}
}

func evenMap(t *testing.T) *shard.Map {
	m, err := shard.Even(1, "s0", "s1", "s2")
	require.NoError(t, err)
	return m
}

func (w *world) onShard(r rowText, id shard.ID) bool {
	switch {
	case r.table == "jobs":
		return id == "s0"
	case r.key == "":
		return true
	}
	owner, _ := w.m.Shard(w.keys[r.key].Slot())
	return owner == id
}

func (w *world) database(rows []rowText, has func(rowText) bool) *pgx.Conn {
	c := pgtest.Shared(w.t)
	conn := pgtest.Conn(w.t, c, "postgres", pgtest.Database(w.t, c))
	w.exec(conn, w.schema)
	w.exec(conn, "set search_path = app, pg_temp; set synchronous_commit = off; set statement_timeout = '20s'")
	var b strings.Builder
	for text, k := range w.keys {
		fmt.Fprintf(&b, "insert into key_slots values ('%s', %d);", text, k.Slot())
	}
	for _, r := range rows {
		if has(r) {
			fmt.Fprintf(&b, "insert into %s (%s) values (%s);", r.table, r.columns, r.values)
		}
	}
	w.exec(conn, b.String())
	return conn
}

func (w *world) exec(c *pgx.Conn, sql string) {
	_, err := c.PgConn().Exec(context.Background(), sql).ReadAll()
	require.NoError(w.t, err)
}

// rows returns a table's rows as text, without the slot.
func (w *world) rows(c *pgx.Conn, table string) []string {
	res, err := w.query(c, "select to_jsonb(x) - 'slot' from app."+table+" x", nil)
	require.NoError(w.t, err)
	return res.rows
}

type result struct {
	rows []string // sorted
	tag  string
}

func (w *world) query(c interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}, sql string, args []any) (result, error) {
	rows, err := c.Query(context.Background(), sql, append([]any{pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{0}}, args...)...)
	if err != nil {
		return result{}, err
	}
	var res result
	for rows.Next() {
		var line []string
		for _, v := range rows.RawValues() {
			if v == nil {
				line = append(line, "∅")
				continue
			}
			line = append(line, strconv.Quote(string(v)))
		}
		res.rows = append(res.rows, strings.Join(line, " "))
	}
	sort.Strings(res.rows)
	res.tag = rows.CommandTag().String()
	return res, rows.Err()
}

// diffRows are the rows of the world: few keys, ids that repeat from key to key, NULLs.
func diffRows(r *rand.Rand) []rowText {
	var rows []rowText
	n := func(below int) string {
		if r.IntN(8) == 0 {
			return "null"
		}
		return strconv.Itoa(r.IntN(below))
	}
	text := func() string { return []string{"'a'", "'b'", "'c'", "null"}[r.IntN(4)] }
	for _, k := range intKeys {
		key := strconv.FormatInt(k, 10)
		for i := range 2 + r.IntN(4) {
			rows = append(rows, rowText{"orders", key, "tenant_id, id, plan_id, total, state, note",
				fmt.Sprintf("%s, %d, %s, %s, %s, %s", key, i+1, n(4), n(9), text(), text())})
		}
		for range 1 + r.IntN(4) {
			rows = append(rows, rowText{"items", key, "tenant_id, order_id, qty, sku", fmt.Sprintf("%s, %s, %s, %s", key, n(5), n(5), text())})
		}
		for i := range r.IntN(3) {
			rows = append(rows, rowText{"users", key, "tenant_id, id, name", fmt.Sprintf("%s, %d, %s", key, i+1, text())})
		}
		for range r.IntN(3) {
			rows = append(rows, rowText{"adopted", key, "tenant_id, n", fmt.Sprintf("%s, %s", key, n(5))})
		}
	}
	for _, k := range intKeys {
		key := strconv.FormatInt(k, 10)
		for i := range badgesOfEach {
			rows = append(rows, rowText{"badges", key, "tenant_id, id, name", fmt.Sprintf("%s, %d, %s", key, badge(k, i), text())})
		}
	}
	for _, k := range textKeys {
		for range 1 + r.IntN(3) {
			rows = append(rows, rowText{"docs", k, "org, id, body", fmt.Sprintf("'%s', %s, %s", k, n(5), text())})
		}
	}
	for range 6 {
		rows = append(rows, rowText{"plans", "", "id, tenant_id, name", fmt.Sprintf("%s, %s, %s", n(4), n(8), text())})
		rows = append(rows, rowText{"jobs", "", "id, tenant_id, state", fmt.Sprintf("%s, %s, %s", n(4), n(8), text())})
	}
	return rows
}

// diffSize returns the number of statements and the seed, from the environment when it says.
func diffSize(t *testing.T, statements int) (int, uint64) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("KEYWAY_SEED"); s != "" {
		v, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		seed = v
	}
	if s := os.Getenv("KEYWAY_STATEMENTS"); s != "" {
		v, err := strconv.Atoi(s)
		require.NoError(t, err)
		statements = v
	}
	t.Logf("%d statements, KEYWAY_SEED=%d", statements, seed)
	return statements, seed
}

func (w *world) report() {
	for _, k := range slices.Sorted(maps.Keys(w.counts)) {
		w.t.Logf("%7d %s", w.counts[k], k)
	}
}

// tooLong counts statements that one server answered within statement_timeout, and a shard did not.
const tooLong = "not compared: took too long on a shard"

func (w *world) fail(what, sql, sent string, args []any, want, got any) {
	w.t.Helper()
	if err, ok := got.(error); ok && pgerr.Code(err) == pgerr.QueryCanceled && w.counts[tooLong] < 5 {
		w.counts[tooLong]++ // some statements are joins of joins, and the machine may be busy
		w.t.Logf("%s: %s", tooLong, sql)
		return
	}
	w.counts["WRONG"]++
	w.t.Errorf("%s\n  statement %s\n  sent      %s\n  arguments %v\n  want %v\n  got  %v", what, sql, sent, args, want, got)
	if w.counts["WRONG"] > 10 {
		w.t.FailNow()
	}
}

// TestAcceptedStatementsGiveWhatOneServerGives runs random statements on the shard their plan names and on one server
// that has all rows. A statement may be refused; an accepted one may not differ.
func TestAcceptedStatementsGiveWhatOneServerGives(t *testing.T) {
	n, seed := diffSize(t, 5000)
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, diffModel, diffRows(r))
	for range n {
		g := &generator{t: t, r: r, pin: 0.45 + 0.5*r.Float64()}
		if r.IntN(4) == 0 {
			sql, tables := g.writeStatement()
			sql, args := g.numbered(sql)
			w.compareWrite(sql, tables, args)
		} else {
			w.compareRead(g.numbered(g.selectStatement()))
		}
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/20, "the generator makes too few statements that are accepted")
}

// bound plans and binds, and counts what is refused.
func (w *world) bound(sql string, args []any, scope plan.Scope, in shard.Key) (*plan.Plan, plan.Binding, bool) {
	p, err := plan.Build(sql, w.registry, "app", scope)
	if err != nil {
		w.counts["refused: "+reason(err)]++
		w.refused(sql, args, err)
		return nil, plan.Binding{}, false
	}
	b, err := p.Bind(args, in)
	if err != nil {
		w.counts["refused by Bind: "+reason(err)]++
		return nil, plan.Binding{}, false
	}
	return p, b, true
}

// refused checks that what is called a mistake is one for PostgreSQL too.
func (w *world) refused(sql string, args []any, err error) {
	switch reason(err) {
	case "ambiguous column", "unknown column", "syntax":
	default:
		return
	}
	if _, pgErr := w.query(w.oracle, "explain "+sql, args); pgErr == nil {
		w.counts["over-refused: "+reason(err)]++
		if os.Getenv("KEYWAY_DIFF_VERBOSE") != "" {
			w.t.Logf("PostgreSQL takes this: %v\n  %s", err, sql)
		}
	}
}

// places returns the shards on which the statement may run: every one of them must give the right result.
func (w *world) places(p *plan.Plan, b plan.Binding) []shard.ID {
	switch b.Target {
	case plan.ToKey:
		id, ok := w.m.Shard(b.Key.Slot())
		require.True(w.t, ok)
		return []shard.ID{id}
	case plan.ToAny:
		return w.m.Shards()
	case plan.ToHome:
		return []shard.ID{p.Home}
	}
	var ids []shard.ID
	for _, k := range b.Keys {
		id, _ := w.m.Shard(k.Slot())
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) > 1 {
		w.counts["accepted: keys of several shards"]++
		return nil
	}
	return ids
}

func (w *world) compareRead(sql string, args []any) {
	p, b, ok := w.bound(sql, args, plan.Unscoped, shard.Key{})
	if !ok {
		return
	}
	want, err := w.query(w.oracle, sql, args)
	if err != nil {
		w.invalid(err)
		return
	}
	for _, id := range w.places(p, b) {
		got, err := w.query(w.shards[id], p.Text, b.Args)
		switch {
		case err != nil:
			w.fail("error on shard "+string(id)+" only", sql, p.Text, args, want.rows, err)
		case !slices.Equal(want.rows, got.rows):
			w.fail("wrong rows on shard "+string(id)+" ("+p.Target.String()+")", sql, p.Text, args, want.rows, got.rows)
		default:
			w.counts["accepted: right"]++
			if len(want.rows) > 0 {
				w.counts["accepted: right, with rows"]++
			}
			w.counts["accepted: "+b.Target.String()]++
		}
	}
}

// invalid counts statements that PostgreSQL refuses; the generator makes some, and the reader need not know.
func (w *world) invalid(err error) {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		w.counts["no statement for PostgreSQL: "+pg.Code]++
	default:
		w.counts["no argument for pgx"]++
	}
}

func (w *world) compareWrite(sql string, tables []string, args []any) {
	p, b, ok := w.bound(sql, args, plan.Unscoped, shard.Key{})
	if !ok {
		return
	}
	want, after, err := w.write(w.oracle, sql, args, tables)
	if err != nil {
		w.invalid(err)
		return
	}
	for _, id := range w.places(p, b) {
		got, shardAfter, err := w.write(w.shards[id], p.Text, b.Args, tables)
		if err != nil {
			w.fail("error on shard "+string(id)+" only", sql, p.Text, args, want, err)
			continue
		}
		all := slices.Clone(shardAfter)
		for _, o := range w.m.Shards() {
			if o != id {
				all = append(all, w.unchanged(o, tables)...)
			}
		}
		sort.Strings(all)
		switch {
		case want.tag != got.tag || !slices.Equal(want.rows, got.rows):
			w.fail("wrong result on shard "+string(id), sql, p.Text, args, want, got)
		case !slices.Equal(after, all):
			w.fail("wrong rows afterwards on shard "+string(id), sql, p.Text, args, after, all)
		default:
			w.counts["accepted: right"]++
			w.counts["accepted: "+p.Verb]++
		}
	}
}

// write runs a statement in a transaction that is rolled back, and returns the tables' rows after it.
func (w *world) write(c *pgx.Conn, sql string, args []any, tables []string) (result, []string, error) {
	ctx := context.Background()
	tx, err := c.Begin(ctx)
	require.NoError(w.t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	res, err := w.query(tx, sql, args)
	if err != nil {
		return res, nil, err
	}
	var all []string
	for _, table := range tables {
		after, err := w.query(tx, "select to_jsonb(x) - 'slot' from app."+table+" x", nil)
		require.NoError(w.t, err)
		all = append(all, prefixed(table, after.rows)...)
	}
	sort.Strings(all)
	return res, all, nil
}

// unchanged are the rows of tables on a shard as they were before any statement.
func (w *world) unchanged(id shard.ID, tables []string) []string {
	var all []string
	for _, table := range tables {
		all = append(all, prefixed(table, w.static[id][table])...)
	}
	return all
}

func prefixed(table string, rows []string) []string {
	named := make([]string, 0, len(rows))
	for _, r := range rows {
		named = append(named, table+" "+r)
	}
	return named
}
