package merge

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNotOrderable is the error of a sort column whose order cannot be followed exactly from the values that the server
// sends: let a server sort instead.
var ErrNotOrderable = errors.New("the order of this type cannot be followed outside the server")

// ErrCut is the error of a merge with [Options.Cut] whose inputs were asked for too few rows, or for rows that are too
// large to be held: ask for all of them.
var ErrCut error = cutError{}

type cutError struct{}

func (cutError) Error() string { return "the inputs were asked for too few rows" }

// ErrClosed is the error of reading a row from rows that are closed.
var ErrClosed = errors.New("rows are closed")

// ShardError says on which shard a statement failed.
type ShardError struct {
	Shard string
	Err   error
}

func (e *ShardError) Error() string { return fmt.Sprintf("shard %s: %v", e.Shard, e.Err) }

// Unwrap returns what failed there.
func (e *ShardError) Unwrap() error { return e.Err }

// PanicError is a panic of code that an argument brings along, such as its Value method, or of a tracer, while a
// statement was being sent, or such code's runtime.Goexit. Next panics with the value, or ends its goroutine; who only
// closes the rows has this in Err. The text repeats the value: it is the caller's own.
type PanicError struct {
	Value  any
	Stack  []byte
	Exited bool // by runtime.Goexit, without a value
}

func (e *PanicError) Error() string {
	if e.Exited {
		return "code of the caller called runtime.Goexit while the statement was being sent"
	}
	return fmt.Sprintf("code of the caller panicked while the statement was being sent: %v", e.Value)
}

// Unwrap gives the error that was the panic.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// again does in the goroutine of the caller what its code has done in another one.
func (e *PanicError) again() {
	if e.Exited {
		runtime.Goexit()
	}
	panic(e.Value)
}

// recovered makes a panic an error. It is to be deferred.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack()}
	}
}

// MismatchError says that two shards answered a statement with columns that cannot be merged.
type MismatchError struct {
	ShardA, ShardB string
	What           string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("shards %s and %s answer this statement differently: %s; bring their schemas to the same version",
		e.ShardA, e.ShardB, e.What)
}

// TooLargeError says that a merge would hold more than its budget.
type TooLargeError struct {
	What   string // that had to be held
	Budget int64  // in bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s of all shards do not fit into the %d bytes that a merge may hold; "+
		"add a LIMIT, narrow the WHERE or group by fewer values, or read shard by shard", e.What, e.Budget)
}

// ValueError says that a value cannot be read as its type is written. It does not repeat the value.
type ValueError struct {
	Column string
	Type   string
	Format int16
}

func (e *ValueError) Error() string {
	format := "text"
	if e.Format == binary {
		format = "binary"
	}
	return fmt.Sprintf("column %q: the server sent a %s in %s format that is none", e.Column, e.Type, format)
}

// overflow is what the server says.
func overflow() error {
	return &pgconn.PgError{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "22003", Message: "bigint out of range"}
}
