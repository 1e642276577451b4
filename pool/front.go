package pool

import (
	"context"
	"errors"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Pooling says what the connections of a [Database] lead to.
type Pooling uint8

const (
	// NoPooling is a server: each connection is one backend.
	NoPooling Pooling = iota

	// SessionPooling is a pooler that was seen to keep one backend for each of its clients: pgpool-II, or PgBouncer
	// with pool_mode = session.
	SessionPooling

	// TransactionPooling is a pooler that gives each transaction whichever backend is free, or one of which nothing
	// better is known yet. No session state outlives a transaction there.
	TransactionPooling
)

// String returns "none", "session" or "transaction".
func (p Pooling) String() string {
	switch p {
	case NoPooling:
		return "none"
	case SessionPooling:
		return "session"
	case TransactionPooling:
		return "transaction"
	default:
		return "pooling(" + strconv.Itoa(int(p)) + ")"
	}
}

// front is what dialling a database's address has taught about who answers there. It is replaced, never modified.
type front struct {
	plain  bool // start-up parameters other than passedOn are refused
	pooled bool // connections lead to a pooler
	pgpool bool // which is pgpool-II
	judged bool // whether its clients share backends was looked into
	shared bool // they do
}

func (f front) pooling() Pooling {
	switch {
	case !f.pooled:
		return NoPooling
	case f.judged && !f.shared:
		return SessionPooling
	default:
		return TransactionPooling
	}
}

// passedOn are the start-up parameters that every pooler hands on to the server. Of the others PgBouncer refuses the
// first that it meets.
var passedOn = []string{"client_encoding", "datestyle", "timezone", "standard_conforming_strings", "application_name"}

// apply changes a connection's private config to what f can take. A statement that was prepared by name is on one
// backend, and the next transaction may be on another; an unnamed one that was described in its own round trip
// (QueryExecModeDescribeExec) likewise.
func (f front) apply(cc *pgx.ConnConfig, pooled pgx.QueryExecMode) {
	if f.plain {
		maps.DeleteFunc(cc.RuntimeParams, func(name, _ string) bool {
			for _, known := range passedOn {
				if strings.EqualFold(name, known) {
					return false
				}
			}
			return true
		})
	}
	if f.pooled {
		cc.DefaultQueryExecMode = modeBehindPooler(cc.DefaultQueryExecMode, pooled)
	}
}

func modeBehindPooler(direct, pooled pgx.QueryExecMode) pgx.QueryExecMode {
	switch {
	case pooled != 0:
		return pooled
	case direct == pgx.QueryExecModeCacheStatement, direct == pgx.QueryExecModeDescribeExec:
		return pgx.QueryExecModeCacheDescribe
	default:
		return direct
	}
}

// errPooled ends a connection that was opened with an execution mode that a pooler may break.
var errPooled = errors.New("the address is a pooler's")

// seen is the current front.
func (d *Database) seen() front {
	if f := d.front.Load(); f != nil {
		return *f
	}
	return front{}
}

// note changes the front.
func (d *Database) note(change func(*front)) {
	for {
		old := d.front.Load()
		f := front{}
		if old != nil {
			f = *old
		}
		change(&f)
		if d.front.CompareAndSwap(old, &f) {
			return
		}
	}
}

// learn reports whether a dial that failed, made in the belief used, should be made once more in another one.
func (d *Database) learn(used front, err error) bool {
	switch {
	case errors.Is(err, errPooled):
		return !used.pooled
	case !used.plain && refusesParameter(err):
		d.note(func(f *front) { f.plain = true })
		return true
	default:
		return false
	}
}

func refusesParameter(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "08P01" && strings.Contains(pg.Message, "unsupported startup parameter")
}

// recognise finds out whether a new connection leads to a pooler, and which backend answered.
//
// PgBouncer and its kind give their clients cancel keys of their own, whose pid is not the backend's: that is proof.
// pgpool-II hands the backend's key on, but the backend has another TCP peer than our socket. A relay that understands
// no PostgreSQL looks the same and is none, so then, once, pgpool-II is asked for its version, which costs a line in the
// log of a server that does not know the question.
func (d *Database) recognise(ctx context.Context, conn *pgx.Conn) (backend uint32, err error) {
	pg := conn.PgConn()
	answer, err := ask(ctx, pg, "select pg_catalog.pg_backend_pid(), pg_catalog.inet_client_port()")
	if err != nil {
		return 0, err
	}
	pid, err := strconv.ParseUint(answer[0], 10, 32)
	if err != nil {
		return 0, err
	}
	backend = uint32(pid)
	used := d.seen()
	switch {
	case used.pgpool:
		err = checkPgpool(ctx, pg)
	case used.pooled:
	case backend != pg.PID():
		d.note(func(f *front) { f.pooled = true })
	case answer[1] == localPort(pg.Conn()):
	case !used.judged:
		_, unasked := ask(ctx, pg, "show pool_version")
		var unknown *pgconn.PgError
		if unasked != nil && !errors.As(unasked, &unknown) {
			return 0, unasked
		}
		d.note(func(f *front) {
			f.judged = true
			f.pooled, f.pgpool = unasked == nil, unasked == nil
		})
		if unasked == nil {
			return backend, checkPgpool(ctx, pg)
		}
	}
	return backend, err
}

// ask sends a query that returns one row, by the simple protocol: it leaves nothing behind.
func ask(ctx context.Context, pg *pgconn.PgConn, sql string) ([2]string, error) {
	var row [2]string
	results, err := pg.Exec(ctx, sql).ReadAll()
	if err != nil {
		return row, err
	}
	if len(results) == 1 && len(results[0].Rows) == 1 {
		for i, v := range results[0].Rows[0] {
			if i < len(row) {
				row[i] = string(v)
			}
		}
	}
	return row, nil
}

// localPort is the port that a server would see as its client's; "" on a Unix socket, whose other end may be anyone's.
func localPort(c net.Conn) string {
	_, port, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		return "none"
	}
	return port
}

