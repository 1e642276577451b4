package router

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/callsite"
	"github.com/keyway-go/keyway/pool"
)

// The log lines of observe mode. Both have "count": how many statements since the last line about the same.
const (
	// ObservedMessage is the message of a line about one [Observation], whose fields are its attributes.
	ObservedMessage = "keyway: a statement is observed"

	// NotKeptMessage is the message of a line about statements beyond the [MaxObservations].
	NotKeptMessage = "keyway: more statements are observed than are kept apart"
)

// MaxObservations is how many observations a [DB] keeps apart. What comes beyond them is only counted.
const MaxObservations = 1000

// The verdicts of observations.
const (
	WouldScatter    = "scatter" // [DB.Scatter] takes it
	WouldBeRefused  = "refused"
	observedLogTime = time.Minute // between two lines about the same observation
)

// Observation is what [Config].Observe let run from one place in the program. There is no value of a row in it.
type Observation struct {
	Fingerprint string    `json:"fingerprint"` // 16 hexadecimal digits, the same for texts that differ in constants only
	Site        string    `json:"site"`        // "pkg.Func file.go:12": the innermost place outside this module, pgx and query layers
	Verdict     string    `json:"verdict"`     // [WouldScatter] or [WouldBeRefused]
	Reason      string    `json:"reason"`      // as in [RefusedError]
	Statement   string    `json:"statement"`   // without constants, 2 kB at most; empty when the text could not be read
	Hint        string    `json:"hint"`        // what to write instead; may be empty
	Count       int64     `json:"count"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
}

// ObservedStat counts statements that ran although they were refused, because [Config].Observe lets them.
type ObservedStat struct {
	Scatter int64 // those that [DB.Scatter] takes
	Refused int64 // all others
	NotKept int64 // of both, those that are not among the observations of [DB.Observed]
	InForce bool  // Config.Observe is given, and one shard owns every slot and all home tables
}

// Observed returns what [Config].Observe let run since [Open], most often seen first.
func (db *DB) Observed() []Observation {
	if db.observer == nil {
		return nil
	}
	return db.observer.list()
}

// observer decides what observe mode lets run, and counts it. Nil is no observe mode.
type observer struct {
	all    bool
	tables map[[2]string]bool // schema and name
	log    *slog.Logger

	// mu guards the fields below. It is not held while lines are written.
	mu    sync.Mutex
	now   func() time.Time
	seen  map[observedAt]*observed
	rest  observed // what is not kept apart
	stat  ObservedStat
	texts map[string]*observedText // by text; emptied when it is full
	ended bool                     // that the mode is not in force was said
}

// observedAt is what observations are kept apart by.
type observedAt struct{ fingerprint, site string }

// observed is an observation and what of it the log has not said yet.
type observed struct {
	Observation
	logged   time.Time
	unlogged int64
}

func newObserver(c Config, log *slog.Logger) *observer {
	if len(c.Observe) == 0 {
		return nil
	}
	o := &observer{
		tables: map[[2]string]bool{}, log: log, now: time.Now,
		seen: map[observedAt]*observed{}, texts: map[string]*observedText{},
	}
	for _, name := range c.Observe {
		if name == observeAll {
			o.all = true
			continue
		}
		schema, table, qualified := strings.Cut(name, ".")
		if !qualified {
			schema, table = c.schema(), name
		}
		o.tables[[2]string{schema, table}] = true
	}
	return o
}

// sighting is one statement that is about to run.
type sighting struct {
	text    *observedText
	verdict string
	reason  string
	hint    string
}

// observedRun is on the [ShardDB] of what observe mode lets run.
type observedRun struct {
	snap    *snapshot // by whose map the shard owns every slot
	refusal error     // the answer when it turns out not to
	all     []sighting
}

// begin asks the shard, on the connection the statements will have, whether it still owns every slot: the map of the
// snapshot may be old, and nothing on the server refuses a read.
func (r *observedRun) begin(ctx context.Context, s *ShardDB, conn *pool.Conn) error {
	var owns bool
	err := conn.QueryRow(ctx, ownsSlots, pgx.QueryExecModeExec, r.snap.owned[0].text).Scan(&owns)
	if err != nil {
		return s.fail(err)
	}
	if !owns {
		_ = s.db.loader.refresh(ctx, s.node) // for the calls to come; this one is refused under any map
		return r.refusal
	}
	s.db.observer.count(r.all)
	return nil
}

// count adds statements of one call and writes what is due.
func (o *observer) count(all []sighting) {
	var pcs [64]uintptr
	site := callsite.Short(callsite.FindBeyondDrivers(pcs[:runtime.Callers(2, pcs[:])]))
	var lines []observed
	o.mu.Lock()
	now := o.now()
	for _, s := range all {
		lines = append(lines, o.addLocked(s, site, now).dueLocked(now, observedLogTime)...)
	}
	o.mu.Unlock()
	o.write(lines)
}

// addLocked counts a statement and returns what it is counted in. mu must be held.
func (o *observer) addLocked(s sighting, site string, now time.Time) *observed {
	if s.verdict == WouldScatter {
		o.stat.Scatter++
	} else {
		o.stat.Refused++
	}
	at := observedAt{s.text.fingerprint, site}
	x := o.seen[at]
	switch {
	case x != nil:
	case len(o.seen) < MaxObservations:
		x = &observed{Observation: Observation{
			Fingerprint: at.fingerprint, Site: site, Statement: s.text.shown, First: now,
		}}
		o.seen[at] = x
	default:
		o.stat.NotKept++
		x = &o.rest
	}
	x.Verdict, x.Reason, x.Hint, x.Last = s.verdict, s.reason, s.hint, now
	x.Count++
	x.unlogged++
	return x
}

// dueLocked returns the line that is to be written, if the last one is old enough. The observer's mu must be held.
func (x *observed) dueLocked(now time.Time, after time.Duration) []observed {
	if x.unlogged == 0 || !x.logged.IsZero() && now.Sub(x.logged) < after {
		return nil
	}
	line := *x
	x.logged, x.unlogged = now, 0
	return []observed{line}
}

// writeDue writes what was counted and not written for as long as that.
func (o *observer) writeDue(after time.Duration) {
	if o == nil {
		return
	}
	var lines []observed
	o.mu.Lock()
	now := o.now()
	for _, x := range o.seen {
		lines = append(lines, x.dueLocked(now, after)...)
	}
	lines = append(lines, o.rest.dueLocked(now, after)...)
	o.mu.Unlock()
	slices.SortFunc(lines, func(a, b observed) int { return compareObservations(a.Observation, b.Observation) })
	o.write(lines)
}

func (o *observer) write(lines []observed) {
	for _, x := range lines {
		if x.Fingerprint == "" {
			o.log.Warn(NotKeptMessage, "count", x.unlogged, "kept", MaxObservations)
			continue
		}
		o.log.Info(ObservedMessage, "fingerprint", x.Fingerprint, "site", x.Site, "verdict", x.Verdict, "reason", x.Reason,
			"count", x.unlogged, "statement", x.Statement, "hint", x.Hint)
	}
}

func (o *observer) list() []Observation {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]Observation, 0, len(o.seen))
	for _, x := range slices.Collect(maps.Values(o.seen)) {
		all = append(all, x.Observation)
	}
	slices.SortFunc(all, compareObservations)
	return all
}

func compareObservations(a, b Observation) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Site, b.Site))
}

func (o *observer) counts(snap *snapshot) ObservedStat {
	if o == nil {
		return ObservedStat{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stat
	s.InForce = snap.sole != nil
	return s
}
