package plan

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/keyway-go/keyway/internal/catalog"
)

// maxCachedText bounds the texts that are kept. A longer one is an INSERT of many rows or a generated list, which
// hardly comes again, and its reading costs little beside its transport.
const maxCachedText = 16 << 10

// maxViews bounds how many combinations of registry version, schema and scope are kept at once. A process has one
// schema and six scopes, and for a moment two versions.
const maxViews = 16

// view is the part of a cache for one registry version, schema and scope: what a plan depends on besides its text. Its
// plans are found by text alone, because hashing a struct of several fields costs more than the rest of a hit.
type view struct {
	version int64
	schema  string
	scope   Scope
	entries sync.Map // string -> *cached
}

// cached is one plan or refusal.
type cached struct {
	view *view
	text string
	size int // see bytes
	plan *Plan
	err  error

	scatter *Scatter // in the views of the scattered scopes
	page    *Page    // in the views of the paged scopes

	// used is set by hits and cleared by the hand that looks for a place. It is only written when it changes, so that
	// a text that everybody uses is not a cache line that everybody writes.
	used atomic.Bool
}

// Cache keeps plans and refusals by text, registry version, schema and scope. It holds a bounded number, of bounded size
// together, and, when full, gives up one that was not used since the hand last passed (CLOCK). A hit takes no lock and
// allocates nothing.
//
// Not a true LRU: moving an entry to the front on every hit needs a lock, which costs more than the lookup itself.
//
// The zero value is not usable; call [NewCache].
type Cache struct {
	// views is replaced, never modified, by holders of mu. The newest is first.
	views atomic.Pointer[[]*view]

	taken []string // see Taken; not changed once plans are kept

	mu    sync.Mutex
	ring  []*cached // grows to its capacity, which is the bound; then entries are replaced at hand
	hand  int
	bytes int // of the entries in the ring, at most bytesEach for each of its capacity
}

// NewCache returns a cache of at most size plans, which have 16 KiB each on average at most. It panics when size is not
// positive.
func NewCache(size int) *Cache {
	if size <= 0 {
		panic("plan: NewCache: the size must be positive")
	}
	c := &Cache{ring: make([]*cached, 0, size)}
	c.views.Store(&[]*view{})
	return c
}

// Get returns what [Build] returns, reading text only when it is not in the cache. Texts of more than 16 KiB are read
// each time. Two goroutines that miss at once may both read the text.
func (c *Cache) Get(text string, reg *catalog.Registry, schema string, scope Scope) (*Plan, error) {
	if v := c.view(reg.Version, schema, scope); v != nil {
		if x, ok := v.entries.Load(text); ok {
			e := x.(*cached)
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e.plan, e.err
		}
	}
	plan, err := Build(text, reg, schema, scope)
	if err == nil && len(plan.newer) > 0 {
		if err = c.refuseTaken(plan.newer); err != nil {
			plan = nil
		}
	}
	if len(text) <= maxCachedText {
		c.keep(&cached{text: text, plan: plan, err: err}, reg.Version, schema, scope)
	}
	return plan, err
}

// The scopes of scatter plans and of pages in the cache.
const (
	scattered Scope = iota + Scoped + 1
	approximately
	paged
	pagedScoped
)

// Page returns what [BuildPage] returns, reading text only when it is not in the cache, as [Cache.Get] does.
func (c *Cache) Page(text string, reg *catalog.Registry, schema string, scope Scope) (*Page, error) {
	as := paged
	if scope == Scoped {
		as = pagedScoped
	}
	if v := c.view(reg.Version, schema, as); v != nil {
		if x, ok := v.entries.Load(text); ok {
			e := x.(*cached)
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e.page, e.err
		}
	}
	p, err := BuildPage(text, reg, schema, scope)
	if len(text) <= maxCachedText {
		c.keep(&cached{text: text, page: p, err: err}, reg.Version, schema, as)
	}
	return p, err
}

// Scatter returns what [BuildScatter] returns, reading text only when it is not in the cache, as [Cache.Get] does.
func (c *Cache) Scatter(text string, reg *catalog.Registry, schema string, approximate bool) (*Scatter, error) {
	scope := scattered
	if approximate {
		scope = approximately
	}
	if v := c.view(reg.Version, schema, scope); v != nil {
		if x, ok := v.entries.Load(text); ok {
			e := x.(*cached)
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e.scatter, e.err
		}
	}
	s, err := BuildScatter(text, reg, schema, approximate)
	if err == nil && len(s.newer) > 0 {
		if err = c.refuseTaken(s.newer); err != nil {
			s = nil
		}
	}
	if len(text) <= maxCachedText {
		c.keep(&cached{text: text, scatter: s, err: err}, reg.Version, schema, scope)
	}
	return s, err
}

func (c *Cache) view(version int64, schema string, scope Scope) *view {
	for _, v := range *c.views.Load() {
		if v.version == version && v.scope == scope && v.schema == schema {
			return v
		}
	}
	return nil
}

// keep puts a plan into the cache. The text is copied: it may be a part of something large.
func (c *Cache) keep(e *cached, version int64, schema string, scope Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.view(version, schema, scope)
	if v == nil {
		v = c.addViewLocked(version, schema, scope)
	}
	if _, ok := v.entries.Load(e.text); ok {
		return // another goroutine was faster
	}
	e.view, e.text = v, strings.Clone(e.text)
	if c.placeLocked(e) {
		v.entries.Store(e.text, e)
	}
}

// addViewLocked makes a view and forgets the oldest one over the bound, whose entries leave the ring as the hand
// passes them. mu must be held.
func (c *Cache) addViewLocked(version int64, schema string, scope Scope) *view {
	v := &view{version: version, schema: strings.Clone(schema), scope: scope}
	views := append([]*view{v}, *c.views.Load()...)
	views = views[:min(len(views), maxViews)]
	c.views.Store(&views)
	return v
}

// placeLocked puts e into the ring, in place of the first entry that was not used since the hand last passed it, and of
// as many more as are too large beside it. What alone is larger than all may be stays out. mu must be held.
func (c *Cache) placeLocked(e *cached) bool {
	e.size = e.bytes()
	most := bytesEach * cap(c.ring)
	if e.size > most {
		return false
	}
	for c.bytes+e.size > most {
		c.giveUpLocked()
		last := len(c.ring) - 1
		c.ring[c.hand], c.ring[last] = c.ring[last], nil
		c.ring = c.ring[:last]
		c.hand %= max(last, 1)
	}
	c.bytes += e.size
	if len(c.ring) < cap(c.ring) {
		c.ring = append(c.ring, e)
		return true
	}
	c.giveUpLocked()
	c.ring[c.hand] = e
	c.hand = (c.hand + 1) % len(c.ring)
	return true
}

// giveUpLocked moves the hand to the first entry that was not used since it last passed, and forgets that one. One turn
// of the hand clears every mark, and a hit may set one again, so the search is bounded by two turns. mu must be held.
func (c *Cache) giveUpLocked() {
	for range 2 * len(c.ring) {
		if !c.ring[c.hand].used.Swap(false) {
			break
		}
		c.hand = (c.hand + 1) % len(c.ring)
	}
	old := c.ring[c.hand]
	old.view.entries.Delete(old.text)
	c.bytes -= old.size
}

// Len returns the number of plans and refusals in the cache.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ring)
}