// Pooling is what dialling has shown so far; NoPooling before the first dial.
func (d *Database) Pooling() Pooling { return d.seen().pooling() }

const (
	judgeTime   = 2 * time.Second
	judgeRounds = 4
)

// Inspect finds out what the database's address leads to. It needs one connection, and where that leads to a pooler a
// second one, to see whether two clients get the same backend.
//
// Two clients that share a backend are proof of [TransactionPooling]. [SessionPooling] cannot be proven: each of the two
// got a backend of its own several times in turn, although the other's was free. A pooler in transaction mode gives
// its most recently used backend again, or the least recently used one; without other clients it is therefore always
// found, and among busy ones it is missed only when they take each of those turns. What was missed is found later,
// since each ping compares backends again. Where no second connection is free within 2s, or the limit allows none, the
// answer is TransactionPooling, of which least may be hoped.
func (d *Database) Inspect(ctx context.Context) (Pooling, error) {
	select {
	case d.in.inspecting <- struct{}{}: // two that each hold one connection would wait for each other
		defer func() { <-d.in.inspecting }()
	case <-ctx.Done():
		return d.Pooling(), ctx.Err()
	}
	a, err := d.acquire(ctx, 0)
	if err != nil {
		return d.Pooling(), err
	}
	defer a.release()
	d.judge(ctx, a)
	return d.Pooling(), nil
}

// judge decides between session and transaction pooling with a and a second connection.
func (d *Database) judge(ctx context.Context, a *resource) {
	if f := d.seen(); !f.pooled || f.judged || !d.in.mayLendTwo() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	b, err := d.acquire(ctx, 0)
	if err != nil {
		return
	}
	defer b.release()
	for range judgeRounds {
		// b twice in a row: a pooler that goes round its backends gives it two.
		for _, r := range []*resource{a, b, b, a} {
			if r.probe(ctx) != nil {
				return
			}
		}
		if a.backend == b.backend {
			d.note(func(f *front) { f.shared = true })
		}
	}
	d.note(func(f *front) { f.judged = true })
}

func (in *Instance) mayLendTwo() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.lendableLocked() >= 2
}

// probe is a ping. Behind a pooler it asks which backend answers, too: a session never gets another one.
func (r *resource) probe(ctx context.Context) error {
	if f := r.db.seen(); !f.pooled || f.shared {
		return r.conn.Ping(ctx)
	}
	answer, err := ask(ctx, r.conn.PgConn(), "select pg_catalog.pg_backend_pid()")
	if err == nil && answer[0] != strconv.FormatUint(uint64(r.backend), 10) {
		r.db.note(func(f *front) { f.shared = true })
	}
	return err
}
