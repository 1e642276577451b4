package lease

import (
	"errors"
	"fmt"
	"time"

	"github.com/keyway-go/keyway/pool/budget"
)

// A Budget is what all processes share on one server. The row in the server's home database rules; see [SetBudget].
type Budget struct {
	Connections int // that all processes together may have, Reserve included
	Processes   int // that may have connections at the same time, those that a deploy starts on top included
	Floor       int // what each of them may always have
	Reserve     int // kept for processes without a lease, which ask for one over a connection of their own

	TTL       time.Duration // how long a grant lasts without being renewed
	MemberTTL time.Duration // how long the floor does; after it a process has nothing
	Grace     time.Duration // how long after either the server waits before it gives connections to others
}

// Defaults of a Budget's times.
const (
	DefaultTTL       = 30 * time.Second
	DefaultMemberTTL = 2 * time.Minute
	DefaultGrace     = 20 * time.Second
)

const (
	longestTime     = 24 * time.Hour
	mostConnections = 1<<18 - 1 // the greatest max_connections
)

// margin is the part of a lease's life that its holder does not use: clocks may differ in rate by that much.
const margin = 50

// WithDefaults fills in what is zero: the times above, [budget.DefaultReserve] and [budget.DefaultFloor].
func (b Budget) WithDefaults() Budget {
	if b.Reserve == 0 {
		b.Reserve = budget.DefaultReserve(b.Connections)
	}
	if b.Floor == 0 {
		b.Floor = budget.DefaultFloor(b.Connections, b.Reserve, b.Processes)
	}
	if b.TTL == 0 {
		b.TTL = DefaultTTL
	}
	if b.MemberTTL == 0 {
		b.MemberTTL = DefaultMemberTTL
	}
	if b.Grace == 0 {
		b.Grace = DefaultGrace
	}
	return b
}

// Elastic is what is left for grants when every process has its floor.
func (b Budget) Elastic() int { return b.Connections - b.Reserve - b.Processes*b.Floor }

// Heartbeat is the mean time between two renewals: a sixth of TTL.
func (b Budget) Heartbeat() time.Duration { return b.TTL / 6 }

// Validate says what is wrong with the numbers, each in a sentence, or nil.
func (b Budget) Validate() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("lease: "+format, args...))
		}
	}
	wrong(b.Processes < 1, "a budget is for at least 1 process, not %d", b.Processes)
	wrong(b.Floor < 1, "each process needs a floor of at least 1 connection, not %d", b.Floor)
	wrong(b.Reserve < 1, "at least 1 connection must be in reserve, not %d: a process asks for its lease over it", b.Reserve)
	wrong(b.TTL < 100*time.Millisecond, "a TTL of %s is shorter than 100ms", b.TTL)
	wrong(b.MemberTTL < b.TTL, "a member TTL of %s is shorter than the TTL of %s", b.MemberTTL, b.TTL)
	wrong(b.Grace < 0, "a grace of %s is negative", b.Grace)
	for _, d := range []struct {
		name string
		time time.Duration
	}{{"TTL", b.TTL}, {"member TTL", b.MemberTTL}, {"grace", b.Grace}} {
		wrong(d.time > longestTime, "a %s of %s is longer than %s: what a process that was killed holds is kept from others "+
			"for that time", d.name, d.time, longestTime)
	}
	for _, n := range []struct {
		name  string
		count int
	}{{"connections", b.Connections}, {"processes", b.Processes}, {"connections for each process", b.Floor},
		{"connections in reserve", b.Reserve}} {
		if n.count > mostConnections {
			return errors.Join(append(errs, fmt.Errorf("lease: %d %s are more than a server can ever have, which is %d",
				n.count, n.name, mostConnections))...) // and more than can be calculated with
		}
	}
	wrong(b.TTL%time.Millisecond+b.MemberTTL%time.Millisecond+b.Grace%time.Millisecond != 0, "times are whole milliseconds")
	if b.Processes >= 1 && b.Floor >= 1 && b.Reserve >= 1 && b.Elastic() < 0 {
		need := b.Processes*b.Floor + b.Reserve
		hint := fmt.Sprintf("raise the connections to %d", need)
		if fit := (b.Connections - b.Reserve) / b.Floor; fit > 0 {
			hint += fmt.Sprintf(", or lower the processes to %d", fit)
		}
		errs = append(errs, fmt.Errorf("lease: %d connections are too few for %d processes with %d each and %d in reserve, "+
			"which is %d: %s", b.Connections, b.Processes, b.Floor, b.Reserve, need, hint))
	}
	return errors.Join(errs...)
}

// Fits says in a sentence when the server has fewer connections than the budget gives away, or nil.
func (b Budget) Fits(s budget.Server) error {
	if usable := s.Usable(); b.Connections > usable {
		return fmt.Errorf("lease: the budget has %d connections, and the server has %d for the services (%s): set it to %d "+
			"or less, or raise the server's limit", b.Connections, usable, s, usable)
	}
	return nil
}

// Crowded says in a sentence when other roles hold connections now that the budget gives away, or nil.
func (b Budget) Crowded(s budget.Server) error {
	if left := s.Left(); b.Connections > left {
		return fmt.Errorf("lease: the budget has %d connections, and the server has %d for the services beside the %d that "+
			"other roles hold now (%s): set it to %d or less, or find out who the others are", b.Connections, left, s.Others,
			s, left)
	}
	return nil
}
