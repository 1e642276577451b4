package pool

import (
	"context"
	"log/slog"
	"time"
)

const (
	// maxNews is how many events may be waiting for a slow handler; more are dropped.
	maxNews = 64

	// newsGap is the least time between two beginnings of the same trouble that are told. What comes and goes more
	// often than that is one trouble to an operator.
	newsGap = 10 * time.Second

	// overLimitNews is how long the pool may be over a lowered limit before it is told; see news.patience.
	overLimitNews = 30 * time.Second
)

// event is one line in the log, for what an operator must know: never for a statement, and for a state's beginning and
// end however often something fails in between. It has no secret and nothing of a statement in it.
type event struct {
	level slog.Level
	text  string
	attrs []slog.Attr
}

// news are the events on their way to the log. Guarded by the instance's mu.
type news struct {
	unsaid  []event
	telling bool // tell is running
	limited bool // the limit has changed before

	patience time.Duration // overLimitNews, but in tests

	unreachable, full, overLimit, forgotten trouble
}

// tellLocked sends an event to the log, from a goroutine of its own: handlers may block. mu must be held.
func (in *Instance) tellLocked(level slog.Level, text string, attrs ...slog.Attr) {
	if in.cfg.Log == nil || len(in.news.unsaid) >= maxNews || in.quietNoted {
		return
	}
	in.news.unsaid = append(in.news.unsaid, event{level, text, attrs})
	if !in.news.telling {
		in.news.telling = true
		in.backgroundLocked(in.tell)
	}
}

// tell empties the list of events.
func (in *Instance) tell() {
	for {
		in.mu.Lock()
		unsaid := in.news.unsaid
		in.news.unsaid = nil
		in.news.telling = len(unsaid) > 0
		in.mu.Unlock()
		if len(unsaid) == 0 {
			return
		}
		for _, e := range unsaid {
			e.attrs = append(e.attrs, slog.String("instance", in.cfg.Name))
			in.log(e)
		}
	}
}

func (in *Instance) log(e event) {
	defer in.recovered()
	in.cfg.Log.LogAttrs(context.Background(), e.level, "pool: "+e.text, e.attrs...)
}

// A trouble is a state that begins with the first failure and ends with the first success.
type trouble struct {
	since    time.Time // zero when there is none
	failures int64
	told     bool // of this one
	lastTold time.Time
}

// failed notes a failure and reports whether it is news: the first one, unless the one before was told a moment ago;
// then it is news if it lasts.
func (t *trouble) failed() bool {
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	t.failures++
	if t.told || now.Sub(t.lastTold) < newsGap {
		return false
	}
	t.told, t.lastTold = true, now
	return true
}

// ended notes a success and reports whether it is news, with how long the trouble was and how often it failed.
func (t *trouble) ended() (is bool, attrs []slog.Attr) {
	if t.since.IsZero() {
		return false, nil
	}
	is = t.told
	attrs = []slog.Attr{slog.Duration("lasted", time.Since(t.since)), slog.Int64("failures", t.failures)}
	*t = trouble{lastTold: t.lastTold}
	return is, attrs
}

// tellDialLocked is news of a dial's end. What the server said of one database or role does not say that it cannot be
// reached. The instance's mu must be held.
func (d *Database) tellDialLocked(err error) {
	in := d.in
	if err == nil {
		d.tellEndLocked(&in.news.unreachable, "the server can be reached again")
		d.tellEndLocked(&in.news.full, "the server has connection slots again")
		d.tellEndLocked(&d.refusing, "the server accepts connections to the database again")
		return
	}
	kind := dialErrorKind(err)
	switch {
	case in.closing, kind == givenUp: // nobody but ourselves has failed
	case kind == tooManyConnections:
		if in.news.full.failed() {
			in.tellLocked(slog.LevelWarn, "the server has no connection slot left", d.dialAttrs(kind)...)
		}
	case aboutTheServer(kind):
		if in.news.unreachable.failed() {
			in.tellLocked(slog.LevelError, "the server cannot be reached", d.dialAttrs(kind)...)
		}
	case d.refusing.failed():
		in.tellLocked(slog.LevelError, "the server refuses connections to a database", d.dialAttrs(kind)...)
	}
}

// aboutTheServer reports whether a dial's error concerns every database: it did not answer, or starts, stops or fails.
func aboutTheServer(kind string) bool {
	switch kind {
	case "timeout", "refused", "network":
		return true
	}
	return len(kind) == 5 && (kind[:2] == "57" || kind[:2] == "58" || kind[:2] == "08" || kind[:2] == "53")
}

func (d *Database) tellEndLocked(t *trouble, text string) {
	if is, attrs := t.ended(); is {
		d.in.tellLocked(slog.LevelInfo, text, append(attrs, d.dialAttrs("")...)...)
	}
}

func (d *Database) dialAttrs(kind string) []slog.Attr {
	attrs := []slog.Attr{slog.String("addr", addr(&d.conn.Config)), slog.String("database", d.name),
		slog.String("user", d.conn.User)}
	if kind != "" {
		attrs = append(attrs, slog.String("error", kind))
	}
	return attrs
}

// tellLimitLocked is news of a limit that is about to change. That a pool serves nobody before it has begun is nothing to
// warn of, and at its end it is no news. mu must be held.
func (in *Instance) tellLimitLocked(n int, reason string) {
	if in.closing || n == in.limit && reason == in.reason {
		return
	}
	attrs := []slog.Attr{slog.Int("from", in.limit), slog.Int("to", n)}
	if reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	begins := !in.news.limited && in.stat.Dials == 0
	in.news.limited = true
	switch {
	case n > 0:
		in.tellLocked(slog.LevelInfo, "the limit has changed", attrs...)
	case begins:
		in.tellLocked(slog.LevelInfo, "the limit is 0, nobody is served", attrs...)
	default:
		in.tellLocked(slog.LevelWarn, "the limit is 0, nobody is served", attrs...)
	}
}

// tellOverLimitLocked is called at every tick. mu must be held.
func (in *Instance) tellOverLimitLocked() {
	t := &in.news.overLimit
	attrs := func() []slog.Attr {
		return []slog.Attr{slog.Int("open", in.openLocked()), slog.Int("limit", in.limit), slog.Int("in_use", in.inUse),
			slog.Int("draining", in.drainingLocked())}
	}
	switch {
	case in.openLocked() <= in.limit:
		if is, lasted := t.ended(); is {
			in.tellLocked(slog.LevelInfo, "as many connections as the limit allows are open again", append(attrs(), lasted[0])...)
		}
	case t.since.IsZero():
		t.since = time.Now()
	case time.Since(t.since) > in.news.patience && t.failed():
		in.tellLocked(slog.LevelWarn, "more connections are open than the lowered limit allows, and work on them does not end",
			attrs()...)
	}
}

// tellForgottenLocked is news of a token that was given back on suspicion. mu must be held.
func (s *socket) tellForgottenLocked() {
	if s.in.news.forgotten.failed() {
		s.in.tellLocked(slog.LevelWarn, "a backend was not seen to end and is not counted any more; the server may have more "+
			"backends of this process than the limit", slog.Int("pid", int(s.pid.Load())),
			slog.String("database", s.db.name), slog.Int64("so_far", s.in.stat.Forgotten))
	}
	s.in.news.forgotten.ended() // each is by itself
}
