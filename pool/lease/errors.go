package lease

import (
	"errors"
	"fmt"
)

// ErrNoBudget says that the database has the keyway schema and no budget was set on its server.
var ErrNoBudget = errors.New("lease: no connection budget is set on this server; set one with `keyway pool set`")

// ErrClosed is returned by a [Keeper] that was closed.
var ErrClosed = errors.New("lease: closed")

// NotReadyError says that this process may hold no connection to a server, and why.
type NotReadyError struct {
	Instance string
	Reason   string
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("lease: instance %s: this process has no connection to use: %s", e.Instance, e.Reason)
}

// HomeError says that a database names another home for the budget than the one in use, or none.
type HomeError struct {
	Database   string // the database that was asked
	Have, Want string // Have is empty when it names none
}

func (e *HomeError) Error() string {
	if e.Have == "" {
		return fmt.Sprintf("lease: database %s does not say where its server's budget is; run `keyway pool set` again, "+
			"which tells every database of the server", e.Database)
	}
	return fmt.Sprintf("lease: database %s says that its server's budget is in database %s, and this configuration takes it "+
		"from %s: two budgets for one server would not bound anything", e.Database, e.Have, e.Want)
}

// MismatchError says that the configuration asserts another budget than the row on the server has. The row rules.
type MismatchError struct {
	Instance string
	What     string // "connections" or "processes"
	Have     int    // in the row
	Asserted int    // in the configuration
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("lease: instance %s: the budget on the server has %d %s, and the configuration asserts %d: "+
		"change one of them (`keyway pool set`, or the configuration)", e.Instance, e.Have, e.What, e.Asserted)
}
