package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	firstBackoff = 10 * time.Millisecond
	// lastBackoff is the longest pause between two dials to a database that cannot be reached. With full jitter and one
	// dial at a time, 50 processes that miss a server make 50 dials a second between them, which costs a server that
	// comes back nothing; a process finds it a second after its return on average, two at most.
	lastBackoff = 2 * time.Second

	// lastFullBackoff is the same for a server that answers that it is full: a slot may come free at any time.
	lastFullBackoff = 500 * time.Millisecond

	// slowDial is the longest dial that is believed to be typical.
	slowDial = 100 * time.Millisecond

	// hopeful is how long a waiter keeps hoping for a returned connection or for the next dial when dialling fails.
	hopeful = time.Second
)

// A dialer opens the sockets of one connection. pgx dials through the same function for each address it tries, and
// later for cancel requests: a dial while the connection's socket is open, or after it was established, can only be a
// cancel request.
type dialer struct {
	in      *Instance
	db      *Database
	purpose purpose
	dial    pgconn.DialFunc
	lookup  pgconn.LookupFunc
	turn    atomic.Bool  // of a pgxpool: its dial is counted in the instance's turns
	untried atomic.Int32 // addresses that the lookup has found and that were not dialled so far

	mu          sync.Mutex
	asked       []string // hosts whose addresses are counted in untried
	held        bool     // a token was charged for the next socket
	sock        *socket
	established bool
	givenUp     bool
}

// DialFunc is put on the connection's private copy of its config.
func (dl *dialer) DialFunc(ctx context.Context, network, addr string) (net.Conn, error) {
	if dl.isCancel() {
		return dl.in.dialCancel(ctx, dl.dial, network, addr)
	}
	if !dl.takeHeld() { // a second address, or a pgxpool
		if err := dl.in.takeToken(ctx, dl.db, dl.purpose); err != nil {
			return nil, err
		}
	}
	if err := dl.takeTurn(ctx); err != nil {
		dl.in.giveBack(dl.purpose)
		return nil, err
	}
	dialled := false
	defer func() { // also when the configuration's DialFunc panics
		if !dialled {
			dl.endTurn()
			dl.in.giveBack(dl.purpose)
		}
	}()
	ctx, cancel := dl.share(ctx)
	defer cancel()
	c, err := dl.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	dialled = true
	s := newSocket(dl, c)
	if !dl.keep(s) {
		_ = s.Close()
		return nil, context.DeadlineExceeded
	}
	return s, nil
}

// LookupFunc is put on the connection's private copy of its config. Where TLS is only preferred, pgx asks for the host
// again, to try its addresses once more without: those wait for the same server.
func (dl *dialer) LookupFunc(ctx context.Context, host string) ([]string, error) {
	found, err := dl.lookup(ctx, host)
	dl.mu.Lock()
	defer dl.mu.Unlock()
	if !slices.Contains(dl.asked, host) {
		dl.asked = append(dl.asked, host)
		dl.untried.Add(int32(len(found)))
	}
	return found, err
}

// share leaves the addresses that follow an equal part of the dial's time each: one that swallows packets, as the IPv6
// address of a name may, would have all of it. A single address has all of it: cut short, it would only be tried again
// without TLS.
func (dl *dialer) share(ctx context.Context) (context.Context, context.CancelFunc) {
	left := dl.untried.Add(-1) + 1
	deadline, ok := ctx.Deadline()
	if !ok || left <= 1 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
}

// keep notes the connection's socket, unless nobody waits for it any more.
func (dl *dialer) keep(s *socket) bool {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	dl.sock = s
	return !dl.givenUp
}

// giveUp ends a dial that may still be under way. A DialFunc that has not returned keeps its token until it does.
func (dl *dialer) giveUp() {
	dl.mu.Lock()
	dl.givenUp = true
	s := dl.sock
	dl.mu.Unlock()
	if s != nil {
		s.end(net.ErrClosed)
	}
}

func (dl *dialer) isCancel() bool {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	return dl.established || dl.sock != nil && !dl.sock.closed.Load()
}

func (dl *dialer) takeHeld() bool {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	h := dl.held
	dl.held = false
	return h
}

// establish notes the end of the start-up.
func (s *socket) establish(pid uint32) {
	s.pid.Store(pid)
	s.dl.mu.Lock()
	defer s.dl.mu.Unlock()
	s.dl.established = true
}

