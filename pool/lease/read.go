package lease

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool/budget"
)

// A Querier is what reading needs: a *pgx.Conn, a pgx.Tx or a pool, connected to the server's home database.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// ReadBudget returns the budget, or [ErrNoBudget].
func ReadBudget(ctx context.Context, q Querier) (Budget, error) {
	var s scannedBudget
	err := q.QueryRow(ctx, "select connections, processes, floor, reserve, ttl_ms, member_ttl_ms, grace_ms from keyway.pool_budget").
		Scan(s.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Budget{}, ErrNoBudget
	}
	if err != nil {
		return Budget{}, readError(err)
	}
	return s.budget(), nil
}

// Assert compares the budget with what a configuration says of it; zero asserts nothing. The error is a [*MismatchError].
func Assert(instance string, b Budget, connections, processes int) error {
	if connections != 0 && connections != b.Connections {
		return &MismatchError{instance, "connections", b.Connections, connections}
	}
	if processes != 0 && processes != b.Processes {
		return &MismatchError{instance, "processes", b.Processes, processes}
	}
	return nil
}

// ReadHome returns the name of the database that holds the budget of the server that q is connected to, or "" when the
// database does not say.
func ReadHome(ctx context.Context, q Querier) (string, error) {
	var home string
	err := q.QueryRow(ctx, "select database from keyway.pool_home").Scan(&home)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return home, readError(err)
}

// CheckHome fails with a [*HomeError] unless the database that q is connected to names the home given.
func CheckHome(ctx context.Context, q Querier, database, home string) error {
	have, err := ReadHome(ctx, q)
	if err != nil {
		return err
	}
	if have != home {
		return &HomeError{Database: database, Have: have, Want: home}
	}
	return nil
}

// ReadServer reads how many connections the server has for role.
func ReadServer(ctx context.Context, q Querier, role string) (budget.Server, error) {
	var s budget.Server
	err := q.QueryRow(ctx, budget.ServerSQL, role).Scan(&s.MaxConnections, &s.SuperuserReserved, &s.Reserved, &s.RoleLimit,
		&s.DatabaseLimit, &s.Others)
	return s, readError(err)
}

// A View is the budget of a server and who holds what of it.
type View struct {
	Budget    Budget
	Now       time.Time // the server's
	Leases    []Row     // the oldest first, those that wait last
	Strangers int       // backends of processes that have no lease (any more)
	Charged   int       // connections charged for all of them
}

// Free is how many connections nobody is charged for, Reserve not included.
func (v View) Free() int { return v.Budget.Connections - v.Budget.Reserve - v.Charged }

// Charge is what is charged for the lease at the given time.
func (r Row) Charge(now time.Time) int { return r.charge(now) }

// Overview reads the budget and all leases. It locks nothing. It returns [ErrNoBudget] when none is set.
func Overview(ctx context.Context, q Querier) (View, error) {
	var v View
	var err error
	if v.Budget, err = ReadBudget(ctx, q); err != nil {
		return v, err
	}
	var home string
	if err := q.QueryRow(ctx, "select clock_timestamp(), current_database()").Scan(&v.Now, &home); err != nil {
		return v, readError(err)
	}
	rows, err := q.Query(ctx, "select "+leaseColumns+" from keyway.pool_lease l full join keyway.pool_shown() s on s.holder = l.holder")
	if err != nil {
		return v, readError(err)
	}
	if v.Leases, v.Strangers, err = scanLeases(rows, scopeOf(NewHolder(home, "").Name)); err != nil {
		return v, readError(err)
	}
	v.Leases = slices.DeleteFunc(v.Leases, func(r Row) bool { return r.gone(v.Now) })
	slices.SortFunc(v.Leases, func(a, b Row) int {
		return cmp.Or(-cmp.Compare(min(a.Floor, 1), min(b.Floor, 1)), a.Joined.Compare(b.Joined), cmp.Compare(a.Holder.Name, b.Holder.Name))
	})
	v.Charged = v.Strangers
	for i := range v.Leases {
		v.Charged += v.Leases[i].charge(v.Now)
	}
	return v, nil
}
