package lease

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A Setter is what setting needs: a *pgx.Conn, a pgx.Tx or a pool whose role owns the keyway schema.
type Setter interface {
	Querier
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// SetBudget writes the budget of a server into its home database, which q is connected to; zero fields mean their
// defaults ([Budget.WithDefaults]), and the budget written is returned. Processes follow it with their next heartbeat.
// It is refused, in a sentence, when the numbers contradict each other ([Budget.Validate]), when the server has fewer
// connections for role, which the services connect as ([Budget.Fits]), and with a [*HomeError] when the database names
// another home. Call [SetHome] in the server's other databases.
func SetBudget(ctx context.Context, q Setter, role string, b Budget) (Budget, error) {
	b = b.WithDefaults()
	if err := b.Validate(); err != nil {
		return b, err
	}
	server, err := ReadServer(ctx, q, role)
	if err != nil {
		return b, err
	}
	if err := b.Fits(server); err != nil {
		return b, err
	}
	var here string
	if err := q.QueryRow(ctx, "select current_database()").Scan(&here); err != nil {
		return b, readError(err)
	}
	if err := SetHome(ctx, q, here, here); err != nil {
		return b, err
	}
	const upsert = `
insert into keyway.pool_budget (connections, processes, floor, reserve, ttl_ms, member_ttl_ms, grace_ms, origin, origin_since)
values ($1, $2, $3, $4, $5, $6, $7, keyway.server_origin(), 'epoch')
on conflict (one) do update set connections = excluded.connections, processes = excluded.processes, floor = excluded.floor,
  reserve = excluded.reserve, ttl_ms = excluded.ttl_ms, member_ttl_ms = excluded.member_ttl_ms, grace_ms = excluded.grace_ms,
  updated_at = clock_timestamp()`
	_, err = q.Exec(ctx, upsert, b.Connections, b.Processes, b.Floor, b.Reserve, b.TTL.Milliseconds(),
		b.MemberTTL.Milliseconds(), b.Grace.Milliseconds())
	return b, readError(err)
}

// SetHome tells the database that q is connected to where the budget of its server is. A database that names another
// home is refused with a [*HomeError]: processes may hold leases there.
func SetHome(ctx context.Context, q Setter, database, home string) error {
	const insert = "insert into keyway.pool_home (database) values ($1) on conflict (one) do nothing"
	if _, err := q.Exec(ctx, insert, home); err != nil {
		return readError(err)
	}
	return CheckHome(ctx, q, database, home)
}

// ForgetHome takes back what [SetHome] said, so that another home can be set. In the home itself the budget goes too. It
// is refused while a process holds a lease there.
func ForgetHome(ctx context.Context, q Setter) error {
	var live int
	if err := q.QueryRow(ctx, "select count(*)::int from keyway.pool_lease where remove_at > clock_timestamp()").Scan(&live); err != nil {
		return readError(err)
	}
	if live > 0 {
		return fmt.Errorf("lease: leases are held here (%d of them, those that have not run out included); stop the processes first", live)
	}
	_, err := q.Exec(ctx, "with gone as (delete from keyway.pool_budget) delete from keyway.pool_home")
	return readError(err)
}

var _ Setter = (*pgx.Conn)(nil)