// cancelConn gives its slot back when it is closed.
type cancelConn struct {
	net.Conn
	once sync.Once
	in   *Instance
}

func (c *cancelConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.in.cancels })
	return err
}

// dialCancel needs no token, but one of two slots.
func (in *Instance) dialCancel(ctx context.Context, dial pgconn.DialFunc, network, addr string) (net.Conn, error) {
	select {
	case in.cancels <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	in.cancelDials.Add(1)
	c, err := dial(ctx, network, addr)
	if err != nil {
		<-in.cancels
		return nil, err
	}
	return &cancelConn{Conn: c, in: in}, nil
}

// startDialLocked begins a connection to d in the background. mu must be held and a token be free.
func (in *Instance) startDialLocked(d *Database) {
	in.chargeLocked(work)
	in.dialling++
	d.dialling++
	in.backgroundLocked(d.dial)
}

// dial makes one connection and gives it to whoever has waited longest by then.
func (d *Database) dial() {
	in := d.in
	ctx, cancel := context.WithTimeout(in.dialCtx, in.cfg.DialTimeout)
	defer cancel()
	start := sinceEpoch()
	r, err := d.connect(ctx, work, true)
	took := sinceEpoch() - start
	in.observe(MeasuredDial, d, took, err)

	in.mu.Lock()
	defer in.mu.Unlock()
	in.dialling--
	d.dialling--
	in.serveTurnsLocked()
	d.dialledLocked(took, err)
	in.progressLocked()
	if err != nil {
		d.dialFailedLocked(err)
	} else {
		d.failures, d.failing = 0, ""
		d.failed.Store(false)
		in.dialTime = min(took, slowDial)
		in.adoptLocked(r)
		in.placeLocked(r)
	}
	in.pumpLocked()
	in.noteQuietLocked()
}

// connect dials and prepares one connection. With held the caller has charged its token; whatever happens, the token
// is given back by the socket's end, or here when there was never a socket.
func (d *Database) connect(ctx context.Context, p purpose, held bool) (*resource, error) {
	for {
		used := d.seen()
		r, err := d.connectAs(ctx, p, held, used)
		if err == nil || !d.learn(used, err) {
			return r, err
		}
		held = false // the socket that ends gives it back
	}
}

// connectAs is connect to what the address is believed to be.
func (d *Database) connectAs(ctx context.Context, p purpose, held bool, used front) (*resource, error) {
	dl := &dialer{in: d.in, db: d, purpose: p, held: held}
	r := d.newResource(p)
	cc, err := d.beforeConnect(ctx, used)
	if err == nil {
		dl.dial, cc.DialFunc = cc.DialFunc, dl.DialFunc
		dl.lookup, cc.LookupFunc = cc.LookupFunc, dl.LookupFunc
		cc.ConnectTimeout = 0 // ctx has it, and a wait for a token is not the server's time
		err = r.openGuarded(ctx, cc, dl)
	}
	if dl.takeHeld() {
		d.in.giveBack(p)
	}
	if err != nil {
		return nil, newConnectError(d.in.cfg.Name, &cc.Config, err)
	}
	return r, nil
}

// newResource is a connection about to be dialled: what happens from now on is later than it.
func (d *Database) newResource(p purpose) *resource {
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	r := &resource{db: d, control: p == control, fresh: true, suspicion: d.in.suspicion, generation: d.in.generation}
	r.node.of = r
	return r
}

// openGrace is how much longer than its time a dial may take to notice that it is over.
const openGrace = time.Second

// openGuarded is open, in which pgx calls functions of Config.Conn: DialFunc, LookupFunc, tracers and others. One that
// panics or does not return costs the dial and no more, as a hook does.
func (r *resource) openGuarded(ctx context.Context, cc *pgx.ConnConfig, dl *dialer) error {
	err, _ := r.db.in.runGuarded(ctx, "DialFunc or another function of Conn", openGrace, func() error {
		return r.open(ctx, cc, dl)
	})
	if _, failed := errors.AsType[*HookError](err); failed {
		dl.giveUp()
	}
	return err
}

func (r *resource) open(ctx context.Context, cc *pgx.ConnConfig, dl *dialer) error {
	r.watchErrors(cc)
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return err
	}
	r.conn, r.sock = conn, dl.sock
	r.sock.establish(conn.PgConn().PID())
	err = r.prepare(ctx, cc)
	if err != nil && !errors.Is(err, errPooled) {
		r.db.front.Store(nil) // somebody else may answer next
	}
	if err != nil && !r.abandoned {
		_ = conn.Close(ctx)
		r.sock.end(net.ErrClosed) // see close
	}
	return err
}

