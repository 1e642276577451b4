package lease

import (
	"fmt"
	"time"

	"github.com/keyway-go/keyway/pool/budget"
)

// A Request is what a process asks of the server. See [Member.Ask].
type Request struct {
	Holder Holder
	Seq    int64 // rises with every request of the process

	// Floor and Granted are what the process may use while it asks, by its own clock.
	Floor, Granted int

	Open    int  // connections charged in its pool: dialling, idle, in use, closing
	Want    int  // connections it has use for, its floor included
	Most    int  // connections it could use at all
	Weight  int  // of its demand beside others'; below 1 means 1
	Leaving bool // it opens none any more
}

// A Reply is the server's answer to a request.
type Reply struct {
	Seq     int64
	Floor   int    // what the process may have until its floor ends, counted from before it asked
	Granted int    // what it may have on top until its grant ends
	Reason  string // why Floor is 0

	Budget  Budget
	Members int // processes that have a place, this one included
	Waiting int // processes that ask for one
	Held    int // what is charged for this process on top of its floor
}

// Ledger is what the server knows when it answers: read under the budget's lock, rows after the time.
type Ledger struct {
	Now       time.Time
	Budget    Budget
	Since     time.Time // when the server became what it is; zero unless it failed over
	Rows      []Row
	Strangers int // backends of the budget that belong to no row
}

// A Decision is what the server writes and says.
type Decision struct {
	Stale  bool     // a later request of the process was answered before: nothing is written, nothing granted
	Write  *Row     // the process's row; nil when it has none
	Remove []string // holders whose rows are deleted
	Reply  Reply
}

// rules are switches that break the protocol, each in one place. Tests turn them on to see that the simulation notices.
type rules struct {
	noGrace       bool // rows are reclaimed when they expire
	grantOnly     bool // what is charged is what is granted
	noClaim       bool // what the process may still use is not charged
	replyClock    bool // a process counts from the reply
	noEvidence    bool // what the server shows is not charged
	noSequence    bool // requests that come late are answered
	noLearning    bool // a server that failed over grants at once
	noMemberTTL   bool // a process keeps its floor for ever
	floorForAll   bool // a process without a place gets a connection all the same
	monotonicOnly bool // a process does not look at its wall clock
}

// Decide answers a request. It is the whole of what the server side decides; the store only reads and writes.
func Decide(l Ledger, q Request) Decision { return rules{}.decide(l, q) }

func (ru rules) decide(l Ledger, q Request) Decision {
	d := ru.survey(l, q)
	if d.own != nil && q.Seq <= d.own.Seq && !ru.noSequence {
		return Decision{Stale: true}
	}
	floor, reason := d.floor()
	granted := d.grant(floor)
	row := d.row(floor, granted)
	out := Decision{Remove: d.gone, Write: &row}
	if q.Leaving && row.Floor+row.Held == 0 {
		out.Write = nil
		if d.own != nil {
			out.Remove = append(out.Remove, q.Holder.Name)
		}
	}
	members, waiting := d.places, d.waiting
	if row.Floor > 0 {
		members++
	}
	out.Reply = Reply{Seq: q.Seq, Floor: floor, Granted: granted, Reason: reason, Budget: l.Budget, Members: members,
		Waiting: waiting, Held: row.Held}
	return out
}

// survey is the ledger as one process sees it.
type survey struct {
	rules
	Ledger
	q       Request
	own     *Row     // nil when the process has no row
	others  []*Row   // that may still hold something
	gone    []string // holders of the rest
	places  int      // of others: those with a place
	waiting int      // of others: those without
	room    int      // what nobody is charged for and no absent process's floor needs; may be negative
}

func (ru rules) survey(l Ledger, q Request) *survey {
	s := &survey{rules: ru, Ledger: l, q: q, room: l.Budget.Connections - l.Budget.Reserve}
	if ru.noEvidence {
		s.Strangers = 0
	}
	s.room -= s.Strangers
	for i := range l.Rows {
		r := &l.Rows[i]
		if ru.noEvidence {
			r.Shown = 0
		}
		switch {
		case r.Holder.Name == q.Holder.Name:
			s.own = r
			continue
		case r.gone(l.Now):
			s.gone = append(s.gone, r.Holder.Name)
			continue
		case r.Floor > 0:
			s.places++
		case r.live(l.Now):
			s.waiting++
		}
		s.others = append(s.others, r)
		s.room -= r.charge(l.Now)
	}
	s.room -= l.Budget.Floor * s.absent()
	return s
}

// absent is how many processes the budget has a place for that are not there.
func (s *survey) absent() int { return max(0, s.Budget.Processes-s.places-1) }

// learningMembers and learningGrants report whether the server may have forgotten, by failing over, what is in use.
func (s *survey) learningMembers() bool { return s.learning(s.Budget.MemberTTL) }
func (s *survey) learningGrants() bool  { return s.learning(s.Budget.TTL) }

func (s *survey) learning(ttl time.Duration) bool {
	return !s.noLearning && !s.Since.IsZero() && s.Now.Before(s.Since.Add(ttl+s.Budget.Grace))
}

