package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrClosed is what every call gets, wrapped with the instance's name, once [Instance.Close] has begun, and what a
// query gets whose connection Close had to end by force.
var ErrClosed = errors.New("the pool is closed")

// ErrReleased is what methods of a [Conn] return after its Release.
var ErrReleased = errors.New("pool: the connection was used after its release")

// ErrRowsLeft is of rows of a batch that were not read in time. It says nothing of the statement, which was executed.
var ErrRowsLeft = errors.New("pool: the rows of a batch are read before its next result is asked for and before it is closed")

// ErrNoControl is what [Instance.Control] returns, wrapped with the instance's name, when no connection is kept back for
// it, and what a control connection's holder gets when the limit has become too small to carry it.
var ErrNoControl = errors.New("no connection is kept for control")

// noControlError is ErrNoControl with a name and the limit. As the end of a connection it claims nothing about retries.
type noControlError struct {
	instance string
	limit    int
}

func (e *noControlError) Error() string {
	return fmt.Sprintf("pool: instance %s: %s with a limit of %d; ordinary connections serve control and work",
		e.instance, ErrNoControl, e.limit)
}
func (e *noControlError) Is(t error) bool { return t == ErrNoControl }

// controlRefusedError is noControlError for what was refused: nothing was sent.
type controlRefusedError struct{ noControlError }

func (e *controlRefusedError) SafeToRetry() bool { return true }

// NoBudgetError says that this process may hold no connection to the instance now: its limit is 0. Nothing was sent to
// the server. Callers are served again once the limit is raised.
type NoBudgetError struct {
	Instance string
	Reason   string // of [Instance.Suspend]; "" when none was given
}

func (e *NoBudgetError) Error() string {
	reason := e.Reason
	if reason == "" {
		reason = "its limit is 0"
	}
	return fmt.Sprintf("pool: instance %s: this process may hold no connection to it now: %s", e.Instance, reason)
}

// SafeToRetry is true: nothing was sent.
func (e *NoBudgetError) SafeToRetry() bool { return true }

// closedError is ErrClosed with a name, for what was refused: nothing was sent.
type closedError struct{ instance string }

func (e *closedError) Error() string {
	return fmt.Sprintf("pool: instance %s: %s", e.instance, ErrClosed)
}
func (e *closedError) Is(t error) bool   { return t == ErrClosed }
func (e *closedError) SafeToRetry() bool { return true }

// endedError is ErrClosed for a connection that Close took away. What was under way on it may have been executed, so it
// claims nothing about retries.
type endedError struct{ instance string }

func (e *endedError) Error() string {
	return fmt.Sprintf("pool: instance %s: %s while the connection was in use", e.instance, ErrClosed)
}
func (e *endedError) Is(t error) bool { return t == ErrClosed }

// AcquireTimeoutError says that no connection was free before the wait's end. Nothing was sent to the server.
// [errors.Is] finds [context.DeadlineExceeded] in it, whichever of the context and AcquireTimeout was first, and
// [errors.As] the [*ConnectError] of the last dial when dialling was what failed.
type AcquireTimeoutError struct {
	Instance string
	Database string
	Waited   time.Duration
	Limit    int // sockets this process may hold, the control connection included
	Open     int // sockets held when the wait ended
	InUse    int // of Open: lent to callers
	Draining int // of Open: closed by us, not yet by the server
	Waiting  int // other callers still waiting

	// MaxPerKey is not 0 when it was Config.MaxPerKey that the caller waited for: so many others of its key had
	// connections or came before.
	MaxPerKey int

	Paused bool // the pool is paused
	Dial   error
}

func (e *AcquireTimeoutError) Error() string {
	s := fmt.Sprintf("pool: instance %s: no connection to database %s was free within %s: %d of %d sockets open, "+
		"%d in use, %d closing, %d other callers waiting", e.Instance, e.Database, e.Waited.Round(time.Millisecond),
		e.Open, e.Limit, e.InUse, e.Draining, e.Waiting)
	if e.MaxPerKey > 0 {
		s += fmt.Sprintf("; its key had the %d that one key may have", e.MaxPerKey)
	}
	if e.Paused {
		s += "; the pool is paused"
	}
	if e.Dial != nil {
		s += "; the last dial failed: " + e.Dial.Error()
	}
	return s
}

// Unwrap gives [context.DeadlineExceeded] and the last dial's error.
func (e *AcquireTimeoutError) Unwrap() []error {
	if e.Dial == nil {
		return []error{context.DeadlineExceeded}
	}
	return []error{context.DeadlineExceeded, e.Dial}
}

// SafeToRetry is true: nothing was sent. [pgconn.SafeToRetry] asks it.
func (e *AcquireTimeoutError) SafeToRetry() bool { return true }

// Timeout is true, as [net.Error] has it.
func (e *AcquireTimeoutError) Timeout() bool { return true }

// waitCanceledError is a wait that the caller's context ended by cancellation.
type waitCanceledError struct {
	instance, database string
	waited             time.Duration
	err                error
}

func (e *waitCanceledError) Error() string {
	return fmt.Sprintf("pool: instance %s: gave up waiting for a connection to database %s after %s: %v",
		e.instance, e.database, e.waited.Round(time.Millisecond), e.err)
}
func (e *waitCanceledError) Unwrap() error     { return e.err }
func (e *waitCanceledError) SafeToRetry() bool { return true }

// QueueFullError refuses a caller because Config.MaxWaiting others wait already. Nothing was sent.
type QueueFullError struct {
	Instance string
	Waiting  int
	Limit    int
}

