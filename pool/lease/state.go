package lease

import (
	"fmt"
	"time"
)

// A Mode is how a process stands with a server.
type Mode uint8

// The modes, worst first.
const (
	NotReady Mode = iota // it may hold no connection
	Safe                 // its lease was not renewed in time: it works with its floor
	Leased               // it holds its floor and what is granted on top
)

func (m Mode) String() string {
	switch m {
	case Leased:
		return "leased"
	case Safe:
		return "safe"
	}
	return "not ready"
}

// State is what one process has of one server's budget, for people and for readiness checks.
type State struct {
	Instance string
	Mode     Mode
	Reason   string // why it is not Leased; empty when it is

	Limit   int           // connections it may have open: Floor + Granted
	Floor   int           // of them, what it may always have
	Granted int           // and what is granted on top
	Held    int           // what it was charged for on top of its floor, by the last reply
	Open    int           // connections of its pool
	Want    int           // what it last said it wanted
	Expires time.Duration // until the grant ends if it is not renewed; in Safe mode until the floor does

	Budget  Budget    // as of the last reply
	Members int       // processes that have a place, as of the last reply
	Waiting int       // processes that wait for one
	Renewed time.Time // when the last reply came; zero if none did
	Err     error     // of the last request; nil when it succeeded
}

func (s State) String() string {
	text := fmt.Sprintf("%s: %s, limit %d (floor %d, granted %d), open %d, want %d", s.Instance, s.Mode, s.Limit, s.Floor,
		s.Granted, s.Open, s.Want)
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}
