package router

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/internal/sqltext"
	"github.com/keyway-go/keyway/shard"
)

const (
	observeAll      = "*"
	maxObservedText = 2 << 10  // bytes of a statement that are shown
	maxCachedText   = 16 << 10 // bytes of a text that is remembered
	maxCachedTexts  = MaxObservations
)

// observedText is what is known of a text. It is replaced when the registry changes.
type observedText struct {
	version     int64 // of the registry
	fingerprint string
	shown       string
	read        bool
	relations   []plan.Relation // when it could be read
	scatters    bool            // DB.Scatter takes it
	withKey     bool            // a handle for one key takes it
}

// soleOwner is the shard where every statement can run as it is: it owns every slot and is the home of every home
// table. Nil when there is none.
func (s *snapshot) soleOwner() *node {
	ids := s.slots.Shards()
	if len(ids) != 1 { // a map covers every slot
		return nil
	}
	for _, t := range s.registry.Tables() {
		if t.Kind == catalog.Home && t.Home != ids[0] {
			return nil
		}
	}
	return s.owners[0]
}

// observe returns the shard on which a refused statement runs all the same, or nil. It is off the hot path: only what
// is refused comes here.
func (c *call) observe(err error) *ShardDB {
	o := c.db.observer
	refusal, ok := err.(*RefusedError) //nolint:errorlint // place returns it bare
	if o == nil || !ok || !c.key.IsZero() {
		return nil
	}
	text := o.text(c.db, c.snap, writtenAs(c.ctx, c.sql))
	if !o.allows(c.snap, text) {
		return nil
	}
	return c.db.observing(&observedRun{snap: c.snap, refusal: err, all: []sighting{text.sighting(refusal)}})
}

// writtenKey is the context key of the caller's own text, where what is sent is another one.
type writtenKey struct{}

// observedAs makes a statement that is made of sql be observed as sql.
func observedAs(ctx context.Context, sql string) context.Context {
	return context.WithValue(ctx, writtenKey{}, sql)
}

func writtenAs(ctx context.Context, sql string) string {
	if written, ok := ctx.Value(writtenKey{}).(string); ok {
		return written
	}
	return sql
}

// observing is the handle of what observe mode lets run.
func (db *DB) observing(r *observedRun) *ShardDB {
	return &ShardDB{db: db, node: r.snap.sole, observed: r}
}

// observeBatch is observe for a batch in which err is the first refusal: it goes whole to the one shard when each
// statement runs as it is or is observed.
func (db *DB) observeBatch(ctx context.Context, key shard.Key, b *pgx.Batch, err error) *ShardDB {
	var refusal *RefusedError
	if db.observer == nil || !key.IsZero() || !errors.As(err, &refusal) {
		return nil
	}
	r := &observedRun{snap: db.current.Load(), refusal: err}
	for _, q := range b.QueuedQueries {
		c := call{db: db, ctx: ctx, sql: q.SQL, args: q.Arguments}
		if _, err := c.place(r.snap); err != nil {
			s := c.observe(err)
			if s == nil {
				return nil
			}
			r.all = append(r.all, s.observed.all...)
		}
	}
	if r.snap.sole == nil {
		return nil
	}
	return db.observing(r)
}

// observeCopy is observe for a copy.
func (db *DB) observeCopy(snap *snapshot, key shard.Key, table pgx.Identifier, columns []string, err error) *ShardDB {
	o := db.observer
	refusal, ok := err.(*RefusedError) //nolint:errorlint // newCopyPlan returns it bare
	if o == nil || !ok || !key.IsZero() {
		return nil
	}
	into := plan.Relation{Schema: db.schema, Name: table[len(table)-1], Written: true}
	if len(table) > 1 {
		into.Schema = table[0]
	}
	shown := "copy " + into.Schema + "." + into.Name + "(" + strings.Join(columns, ", ") + ") from stdin"
	text := &observedText{
		fingerprint: sqltext.Fingerprint(shown), shown: bounded(shown), read: true, relations: []plan.Relation{into},
	}
	if !o.allows(snap, text) {
		return nil
	}
	return db.observing(&observedRun{snap: snap, refusal: err, all: []sighting{text.sighting(refusal)}})
}

// allows reports whether a refused text runs as it is: under a map with one owner, when all its sharded and unknown
// tables are listed and at least one of its tables is.
func (o *observer) allows(snap *snapshot, t *observedText) bool {
	if snap.sole == nil {
		o.sayEnded(snap)
		return false
	}
	if !t.read {
		return o.all
	}
	listed := o.all
	for _, r := range t.relations {
		table, known := snap.registry.Table(r.Schema, r.Name)
		switch {
		case known && table.Kind == catalog.Reference && r.Written && len(snap.nodes) > 1:
			return false // the rows of the other shards would stay as they are
		case o.tables[[2]string{r.Schema, r.Name}]:
			listed = true
		case o.all, known && table.Kind != catalog.Sharded, !known && r.MayBeCTE:
		default:
			return false
		}
	}
	return listed
}

// sayEnded logs, once, why statements that are configured to be observed are refused.
func (o *observer) sayEnded(snap *snapshot) {
	o.mu.Lock()
	said := o.ended
	o.ended = true
	o.mu.Unlock()
	if !said {
		o.log.Warn("keyway: nothing is observed: statements are refused, because no shard owns every slot and all home tables",
			"map_version", snap.slots.Version())
	}
}

// text returns what is known of a text, reading it when it is new.
func (o *observer) text(db *DB, snap *snapshot, sql string) *observedText {
	o.mu.Lock()
	t := o.texts[sql]
	o.mu.Unlock()
	if t != nil && t.version == snap.registry.Version {
		return t
	}
	t = newObservedText(db, snap, sql)
	if len(sql) > maxCachedText {
		return t
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.texts) >= maxCachedTexts {
		clear(o.texts)
	}
	o.texts[strings.Clone(sql)] = t
	return t
}

func newObservedText(db *DB, snap *snapshot, sql string) *observedText {
	t := &observedText{version: snap.registry.Version}
	normal, _ := sqltext.Normal(sql) // nothing is shown of what cannot be read
	t.fingerprint, t.shown = sqltext.Fingerprint(normal), bounded(normal)
	var err error
	t.relations, err = plan.Relations(sql, db.schema)
	t.read = err == nil
	if _, err := db.plans.Get(sql, snap.registry, db.schema, plan.Unscoped); err != nil { // else its arguments were refused
		_, err = db.plans.Scatter(sql, snap.registry, db.schema, false)
		t.scatters = err == nil
		_, err = db.plans.Get(sql, snap.registry, db.schema, plan.Scoped)
		t.withKey = err == nil
	}
	return t
}

// bounded cuts a text that is to be shown.
func bounded(s string) string {
	if len(s) <= maxObservedText {
		return s
	}
	at := maxObservedText - len("...")
	for !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at] + "..."
}

func (t *observedText) sighting(refusal *RefusedError) sighting {
	s := sighting{text: t, verdict: WouldBeRefused, reason: refusal.Reason, hint: refusal.Hint}
	const name = "name its key: router.WithKey, db.ForKey"
	switch {
	case t.scatters && t.withKey:
		s.verdict, s.hint = WouldScatter, name+", or read all shards with db.Scatter"
	case t.scatters:
		s.verdict, s.hint = WouldScatter, "read all shards with db.Scatter"
	case t.withKey:
		s.hint = name
	}
	return s
}