// floor is what the process may have from now on without a grant, and the reason when that is nothing. Who has a place
// keeps it, the oldest first when the budget has fewer places now.
func (s *survey) floor() (int, string) {
	want := s.Budget.Floor
	has := s.own != nil && s.own.Floor > 0
	switch {
	case s.q.Leaving:
		return 0, "it is closing"
	case s.learningMembers():
		if s.q.Floor > 0 {
			return min(want, s.q.Floor), ""
		}
		return 0, fmt.Sprintf("the server failed over, and processes that it forgot may still be using its connections; "+
			"it takes new ones in again in %s", s.Since.Add(s.Budget.MemberTTL+s.Budget.Grace).Sub(s.Now).Round(time.Second))
	case s.elders() >= s.Budget.Processes:
		if s.floorForAll {
			return 1, ""
		}
		return 0, fmt.Sprintf("all %d places of the budget are taken (by %d processes); it starts by itself when one ends, "+
			"or raise the number of processes with `keyway pool set`", s.Budget.Processes, s.places)
	case has:
		return max(min(s.own.Floor, want), min(want, s.room)), ""
	case s.room < want:
		return 0, "the connections of its place are still in use by others, which are giving them back"
	}
	return want, ""
}

// elders counts the places that come before the process's.
func (s *survey) elders() int {
	n := 0
	for _, r := range s.others {
		if r.Floor > 0 && (s.own == nil || s.own.Floor == 0 || r.Joined.Before(s.own.Joined) ||
			r.Joined.Equal(s.own.Joined) && r.Holder.Name < s.own.Holder.Name) {
			n++
		}
	}
	return n
}

// grant is what the process gets on top of its floor: its weighted max-min share of what is not anybody's floor, as far
// as others have let go of it. Floors that the budget has raised count in full, so that others make room for them.
func (s *survey) grant(floor int) int {
	if floor == 0 {
		return 0
	}
	elastic := s.Budget.Connections - s.Budget.Reserve - s.Strangers - max(floor, s.Budget.Floor) - s.Budget.Floor*s.absent()
	claims := []budget.Claim{claim(s.q.Holder.Name, s.q.Weight, floor, s.q.Want, s.q.Most)}
	for _, r := range s.others {
		if r.live(s.Now) && r.Floor > 0 {
			elastic -= max(r.Floor, s.Budget.Floor)
			claims = append(claims, claim(r.Holder.Name, r.Weight, r.Floor, r.Want, r.Most))
		} else {
			elastic -= r.charge(s.Now)
		}
	}
	granted := max(min(budget.Allocate(elastic, claims)[0], s.room-floor), 0)
	if s.learningGrants() {
		granted = min(granted, s.q.Granted)
	}
	return granted
}

func claim(id string, weight, floor, want, most int) budget.Claim {
	return budget.Claim{ID: id, Weight: weight, Demand: want - floor, Most: most - floor}
}

// row is what is written for the process. Charged is the most of what it gets, what it may be using while the reply
// is on its way (or lost), and what it has open.
func (s *survey) row(floor, granted int) Row {
	now, b := s.Now, s.Budget
	r := Row{Holder: s.q.Holder, Seq: s.q.Seq, Joined: now, Granted: granted, Open: s.q.Open, Want: s.q.Want,
		Most: s.q.Most, Weight: s.q.Weight, Expires: now.Add(b.TTL)}
	r.Reclaim, r.Remove = r.Expires.Add(b.Grace), now.Add(b.MemberTTL+b.Grace)
	if s.noGrace {
		r.Reclaim, r.Remove = r.Expires, now.Add(b.MemberTTL)
	}
	mayUse, mayUseFloor := s.q.Granted, s.q.Floor
	shown := 0
	if s.own != nil {
		shown = s.own.Shown
		if s.own.Floor > 0 {
			r.Joined = s.own.Joined
		}
		// A process whose times are over does not use what they were for, whatever it said when it asked.
		if !now.Before(s.own.Reclaim) {
			mayUse = 0
		}
		if !now.Before(s.own.Remove) {
			mayUseFloor = 0
		}
	} else if !s.learningMembers() {
		mayUse, mayUseFloor = 0, 0
	}
	if s.noClaim {
		mayUse, mayUseFloor = 0, 0
	}
	r.Floor = max(floor, mayUseFloor)
	r.Held = max(granted, mayUse, max(s.q.Open, shown)-r.Floor)
	if s.grantOnly {
		r.Floor, r.Held = floor, granted
	}
	switch {
	case s.q.Leaving:
		r.Expires = now
		r.Reclaim = now.Add(b.Grace)
		r.Remove = r.Reclaim
	case r.Floor == 0:
		r.Remove = r.Reclaim
	}
	if s.own != nil && !s.q.Leaving { // what was granted under longer times lasts as long as it was promised
		r.Reclaim, r.Remove = later(r.Reclaim, s.own.Reclaim), later(r.Remove, s.own.Remove)
	}
	return r
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
