package faultproxy

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Match says at which message a rule acts. Exactly one of Frontend, Message and
// Backend must be set.
type Match struct {
	// Frontend is the beginning of a statement, such as "commit" or "insert into
	// orders", compared without regard to case and leading space. The rule acts
	// at the message that executes it: a Query, or the Execute of a statement
	// that was parsed with this text. "commit" also begins COMMIT PREPARED.
	Frontend string
	// Message is the name of any message of a client: "StartupMessage",
	// "CancelRequest", "Query", "Parse", "Bind", "Execute", "Sync", "Terminate"...
	Message string
	// Backend is the name of a message of the server, such as "ReadyForQuery",
	// or "CommandComplete COMMIT" for a command tag that begins so.
	Backend string
	// Skip is how many matching messages pass before the rule acts.
	Skip int
	// Times is how often the rule acts. Zero means once, negative always.
	Times int
}

// Action is what happens at a matching message. The zero value does nothing.
type Action struct {
	kind  actionKind
	delay time.Duration
	do    func()
	code  string
}

type actionKind uint8

const (
	pass actionKind = iota
	cutBefore
	cutAfter
	loseReply
	swallowReply
	hold
	holdReply
	delayed
	call
	fatal
)

var (
	// CutBefore closes the connection on both sides instead of forwarding the message.
	CutBefore = Action{kind: cutBefore}
	// CutAfter forwards the message, drops the answer and closes the client's side. The
	// server reads the message to its end; nobody waits for what it makes of it. A client
	// may ask it to cancel: add a rule for CancelRequest where that would change the story.
	CutAfter = Action{kind: cutAfter}
	// LoseReply forwards the message, waits until the server has answered it, drops
	// the answer and closes the connection: done, and the client cannot know.
	LoseReply = Action{kind: loseReply}
	// SwallowReply forwards the message and drops the answer. The connection stays
	// open; the client waits for an answer that never comes.
	SwallowReply = Action{kind: swallowReply}
	// Hold keeps the message, and all that follow it in this direction on this
	// connection, until Rule.Release.
	Hold = Action{kind: hold}
	// HoldReply forwards the message and keeps the answer until Rule.Release.
	HoldReply = Action{kind: holdReply}
)

// Delay forwards the message after d.
func Delay(d time.Duration) Action { return Action{kind: delayed, delay: d} }

// Do calls f, then forwards the message: to kill the server at this very moment.
func Do(f func()) Action { return Action{kind: call, do: f} }

// Fatal answers the message as a server that ends the session: an ErrorResponse
// of severity FATAL with the SQLSTATE, such as 57P01, and the end of the
// connection. The message is not forwarded.
func Fatal(sqlstate string) Action { return Action{kind: fatal, code: sqlstate} }

// Rule is an action that waits for its message.
type Rule struct {
	match  Match
	action Action

	hit      chan struct{} // closed when the rule acts for the first time
	released chan struct{} // closed by Release
	once     sync.Once

	mu      sync.Mutex
	skip    int
	left    int // negative: no end
	hits    int
	removed bool
}

// newRule panics when the match says nothing or something that cannot happen:
// such a rule would never act, and its test would pass for the wrong reason.
func newRule(m Match, a Action) *Rule {
	set := 0
	for _, s := range []string{m.Frontend, m.Message, m.Backend} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		panic("faultproxy: a Match needs exactly one of Frontend, Message and Backend")
	}
	if m.Message != "" && !isName(frontendNames, m.Message) && !isName(startupNames, m.Message) {
		panic(fmt.Sprintf("faultproxy: clients send no message %q", m.Message))
	}
	name, _, _ := strings.Cut(m.Backend, " ")
	if m.Backend != "" && !isName(backendNames, name) {
		panic(fmt.Sprintf("faultproxy: servers send no message %q", name))
	}
	if m.Backend != "" && a.needsReply() {
		panic("faultproxy: an answer has no answer: match the client's message to lose or hold the reply")
	}
	if isName(startupNames, m.Message) && a.kind == cutAfter {
		panic("faultproxy: a first message cannot be cut after: use CutBefore or LoseReply")
	}
	left := m.Times
	if left == 0 {
		left = 1
	}
	return &Rule{
		match: m, action: a, skip: m.Skip, left: left,
		hit: make(chan struct{}), released: make(chan struct{}),
	}
}

func (a Action) needsReply() bool {
	return a.kind == loseReply || a.kind == swallowReply || a.kind == holdReply || a.kind == fatal
}

// Hit is closed when the rule acts for the first time.
func (r *Rule) Hit() <-chan struct{} { return r.hit }

// Hits is how often the rule acted.
func (r *Rule) Hits() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hits
}

// Release lets go what Hold or HoldReply keeps, now and from now on. A message
// whose client has gone in the meantime still reaches the server, as a late
// packet would.
func (r *Rule) Release() { r.once.Do(func() { close(r.released) }) }

// Remove ends the rule and releases what it holds.
func (r *Rule) Remove() {
	r.mu.Lock()
	r.removed = true
	r.mu.Unlock()
	r.Release()
}

// take reports whether the rule acts on this matching message.
func (r *Rule) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.removed || r.left == 0 {
		return false
	}
	if r.skip > 0 {
		r.skip--
		return false
	}
	if r.left > 0 {
		r.left--
	}
	r.hits++
	if r.hits == 1 {
		close(r.hit)
	}
	return true
}

// of reports whether the match describes the message.
func (m Match) of(msg message) bool {
	switch {
	case m.Backend != "":
		name, tag, _ := strings.Cut(m.Backend, " ")
		return msg.backend && msg.name == name && beginsWith(msg.text, tag)
	case msg.backend:
		return false
	case m.Message != "":
		return msg.name == m.Message
	default:
		return (msg.name == "Query" || msg.name == "Execute") && beginsWith(msg.text, m.Frontend)
	}
}

// beginsWith ignores case and leading space.
func beginsWith(text, start string) bool {
	text, start = strings.TrimLeft(text, " \t\r\n"), strings.TrimLeft(start, " \t\r\n")
	return len(text) >= len(start) && strings.EqualFold(text[:len(start)], start)
}
