package pool

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A socket is a net.Conn that owns a token. Close returns at once, but the token goes back only when the server has
// closed its end, or is known not to have the backend any more: the kernel closes a backend's socket when the process
// exits, which is after the slot in max_connections was given back.
//
// It lies below TLS: what is read while draining is thrown away, so it need not be understood.
type socket struct {
	net.Conn
	in      *Instance
	db      *Database
	dl      *dialer
	purpose purpose
	pid     atomic.Uint32 // the backend's, 0 until the start-up is over

	proxied     atomic.Bool // the server sees another address than ours: the end of the socket proves nothing
	clientCheck atomic.Bool // the backend looks for us every ClientCheckInterval
	polite      atomic.Bool // the backend was idle and got our Terminate

	// reading is held around every read, and by drain for good, so that only one of pgx and drain reads.
	reading sync.Mutex
	failure atomic.Pointer[failure] // the first failed read

	// ending guards closed and cause against deadlines that pgx sets after Close: they would end the drain.
	ending sync.Mutex
	closed atomic.Bool
	cause  error         // what reads and writes return once closed
	since  time.Duration // when it was closed, since epoch

	gone chan struct{} // closed when the token is back

	// Guarded by the instance's mu.
	ended    bool // gone is closed
	promised bool // someone waits for the token: counted in the instance's evicting
}

type failure struct {
	err     error
	timeout bool // the deadline of a cancelled context
}

// newSocket wraps c, for which a token has been charged.
func newSocket(dl *dialer, c net.Conn) *socket {
	in := dl.in
	s := &socket{Conn: c, in: in, db: dl.db, dl: dl, purpose: dl.purpose, gone: make(chan struct{})}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.sockets[s] = struct{}{}
	return s
}

func (s *socket) Read(p []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.closed.Load() {
		return 0, s.cause
	}
	n, err := s.Conn.Read(p)
	if err == nil {
		return n, nil
	}
	if s.closed.Load() {
		return n, s.cause
	}
	s.failure.CompareAndSwap(nil, &failure{err: err, timeout: errors.Is(err, os.ErrDeadlineExceeded)})
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	if s.closed.Load() {
		return 0, s.cause
	}
	n, err := s.Conn.Write(p)
	if err != nil && s.closed.Load() {
		err = s.cause
	}
	return n, err
}

// timedOut reports whether it was our own impatience that ended the connection, not the server.
func (s *socket) timedOut() bool {
	f := s.failure.Load()
	return f != nil && f.timeout
}

// lostBy is what ended the connection.
func (s *socket) lostBy() error {
	if f := s.failure.Load(); f != nil {
		return f.err
	}
	if s.closed.Load() {
		return s.cause
	}
	return pgconn.ErrConnClosed
}

func (s *socket) SetDeadline(t time.Time) error {
	return s.unlessClosed(func() error { return s.Conn.SetDeadline(t) })
}

func (s *socket) SetReadDeadline(t time.Time) error {
	return s.unlessClosed(func() error { return s.Conn.SetReadDeadline(t) })
}

func (s *socket) SetWriteDeadline(t time.Time) error {
	return s.unlessClosed(func() error { return s.Conn.SetWriteDeadline(t) })
}

func (s *socket) unlessClosed(f func() error) error {
	s.ending.Lock()
	defer s.ending.Unlock()
	if s.closed.Load() {
		return s.cause
	}
	return f()
}

// Close ends our half of the connection and leaves the rest to the background. A second Close does nothing.
func (s *socket) Close() error {
	s.end(net.ErrClosed)
	return nil
}

// end closes the socket; reads and writes, also those in progress, return cause.
func (s *socket) end(cause error) {
	s.ending.Lock()
	if s.closed.Load() {
		s.ending.Unlock()
		return
	}
	s.cause, s.since = cause, sinceEpoch()
	s.closed.Store(true)
	_ = s.Conn.SetDeadline(time.Unix(1, 0)) // whoever reads or writes now, stops
	s.ending.Unlock()
	s.dl.endTurn() // if it never got as far as AfterConnect
	go s.drain()
}

// drain owns the socket from Close to the end. It ends when the backend has ended, at the latest after LingerTimeout
// or when Close has given up.
func (s *socket) drain() {
	s.reading.Lock()
	defer s.reading.Unlock()
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	if !s.in.isDead() {
		s.awaitBackend()
	}
	_ = s.Conn.Close()
	s.in.observe(MeasuredDrain, s.db, sinceEpoch()-s.since, nil)
	s.giveBack()
}

// awaitBackend returns when the backend has ended, as far as that can be found out.
func (s *socket) awaitBackend() {
	switch s.readToEnd(time.Now().Add(s.in.cfg.DrainTimeout)) {
	case nothing:
		s.linger(time.Now().Add(s.in.cfg.LingerTimeout))
	case eof:
		if s.proxied.Load() && !s.polite.Load() {
			s.doubt()
		}
	case reset:
		if s.proxied.Load() {
			s.doubt()
		}
	}
}

// doubt asks the server about a backend behind something that ended our connection, which proves nothing about the
// backend: it may compute for as long as its statement or ClientCheckInterval lasts.
func (s *socket) doubt() {
	if s.pid.Load() == 0 {
		return // it waits for our part of the start-up, and sees that there is none
	}
	patience := s.in.cfg.LingerTimeout
	if s.clientCheck.Load() {
		patience = min(patience, s.in.cfg.ClientCheckInterval+2*inquiryPeriod)
	}
	s.linger(time.Now().Add(patience))
}

// ending is what a socket said last.
type ending uint8

const (
	nothing ending = iota // in the time it had
	eof
	reset // the sender's kernel has no such socket any more
)

// readToEnd reads until the other side closes or the time is over.
func (s *socket) readToEnd(until time.Time) ending {
	if s.Conn.SetReadDeadline(until) != nil {
		return reset
	}
	_, err := io.Copy(io.Discard, onlyReader{s.Conn})
	switch {
	case err == nil:
		return eof
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return reset
	default:
		return nothing
	}
}

// onlyReader hides WriteTo, with which io.Copy would move the data to a pipe first.
type onlyReader struct{ io.Reader }

// promiseLocked notes that someone waits for this token and reports false if it is back already. The instance's mu
// must be held.
func (s *socket) promiseLocked() bool {
	if s.ended || s.promised {
		return false
	}
	s.promised = true
	s.in.evicting++
	if s.purpose == lent {
		s.in.reclaimed++
	}
	return true
}

// unpromiseLocked is the end of a promise, kept or not. The instance's mu must be held.
func (s *socket) unpromiseLocked() {
	if s.promised {
		s.promised = false
		s.in.evicting--
		if s.purpose == lent {
			s.in.reclaimed--
		}
	}
}

func (s *socket) giveBack() {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if s.ended {
		panic("bug: a socket ended twice")
	}
	s.ended = true
	s.in.stat.Drain.add(sinceEpoch()-s.since, 1)
	close(s.gone)
	delete(s.in.sockets, s)
	if s.in.presumed == s {
		s.in.presumed = nil
	}
	s.unpromiseLocked()
	s.in.giveBackLocked(s.purpose)
	s.in.progressLocked()
}
