package lease

import "time"

// A Reading is a process's two clocks, each counted from a moment of its own. The monotonic one stands still while a
// machine is suspended; the other can be set back.
type Reading struct{ Monotonic, Wall time.Duration }

// since is how long ago then was, by the clock that says longer.
func (r Reading) since(then Reading) time.Duration {
	return max(r.Monotonic-then.Monotonic, r.Wall-then.Wall)
}

// Load is what a process says of its pool when it asks.
type Load struct {
	Open, Want, Most, Weight int
	Leaving                  bool
}

// Member is the process's side of the protocol: what it may have open at a given moment, by what it was granted and its
// own clocks. It is not safe for concurrent use.
type Member struct {
	rules  rules
	holder Holder
	seq    int64
	asked  Reading // when the request was sent that waits for its reply
	waits  bool    // one does

	floor, grant promise
	left         bool
}

// promise is a number of connections that may be used for a time.
type promise struct {
	n    int
	from Reading
	life time.Duration
}

func (p promise) at(ru rules, now Reading) int {
	age := now.since(p.from)
	if ru.monotonicOnly {
		age = now.Monotonic - p.from.Monotonic
	}
	if age >= p.life {
		return 0
	}
	return p.n
}

// left is how long the promise lasts from now on.
func (p promise) left(now Reading) time.Duration { return max(p.life-now.since(p.from), 0) }

// NewMember makes a process that has asked for nothing yet.
func NewMember(h Holder) *Member { return &Member{holder: h} }

// Allowance is how many connections the process may have open now: its floor and what is granted on top. It must open
// none that exceeds their sum; what is open already may end in its own time.
func (m *Member) Allowance(now Reading) (floor, granted int) {
	floor = m.floor.at(m.rules, now)
	if floor == 0 {
		return 0, 0
	}
	return floor, m.grant.at(m.rules, now)
}

// Ask makes the next request. The reply to any earlier one is ignored from now on: the server may have answered this
// one first. A member that has said that it is leaving has no allowance any more.
func (m *Member) Ask(now Reading, l Load) Request {
	if l.Leaving {
		m.floor, m.grant, m.left = promise{}, promise{}, true
	}
	m.seq++
	m.asked, m.waits = now, true
	floor, granted := m.Allowance(now)
	return Request{Holder: m.holder, Seq: m.seq, Floor: floor, Granted: granted, Open: l.Open, Want: l.Want, Most: l.Most,
		Weight: l.Weight, Leaving: m.left}
}

// Answer takes a reply in and reports whether it was the one awaited. Its times count from when the question was asked,
// not from now: the server may have written the lease at any moment between.
func (m *Member) Answer(now Reading, r Reply) bool {
	if !m.waits || r.Seq != m.seq || m.left {
		return false
	}
	m.waits = false
	from, usable := m.asked, func(ttl time.Duration) time.Duration { return ttl - ttl/margin }
	if m.rules.replyClock {
		from, usable = now, func(ttl time.Duration) time.Duration { return ttl + ttl/margin }
	}
	m.floor = promise{r.Floor, from, usable(r.Budget.MemberTTL)}
	m.grant = promise{r.Granted, from, usable(r.Budget.TTL)}
	if m.rules.noMemberTTL {
		m.floor.life = 1 << 62
	}
	return true
}

// Abandon gives up on the reply: should it come after all, it is ignored.
func (m *Member) Abandon() { m.waits = false }
