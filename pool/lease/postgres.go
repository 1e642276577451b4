package lease

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Renew asks for a lease over conn, which must be connected to the server's home database and in no transaction. It
// takes two round trips: one locks the budget and reads the leases, the other writes the process's and commits. The
// server ends the transaction of a client that vanishes between them after five seconds.
//
// Any error means that it is unknown whether the lease was written; [Member] is safe either way. The connection is left
// outside a transaction, or broken. ErrNoBudget is returned when no budget is set; a stale request gives an error too.
func Renew(ctx context.Context, conn *pgx.Conn, q Request) (Reply, error) {
	return renewWithin(ctx, conn, q, lockWait)
}

// How long a request waits for others'. One over a connection beside the pools waits hardly at all and comes again:
// otherwise those connections would pile up behind a client that holds the lock and has vanished.
const (
	lockWait  = 3 * time.Second
	knockWait = 100 * time.Millisecond
)

func renewWithin(ctx context.Context, conn *pgx.Conn, q Request, wait time.Duration) (Reply, error) {
	if conn.PgConn().TxStatus() != 'I' {
		return Reply{}, errors.New("lease: the connection is inside a transaction; renew on one that is not")
	}
	reply, err := renew(ctx, conn, q, wait)
	if err != nil && !conn.IsClosed() && conn.PgConn().TxStatus() != 'I' {
		if _, rollback := conn.Exec(ctx, "rollback", pgx.QueryExecModeSimpleProtocol); rollback != nil {
			return Reply{}, errors.Join(err, rollback)
		}
	}
	return reply, err
}

func renew(ctx context.Context, conn *pgx.Conn, q Request, wait time.Duration) (Reply, error) {
	l, err := readLedger(ctx, conn, scopeOf(q.Holder.Name), wait)
	if err != nil {
		return Reply{}, err
	}
	d := Decide(l, q)
	if d.Stale {
		return Reply{}, errors.New("lease: a later request of this process was answered before this one")
	}
	return d.Reply, writeDecision(ctx, conn, d, l.Now)
}

// readLedger begins the transaction, locks the budget and reads what a decision needs. Each statement sees what was
// committed before it: the lock comes first, then the time, then the leases and what the server shows.
func readLedger(ctx context.Context, conn *pgx.Conn, scope string, wait time.Duration) (Ledger, error) {
	batch := &pgx.Batch{}
	batch.Queue("begin isolation level read committed read write")
	batch.Queue("select "+budgetColumns+", extract(epoch from (budget).origin_since) * 1000000, at from keyway.pool_lock($1)",
		wait.Milliseconds())
	batch.Queue("select " + leaseColumns + " from keyway.pool_lease l full join keyway.pool_shown() s on s.holder = l.holder")
	results := conn.SendBatch(ctx, batch)
	l, err := scanLedger(results, scope)
	return l, closed(results, err)
}

// closed ends a batch and returns what the first failure means. Close repeats the failure of the last statement read.
func closed(results pgx.BatchResults, err error) error {
	if atClose := results.Close(); err == nil {
		err = atClose
	}
	return readError(err)
}

const budgetColumns = "(budget).connections, (budget).processes, (budget).floor, (budget).reserve, (budget).ttl_ms, " +
	"(budget).member_ttl_ms, (budget).grace_ms"

const leaseColumns = "coalesce(l.holder, s.holder), l.seq, l.joined_at, l.floor, l.held, l.granted, l.open, l.want, l.most, " +
	"l.weight, l.expires_at, l.reclaim_at, l.remove_at, l.application, l.host, l.pid, l.started_at, coalesce(s.backends, 0)"

func scanLedger(results pgx.BatchResults, scope string) (Ledger, error) {
	var l Ledger
	if _, err := results.Exec(); err != nil {
		return l, err
	}
	var have scannedBudget
	var since *float64
	var now *time.Time
	if err := results.QueryRow().Scan(append(have.fields(), &since, &now)...); err != nil {
		return l, err
	}
	if have.connections == nil {
		return l, ErrNoBudget
	}
	l.Budget, l.Now = have.budget(), *now
	if *since > 0 {
		l.Since = time.UnixMicro(int64(*since))
	}
	rows, err := results.Query()
	if err != nil {
		return l, err
	}
	l.Rows, l.Strangers, err = scanLeases(rows, scope)
	return l, err
}