func (e *QueueFullError) Error() string {
	return fmt.Sprintf("pool: instance %s: %d callers wait for %d connections already, which is the most it lets wait",
		e.Instance, e.Waiting, e.Limit)
}

// SafeToRetry is true: nothing was sent.
func (e *QueueFullError) SafeToRetry() bool { return true }

// OverloadError refuses a caller because more is asked of the pool than it can do: at once when the caller's time would
// clearly be over before its turn, or after a wait by the rule of Config.QueueTarget. Nothing was sent.
type OverloadError struct {
	Instance  string
	Database  string
	Class     Class
	Limit     int           // sockets this process may hold
	Waiting   int           // other callers waiting
	Estimated time.Duration // the wait that was to be expected; 0 when Waited is given
	Waited    time.Duration // how long the caller had waited; 0 when it was refused at once
	Target    time.Duration // Config.QueueTarget; 0 when the caller was refused at once
}

func (e *OverloadError) Error() string {
	why := fmt.Sprintf("a wait of about %s is to be expected, which the caller's deadline does not allow",
		e.Estimated.Round(time.Millisecond))
	if e.Estimated == 0 {
		why = fmt.Sprintf("waits have been longer than %s for some time, and this caller has waited for %s",
			e.Target, e.Waited.Round(time.Millisecond))
	}
	return fmt.Sprintf("pool: instance %s: overloaded: %d other callers (this one %s) wait for %d sockets; %s",
		e.Instance, e.Waiting, e.Class, e.Limit, why)
}

// SafeToRetry is true: nothing was sent.
func (e *OverloadError) SafeToRetry() bool { return true }

// TooManyError refuses an [AcquireMany] (or a pgxpool) that wants more connections of one instance than the instance
// can ever lend.
type TooManyError struct {
	Instance string
	Wanted   int
	Lendable int // the limit without what is kept for control and for standing pools
}

func (e *TooManyError) Error() string {
	return fmt.Sprintf("pool: instance %s: %d connections are wanted at once, but it may lend %d at most; "+
		"work in smaller waves or raise the budget", e.Instance, e.Wanted, e.Lendable)
}

// ConnectError says that a connection could not be opened. It never holds a password or a connection string.
// [errors.As] reaches the server's [*pgconn.PgError] when the server spoke.
type ConnectError struct {
	Instance string
	Addr     string // host:port, or the directory of a Unix socket
	Database string
	User     string
	Err      error

	text string // of Err, with the password taken out
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("pool: instance %s: cannot connect to database %s at %s as %s: %s",
		e.Instance, e.Database, e.Addr, e.User, e.text)
}

// Unwrap gives the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// SafeToRetry is true: no statement was sent.
func (e *ConnectError) SafeToRetry() bool { return true }

// Full reports whether the server refused because it, the database or the role has no connection slot left.
func (e *ConnectError) Full() bool {
	var pg *pgconn.PgError
	return errors.As(e.Err, &pg) && pg.Code == "53300"
}

func newConnectError(instance string, cc *pgconn.Config, err error) *ConnectError {
	e := &ConnectError{Instance: instance, Addr: addr(cc), Database: cc.Database, User: cc.User}
	// pgx's own ConnectError carries the whole config, password included; what it wraps does not.
	if outer, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = outer.Unwrap()
	}
	e.Err = err
	e.text = oneLine(causeText(err), cc.Password)
	return e
}

// causeText is short and never has the server's Detail: it may quote values.
func causeText(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if pg.Code == "53300" {
			return "the server has no connection slot left (SQLSTATE 53300); lower the budget or raise max_connections"
		}
		return fmt.Sprintf("the server says %q (SQLSTATE %s)", pg.Message, pg.Code)
	}
	// The address stands in the sentence already; pgx and net each say it once more.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return op.Err.Error()
	}
	return err.Error()
}

func oneLine(text, secret string) string {
	if len(secret) > 2 {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return strings.Join(strings.Fields(text), " ")
}

func addr(cc *pgconn.Config) string {
	_, a := pgconn.NetworkAddress(cc.Host, cc.Port)
	return a
}

// NoSessionError refuses what needs a session of its own, such as LISTEN, on an address behind a pooler in transaction
// mode.
type NoSessionError struct {
	Instance string
	Database string
}

func (e *NoSessionError) Error() string {
	return fmt.Sprintf("pool: instance %s: the address of database %s is a pooler in transaction mode, where no session "+
		"outlives a transaction; what needs one must go to the server itself", e.Instance, e.Database)
}

// Is makes it an [ErrNoControl].
func (e *NoSessionError) Is(t error) bool { return t == ErrNoControl }

// SafeToRetry is true: nothing was sent.
func (e *NoSessionError) SafeToRetry() bool { return true }

// CloseError says that [Instance.Close] had to end work by force because its context ended first.
type CloseError struct {
	Instance string
	Forced   int // connections that were in use
	Open     int // sockets whose backend had not been seen to end when Close returned
	Hanging  int // goroutines inside functions of the configuration that did not return
	Err      error
}

func (e *CloseError) Error() string {
	hanging := ""
	if e.Hanging > 0 {
		hanging = fmt.Sprintf(", %d goroutines are inside functions of the configuration (a DialFunc, a log handler, an "+
			"observer) that do not return", e.Hanging)
	}
	return fmt.Sprintf("pool: instance %s: closed by force: %d connections were still in use, %d backends not seen to end%s: %v",
		e.Instance, e.Forced, e.Open, hanging, e.Err)
}

// Unwrap gives the context's error.
func (e *CloseError) Unwrap() error { return e.Err }
