package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

const (
	refreshTime = 2 * time.Second        // the longest read of a map
	learnPause  = 250 * time.Millisecond // between looks that failed statements ask for
)

// loader keeps the snapshot up to date: it listens in the catalog's database, looks there now and then, reads the map
// when a shard refuses a slot, and verifies shards that were down. It never installs an older map.
//
// Its goroutines are watch and the reads it starts; Open starts watch, stop ends all and waits.
type loader struct {
	db  *DB
	log *slog.Logger

	ctx    context.Context // ends every goroutine
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// raised has a token when the limit of the catalog's instance has risen: there may be a connection for listening.
	raised chan struct{}

	// mu guards the fields below. It is never held while talking to a server.
	mu      sync.Mutex
	stopped bool
	reading *flight            // the read of the map in progress
	wake    context.CancelFunc // ends the wait for a notification
	looked  time.Time          // when watch last looked
	learned time.Time          // when a statement last made the registry be read
	learn   *flight            // the read of the registry in progress

	installing sync.Mutex // held while the snapshot is replaced; taken last
}

// flight is one read that several callers wait for.
type flight struct {
	done chan struct{}
	err  error // set before done is closed
}

func newLoader(db *DB) *loader {
	ctx, cancel := context.WithCancel(context.Background())
	return &loader{db: db, log: db.opts.log, ctx: ctx, cancel: cancel, learned: time.Now(),
		raised: make(chan struct{}, 1)}
}

func (l *loader) start() { l.wg.Go(l.watch) }

// stop ends the goroutines and waits for them. It may be called again.
func (l *loader) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.cancel()
	l.wg.Wait()
}

// poke makes watch look now, unless it did a moment ago.
func (l *loader) poke() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake != nil && time.Since(l.looked) > learnPause {
		l.wake()
	}
}

// watch looks at the catalog for as long as the DB is open.
func (l *loader) watch() {
	for l.ctx.Err() == nil {
		err := l.listen()
		if errors.Is(err, pool.ErrNoControl) {
			err = l.poll()
		}
		if err == nil || l.ctx.Err() != nil {
			continue
		}
		l.log.Warn("keyway: cannot listen for changes of the slot map; looking at the shards now and then",
			"catalog", string(l.db.cfg.Catalog), "error", err.Error())
		l.lookWithoutCatalog()
		l.awaitLook()
	}
}

// limitRose makes watch try to listen if it does not.
func (l *loader) limitRose() {
	select {
	case l.raised <- struct{}{}:
	default:
	}
}

// awaitLook waits for the time of the next look, without listening.
func (l *loader) awaitLook() {
	ctx, cancel := l.interval()
	defer cancel()
	select {
	case <-ctx.Done():
	case <-l.raised:
	}
}

// interval returns a context that ends after one poll interval, give or take a fifth so that processes spread out, or
// by poke.
func (l *loader) interval() (context.Context, context.CancelFunc) {
	spread := 0.8 + 0.4*rand.Float64()
	ctx, cancel := context.WithTimeout(l.ctx, time.Duration(float64(l.db.opts.poll)*spread))
	l.mu.Lock()
	l.wake = cancel
	l.mu.Unlock()
	return ctx, cancel
}

// listen holds the instance's control connection and looks whenever it is notified or the interval has passed. It
// returns when the connection is lost.
func (l *loader) listen() error {
	n := l.db.nodes[l.db.cfg.Catalog]
	conn, err := n.direct.Instance().Control(l.ctx, n.direct)
	if err != nil {
		return pgerr.Public(err)
	}
	defer conn.Discard()
	if _, err := conn.Exec(l.ctx, "listen "+catalog.MapChannel+"; listen "+catalog.RegistryChannel); err != nil {
		return pgerr.Public(err)
	}
	for {
		if err := l.look(conn); err != nil {
			return pgerr.Public(err)
		}
		ctx, cancel := l.interval()
		_, err := conn.Conn().WaitForNotification(ctx)
		waited := ctx.Err() != nil
		cancel()
		if l.ctx.Err() != nil {
			return l.ctx.Err()
		}
		if err != nil && !waited {
			return pgerr.Public(err)
		}
	}
}

// poll looks once over an ordinary connection, for a budget too small to keep one for listening, and waits for the next
// look.
func (l *loader) poll() error {
	if err := l.look(l.db.nodes[l.db.cfg.Catalog].db); err != nil {
		return pgerr.Public(err)
	}
	l.awaitLook()
	return nil
}

// look reads the map and the registry of the catalog's database and tries the shards that are down.
func (l *loader) look(q catalog.Querier) error {
	ctx, cancel := context.WithTimeout(l.ctx, 2*refreshTime)
	defer cancel()
	m, err := catalog.ReadMap(ctx, q)
	if err != nil {
		return err
	}
	l.installMap(m, "catalog "+string(l.db.cfg.Catalog))
	r, err := catalog.ReadRegistry(ctx, q)
	if err != nil {
		return err
	}
	if r.Version != l.db.current.Load().registry.Version {
		l.agree(ctx)
	}
	l.tryDown()
	l.retryFailed()
	l.sampleSettings()
	l.db.observer.writeDue(observedLogTime)
	l.mu.Lock()
	l.looked = time.Now()
	l.mu.Unlock()
	return nil
}

// lookWithoutCatalog takes the newest copy of the map that a shard has.
func (l *loader) lookWithoutCatalog() {
	ctx, cancel := context.WithTimeout(l.ctx, refreshTime)
	defer cancel()
	for _, n := range l.db.sortedNodes() {
		if n.down.Load() != nil || n.id == l.db.cfg.Catalog {
			continue
		}
		if m, err := catalog.ReadMap(ctx, n.db); err == nil {
			l.installMap(m, "copy on "+string(n.id))
		}
	}
	l.tryDown()
	l.retryFailed()
	l.sampleSettings()
}