// prepare makes a session what it should be.
func (r *resource) prepare(ctx context.Context, cc *pgx.ConnConfig) (err error) {
	d := r.db
	if r.backend, err = d.recognise(ctx, r.conn); err != nil {
		return err
	}
	if d.seen().pooled {
		r.sock.pid.Store(0) // the key is the pooler's, or the backend stays when we go
		if modeBehindPooler(cc.DefaultQueryExecMode, d.in.cfg.PoolerExecMode) != cc.DefaultQueryExecMode {
			return errPooled
		}
	}
	if err = r.setUp(ctx); err != nil {
		return err
	}
	if d.in.cfg.AfterConnect == nil && d.prepare == nil {
		return nil
	}
	return r.connHook(ctx, "AfterConnect", func() error { return d.afterConnect(ctx, r.conn) })
}

// adoptLocked puts a new connection on the books, as in use. mu must be held.
func (in *Instance) adoptLocked(r *resource) {
	r.expires = in.clock + in.ticks(in.cfg.lifetime())
	if r.generation != in.generation {
		r.doom = &in.stat.Closes.Recycled
	}
	in.notePrimaryLocked(r)
	r.db.resources[r] = struct{}{}
	r.db.lent++
	in.inUse++
	if r.control {
		in.controlsInUse++
	}
}

// dialFailedLocked decides who hears of it. With no connection of d in use and no other dial under way nothing can come
// to those who wait, so they get the error now; otherwise those who have waited for a while do. A server that is merely full is tried again
// for as long as they are willing to wait. mu must be held.
func (d *Database) dialFailedLocked(err error) {
	in := d.in
	if in.closing {
		return
	}
	d.failures++
	d.failed.Store(true)
	d.dialErr, d.failing = err, dialErrorKind(err)
	longest, full := lastBackoff, d.failing == tooManyConnections
	if full {
		longest = lastFullBackoff
	}
	d.retryAt = time.Now().Add(rand.N(min(firstBackoff<<min(d.failures-1, 10), longest)))
	if full {
		return
	}
	d.line.each(func(w *waiter) {
		if d.lent+d.dialling == 0 || sinceEpoch()-w.since > hopeful {
			in.settleLocked(w, nil, err)
		}
	})
}

// backingOffLocked reports whether d must not be dialled yet, and sees to it that the queue is looked at when it may
// be. The instance's mu must be held.
func (d *Database) backingOffLocked() bool {
	if d.failures == 0 {
		return false
	}
	if d.dialling > 0 {
		return true // one attempt at a time tells as much as several
	}
	wait := time.Until(d.retryAt)
	if wait <= 0 {
		return false
	}
	if d.retry == nil {
		in := d.in
		d.retry = time.AfterFunc(wait, func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			d.retry = nil
			in.progressLocked()
			in.pumpLocked()
			d.tryAgainLocked()
		})
	}
	return true
}

// unreachableLocked is the last dial's error when nothing can come to a caller before the next dial, and that is too
// far away to wait for: callers of a server that is down do not pile up. The instance's mu must be held.
func (d *Database) unreachableLocked() error {
	if d.lent+d.dialling > 0 || !d.backingOffLocked() || time.Until(d.retryAt) <= hopeful {
		return nil
	}
	d.missed = true
	return d.dialErr
}

// tryAgainLocked dials when a caller was refused meanwhile and nobody waits: the next one need not pay for finding out
// that the server is back. The instance's mu must be held.
func (d *Database) tryAgainLocked() {
	if d.missed && d.failures > 0 && d.dialling == 0 && d.in.mayDialLocked() {
		d.missed = false
		d.in.startDialLocked(d)
	}
}

// socketOf finds the socket under a connection that pgx made with one of our dialers, or nil.
func socketOf(conn *pgx.Conn) *socket {
	c := conn.PgConn().Conn()
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	s, _ := c.(*socket)
	return s
}