// scannedBudget is a row that may be missing.
type scannedBudget struct {
	connections, processes, floor, reserve, ttl, memberTTL, grace *int
}

func (s *scannedBudget) fields() []any {
	return []any{&s.connections, &s.processes, &s.floor, &s.reserve, &s.ttl, &s.memberTTL, &s.grace}
}

func (s *scannedBudget) budget() Budget {
	ms := func(n *int) time.Duration { return time.Duration(*n) * time.Millisecond }
	return Budget{Connections: *s.connections, Processes: *s.processes, Floor: *s.floor, Reserve: *s.reserve,
		TTL: ms(s.ttl), MemberTTL: ms(s.memberTTL), Grace: ms(s.grace)}
}

// scanLeases returns the leases, and how many backends of the scope belong to none.
func scanLeases(rows pgx.Rows, scope string) ([]Row, int, error) {
	defer rows.Close()
	var leases []Row
	strangers := 0
	for rows.Next() {
		var r Row
		var name string
		var seq *int64
		var joined, expires, reclaim, remove, started *time.Time
		var floor, held, granted, open, want, most, weight, pid *int
		var application, host *string
		if err := rows.Scan(&name, &seq, &joined, &floor, &held, &granted, &open, &want, &most, &weight, &expires, &reclaim,
			&remove, &application, &host, &pid, &started, &r.Shown); err != nil {
			return nil, 0, err
		}
		if seq == nil {
			if strings.HasPrefix(name, scope) {
				strangers += r.Shown
			}
			continue
		}
		r.Holder = Holder{Name: name, Application: *application, Host: *host, PID: *pid, Started: *started}
		r.Seq, r.Joined, r.Expires, r.Reclaim, r.Remove = *seq, *joined, *expires, *reclaim, *remove
		r.Floor, r.Held, r.Granted, r.Open, r.Want, r.Most, r.Weight = *floor, *held, *granted, *open, *want, *most, *weight
		leases = append(leases, r)
	}
	return leases, strangers, rows.Err()
}

func writeDecision(ctx context.Context, conn *pgx.Conn, d Decision, now time.Time) error {
	batch := &pgx.Batch{}
	if len(d.Remove) > 0 {
		batch.Queue("select keyway.pool_remove($1::text[])", d.Remove)
	}
	if r := d.Write; r != nil {
		h := r.Holder
		batch.Queue("select keyway.pool_keep(row($1::text, $2::bigint, $3::timestamptz, $4::int, $5::int, $6::int, $7::int, "+
			"$8::int, $9::int, $10::int, $11::timestamptz, $12::timestamptz, $13::timestamptz, $14::text, $15::text, $16::int, "+
			"$17::timestamptz, $18::timestamptz)::keyway.pool_lease)",
			h.Name, r.Seq, r.Joined, r.Floor, r.Held, r.Granted, r.Open, r.Want, r.Most, r.Weight, r.Expires, r.Reclaim,
			r.Remove, h.Application, h.Host, h.PID, h.Started, now)
	}
	batch.Queue("commit")
	results := conn.SendBatch(ctx, batch)
	for range batch.Len() - 1 {
		if _, err := results.Exec(); err != nil {
			return closed(results, err)
		}
	}
	tag, err := results.Exec()
	if err == nil && tag.String() != "COMMIT" {
		err = errors.New("lease: the server rolled the renewal back")
	}
	return closed(results, err)
}

// readError says what a failed read or write of the leases means for whoever operates the server.
func readError(err error) error {
	if err == nil || errors.Is(err, ErrNoBudget) {
		return err
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pgErr.Code {
		case "3F000", "42P01", "42883", "42703": // no such schema, table, function, column
			return fmt.Errorf("lease: this database's keyway schema has no connection budget; run `keyway init` again, "+
				"which upgrades it: %w", err)
		case "42501":
			return fmt.Errorf("lease: the role has no right on the leases; name it among the application's roles and run "+
				"`keyway init` again: %w", err)
		case "55P03":
			return fmt.Errorf("lease: somebody holds the lock on the connection budget: %w", err)
		case "25006":
			return fmt.Errorf("lease: the server takes no writes (a standby, or read-only): %w", err)
		case "53300":
			return fmt.Errorf("lease: the server has no free connection: %w", err)
		}
	}
	return fmt.Errorf("lease: %w", err)
}