// tryDown verifies the shards that are down.
func (l *loader) tryDown() {
	for _, n := range l.db.sortedNodes() {
		o := n.down.Load()
		if o == nil || l.ctx.Err() != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(l.ctx, refreshTime)
		err := l.db.reverify(ctx, n)
		cancel()
		if err != nil {
			n.down.Store(&outage{since: o.since, err: err})
			continue
		}
		n.down.Store(nil)
		l.log.Info("keyway: shard is back and verified", "shard", string(n.id), "instance", n.instance)
	}
}

// sampleSettings looks at the settings of one backend of each shard behind a pooler that shares backends: another client
// of the role may have changed them. Such a shard is down until they are right again.
func (l *loader) sampleSettings() {
	for _, n := range l.db.sortedNodes() {
		if n.down.Load() != nil || n.db.Pooling() != pool.TransactionPooling || l.ctx.Err() != nil {
			continue
		}
		var wrong *SettingsError
		if err := l.sample(n); errors.As(err, &wrong) {
			n.down.Store(&outage{since: time.Now(), err: wrong})
			l.log.Error("keyway: nothing is sent to the shard, because the settings of its backends have changed",
				"shard", string(n.id), "instance", n.instance, "error", wrong.Error())
		}
	}
}

func (l *loader) sample(n *node) error {
	ctx, cancel := context.WithTimeout(l.ctx, refreshTime)
	defer cancel()
	conn, err := n.db.Acquire(pool.WithClass(ctx, pool.Control))
	if err != nil {
		return err
	}
	defer conn.Release()
	return l.db.cfg.checkSettings(ctx, conn.Conn())
}

// refresh reads the map after shard n refused a slot: its own copy, which the refusal comes from, and the catalog's.
// Calls that come while a read is going on share it.
func (l *loader) refresh(ctx context.Context, n *node) error {
	return l.share(ctx, &l.reading, func() error {
		ctx, cancel := context.WithTimeout(l.ctx, refreshTime)
		defer cancel()
		version := l.db.current.Load().slots.Version()
		m, err := catalog.ReadMap(ctx, n.db)
		if err == nil {
			l.installMap(m, "copy on "+string(n.id))
		}
		if l.db.current.Load().slots.Version() > version {
			return nil
		}
		c := l.db.nodes[l.db.cfg.Catalog]
		m, err2 := catalog.ReadMap(ctx, c.db)
		if err2 == nil {
			l.installMap(m, "catalog "+string(c.id))
			return nil
		}
		return errors.Join(err, err2)
	})
}

// relearn reads the registry after a statement named something it does not know, unless that was done a moment ago.
func (l *loader) relearn(ctx context.Context) error {
	l.mu.Lock()
	recent := time.Since(l.learned) < learnPause && l.learn == nil
	l.mu.Unlock()
	if recent {
		return nil
	}
	return l.share(ctx, &l.learn, func() error {
		ctx, cancel := context.WithTimeout(l.ctx, refreshTime)
		defer cancel()
		l.agree(ctx)
		l.mu.Lock()
		l.learned = time.Now()
		l.mu.Unlock()
		return nil
	})
}

// share runs read in a goroutine of the loader's, or waits for the one in *slot.
func (l *loader) share(ctx context.Context, slot **flight, read func() error) error {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return ErrClosed
	}
	f := *slot
	if f == nil {
		f = &flight{done: make(chan struct{})}
		*slot = f
		l.wg.Go(func() {
			f.err = read()
			l.mu.Lock()
			*slot = nil
			l.mu.Unlock()
			close(f.done)
		})
	}
	l.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// installMap replaces the map by a newer one.
func (l *loader) installMap(m *shard.Map, from string) {
	l.installing.Lock()
	defer l.installing.Unlock()
	cur := l.db.current.Load()
	switch {
	case m.Version() < cur.slots.Version():
		return
	case m.Version() == cur.slots.Version():
		if !m.Equal(cur.slots) {
			l.log.Error("keyway: two slot maps have the same version and differ; keeping the first one seen",
				"version", m.Version(), "from", from)
		}
		return
	}
	l.db.current.Store(newSnapshot(m, cur.registry, l.db.nodes))
	l.log.Info("keyway: new slot map", "version", m.Version(), "from", from)
}

// agree replaces the registry when all shards that are up have the same one. While a migration is on its way over the
// shards they differ, and the old one stays: what it routes is right everywhere.
func (l *loader) agree(ctx context.Context) {
	found := map[int64][]string{}
	var registry *catalog.Registry
	for _, n := range l.db.sortedNodes() {
		if n.down.Load() != nil {
			continue
		}
		r, err := catalog.ReadRegistry(ctx, n.db)
		if err != nil {
			continue
		}
		registry = r
		found[r.Version] = append(found[r.Version], string(n.id))
	}
	switch {
	case len(found) == 0:
		return
	case len(found) > 1:
		l.log.Warn("keyway: the shards have different tables, so the registry of before is kept; a migration is on its "+
			"way, or has stopped half-way", "shards", fmt.Sprint(slices.Sorted(joinedGroups(found))))
		return
	}
	l.installing.Lock()
	defer l.installing.Unlock()
	cur := l.db.current.Load()
	if cur.registry.Version == registry.Version {
		return
	}
	l.db.current.Store(newSnapshot(cur.slots, registry, l.db.nodes))
	l.log.Info("keyway: new registry of tables", "tables", len(registry.Tables()))
}

// joinedGroups gives each group of shards that agree as one word.
func joinedGroups(found map[int64][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for group := range maps.Values(found) {
			if !yield(strings.Join(group, "+")) {
				return
			}
		}
	}
}
