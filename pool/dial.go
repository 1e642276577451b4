package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	firstBackoff = 10 * time.Millisecond
	lastBackoff  = 500 * time.Millisecond

	// slowDial is the longest dial that is believed to be typical.
	slowDial = 100 * time.Millisecond

	// hopeful is how long a waiter keeps hoping for a returned connection when dialling fails.
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

	mu          sync.Mutex
	held        bool // a token was charged for the next socket
	sock        *socket
	established bool
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
	c, err := dl.dial(ctx, network, addr)
	if err != nil {
		dl.in.giveBack(dl.purpose)
		return nil, err
	}
	s := newSocket(dl, c)
	dl.mu.Lock()
	dl.sock = s
	dl.mu.Unlock()
	return s, nil
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
	d.dialledLocked(took, err)
	if err != nil {
		d.dialFailedLocked(err)
	} else {
		d.failures = 0
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
	cc := d.conn.Copy()
	used.apply(cc, d.in.cfg.PoolerExecMode)
	dl := &dialer{in: d.in, db: d, purpose: p, dial: cc.DialFunc, held: held}
	cc.DialFunc = dl.DialFunc
	cc.ConnectTimeout = 0 // ctx has it, and a wait for a token is not the server's time
	conn, backend, err := d.open(ctx, cc, dl)
	if dl.takeHeld() {
		d.in.giveBack(p)
	}
	if err != nil {
		return nil, newConnectError(d.in.cfg.Name, &cc.Config, err)
	}
	return &resource{db: d, conn: conn, sock: dl.sock, backend: backend, control: p == control, fresh: true}, nil
}

func (d *Database) open(ctx context.Context, cc *pgx.ConnConfig, dl *dialer) (conn *pgx.Conn, backend uint32, err error) {
	if err := d.setPassword(ctx, cc); err != nil {
		return nil, 0, err
	}
	if conn, err = pgx.ConnectConfig(ctx, cc); err != nil {
		return nil, 0, err
	}
	dl.sock.establish(conn.PgConn().PID())
	backend, err = d.recognise(ctx, conn)
	if pooled := d.seen().pooled; err == nil && pooled {
		dl.sock.pid.Store(0) // the key is the pooler's, or the backend stays when we go
		if modeBehindPooler(cc.DefaultQueryExecMode, d.in.cfg.PoolerExecMode) != cc.DefaultQueryExecMode {
			err = errPooled
		}
	}
	if err == nil {
		err = d.prepare(ctx, conn)
	}
	if err != nil && !errors.Is(err, errPooled) {
		d.front.Store(nil) // somebody else may answer next
	}
	if err != nil {
		_ = conn.Close(ctx)
		return nil, 0, err
	}
	return conn, backend, nil
}

func (d *Database) setPassword(ctx context.Context, cc *pgx.ConnConfig) error {
	if d.password == nil {
		return nil
	}
	secret, err := d.password(ctx, cc.User)
	cc.Password = secret
	return err
}

// prepare runs the hooks of instance and database.
func (d *Database) prepare(ctx context.Context, conn *pgx.Conn) error {
	for _, f := range []func(context.Context, *pgx.Conn) error{d.in.cfg.AfterConnect, d.afterConnect} {
		if f == nil {
			continue
		}
		if err := f(ctx, conn); err != nil {
			return err
		}
	}
	return nil
}

// adoptLocked puts a new connection on the books, as in use. mu must be held.
func (in *Instance) adoptLocked(r *resource) {
	r.expires = in.clock + in.ticks(in.cfg.lifetime())
	r.suspicion = in.suspicion
	r.db.resources[r] = struct{}{}
	r.db.lent++
	in.inUse++
}

// dialFailedLocked decides who hears of it. With no connection of d in use and no other dial under way nothing can come
// to those who wait, so they get the error now; otherwise those who have waited for a while do. A server that is merely full is tried again
// for as long as they are willing to wait. mu must be held.
func (d *Database) dialFailedLocked(err error) {
	in := d.in
	if in.closing {
		return
	}
	full := dialErrorKind(err) == tooManyConnections
	d.failures++
	d.dialErr = err
	backoff := min(firstBackoff<<min(d.failures-1, 10), lastBackoff)
	d.retryAt = time.Now().Add(backoff/2 + rand.N(backoff/2))
	if full {
		return
	}
	for w := d.queue.first; w != nil; {
		next := w.next
		if d.lent+d.dialling == 0 || time.Since(w.since) > hopeful {
			in.settleLocked(w, nil, err)
		}
		w = next
	}
}

// backingOffLocked reports whether d must not be dialled yet, and sees to it that the queue is looked at when it may
// be. The instance's mu must be held.
func (d *Database) backingOffLocked() bool {
	if d.failures == 0 {
		return false
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
			in.pumpLocked()
		})
	}
	return true
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
