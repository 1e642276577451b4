package pool

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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

// socketOf finds the socket under a connection that pgx made with one of our dialers, or nil.
func socketOf(conn *pgx.Conn) *socket {
	c := conn.PgConn().Conn()
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	s, _ := c.(*socket)
	return s
}
