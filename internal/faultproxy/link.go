package faultproxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errCut ends a direction because a rule, Cut or Close wants it.
var errCut = errors.New("cut")

// link is one connection of a client with its connection to the server.
type link struct {
	p      *Proxy
	client net.Conn
	// gone is closed when the link is cut.
	gone chan struct{}
	once sync.Once

	counted bool // this is a session, not a cancel request; p.mu

	// deaf drops what the server still says to the client.
	deaf atomic.Bool

	// The texts of prepared statements and portals; used by the client's direction only.
	statements, portals map[string]string

	mu     sync.Mutex
	server net.Conn // nil until dialled
	cycles int      // requests forwarded that the server answers with ReadyForQuery
	reply  *reply   // what to do with the answer of a cycle; nil for nothing
}

// reply is a rule that waits for the answer of one cycle of requests. Cycle 0
// is the start-up; each Query, FunctionCall and Sync ends one.
type reply struct {
	cycle int
	rule  *Rule
}

// cut closes both sides. It does not wait.
func (k *link) cut() {
	k.once.Do(func() { close(k.gone) })
	_ = k.client.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.server != nil {
		_ = k.server.Close()
	}
}

// run carries the connection to its end.
func (k *link) run() {
	defer k.p.forget(k)
	defer k.cut()
	in := bufio.NewReader(k.client)
	if err := k.pass(); err != nil {
		return
	}
	first, err := k.opening(in)
	if err != nil {
		return
	}
	server, err := k.p.dial()
	if err != nil {
		return
	}
	k.mu.Lock()
	k.server = server
	k.mu.Unlock()
	select {
	case <-k.gone: // cut while dialling, when there was no server to close
		return
	default:
	}
	if _, err := server.Write(first.raw); err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		defer k.cut()
		if first.name == "StartupMessage" {
			_ = k.fromServer(server)
			return
		}
		k.copyGated(k.client, server)
	})
	if first.name == "StartupMessage" {
		err = k.fromClient(in, server)
	} else {
		k.copyGated(server, in)
	}
	// The server may still have to read what was forwarded: end its input, and
	// leave the other direction to read until it hangs up.
	if tcp, ok := server.(*net.TCPConn); ok && !errors.Is(err, errCut) {
		_ = tcp.CloseWrite()
	} else {
		k.cut()
	}
	back.Wait()
}

// opening reads the first messages of a client: wishes for encryption are
// answered here, the one that opens a session is returned and counted.
func (k *link) opening(in *bufio.Reader) (message, error) {
	for {
		m, err := readStartup(in)
		if err != nil {
			return m, err
		}
		if err := k.pass(); err != nil {
			return m, err
		}
		if r := k.p.rule(m); r != nil {
			if err := k.before(r); err != nil {
				return m, err
			}
			k.expect(r)
		}
		switch m.name {
		case "SSLRequest", "GSSENCRequest":
			if k.p.passTLS && m.name == "SSLRequest" {
				k.countSession()
				return m, nil
			}
			if _, err := k.client.Write([]byte{'N'}); err != nil {
				return m, err
			}
		case "CancelRequest":
			k.p.count(func(s *Stat) { s.Cancels++ })
			return m, nil
		default:
			k.countSession()
			return m, nil
		}
	}
}

func (k *link) countSession() {
	k.p.count(func(s *Stat) {
		k.counted = true
		s.Accepted++
		s.Open++
		s.Peak = max(s.Peak, s.Open)
	})
	k.mu.Lock()
	k.cycles = 1
	k.mu.Unlock()
}

// fromClient forwards what the client sends, and acts on it.
func (k *link) fromClient(in *bufio.Reader, server net.Conn) error {
	out := bufio.NewWriter(server)
	var buf []byte
	for {
		m, err := readMessage(in, buf, false)
		buf = m.raw
		if err != nil {
			return err
		}
		k.follow(&m)
		if err := k.pass(); err != nil {
			return err
		}
		r := k.p.rule(m)
		if r != nil {
			// What came before this message must not wait for it.
			if err := out.Flush(); err != nil {
				return err
			}
			if err := k.before(r); err != nil {
				return err
			}
			k.expect(r)
		}
		if m.kind == 'Q' || m.kind == 'S' || m.kind == 'F' {
			k.mu.Lock()
			k.cycles++
			k.mu.Unlock()
		}
		if r != nil && r.action.kind == cutAfter {
			// In this order: the server may answer within microseconds, and a client that sees the end may send a cancel
			// request, which must not overtake the message.
			k.deaf.Store(true)
			_, err := out.Write(m.raw)
			return errors.Join(err, out.Flush(), k.client.Close(), io.EOF)
		}
		if _, err := out.Write(m.raw); err != nil {
			return err
		}
		if in.Buffered() == 0 || r != nil {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// fromServer forwards what the server sends, and acts on it.
func (k *link) fromServer(server net.Conn) error {
	in, out := bufio.NewReader(server), bufio.NewWriter(k.client)
	var buf []byte
	answered := 0
	lost := false // the client has gone; read on, so that the server can finish
	for {
		m, err := readMessage(in, buf, true)
		buf = m.raw
		if err != nil {
			_ = out.Flush()
			return err
		}
		if m.kind == 'C' {
			m.text, _ = cString(m.body())
		}
		if err := k.pass(); err != nil {
			return err
		}
		drop := false
		if r := k.expected(answered); r != nil {
			drop = r.action.kind != holdReply
			if !drop {
				if err := errors.Join(out.Flush(), k.await(r)); err != nil {
					return err
				}
			}
			if m.kind == 'Z' && r.action.kind == loseReply {
				return errCut
			}
		}
		if m.kind == 'Z' {
			answered++
		}
		if r := k.p.rule(m); r != nil && !drop {
			if err := out.Flush(); err != nil {
				return err
			}
			if err := k.before(r); err != nil {
				return err
			}
			if r.action.kind == cutAfter {
				_, _ = out.Write(m.raw)
				_ = out.Flush()
				return errCut
			}
		}
		if drop || lost || k.deaf.Load() {
			continue
		}
		if _, err := out.Write(m.raw); err == nil && in.Buffered() == 0 {
			err = out.Flush()
			lost = err != nil
		} else if err != nil {
			lost = true
		}
	}
}

// follow remembers the texts of prepared statements and portals, and puts the
// statement that a message executes into it.
func (k *link) follow(m *message) {
	switch m.kind {
	case 'Q':
		m.text, _ = cString(m.body())
	case 'P':
		name, rest := cString(m.body())
		k.statements[name], _ = cString(rest)
	case 'B':
		portal, rest := cString(m.body())
		name, _ := cString(rest)
		k.portals[portal] = k.statements[name]
	case 'E':
		portal, _ := cString(m.body())
		m.text = k.portals[portal]
	case 'C':
		if len(m.body()) == 0 {
			return
		}
		name, _ := cString(m.body()[1:])
		if m.body()[0] == 'S' {
			delete(k.statements, name)
		} else {
			delete(k.portals, name)
		}
	}
}

// before does what a rule wants done ahead of the message.
func (k *link) before(r *Rule) error {
	switch r.action.kind {
	case cutBefore:
		return errCut
	case hold:
		return k.await(r)
	case delayed:
		t := time.NewTimer(r.action.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-k.gone:
			return errCut
		}
	case call:
		r.action.do()
	case fatal:
		k.hangUp(fatalResponse(r.action.code))
		return errCut
	}
	return nil
}

// hangUp says a last word to the client. What the client still sends is read:
// closing a socket with unread input makes the kernel reset the connection, and
// the client may then lose the last word.
func (k *link) hangUp(last []byte) {
	_, _ = k.client.Write(last)
	if tcp, ok := k.client.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_ = k.client.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.Copy(io.Discard, k.client)
}

// await waits until the rule is released.
func (k *link) await(r *Rule) error {
	select {
	case <-r.released:
		return nil
	case <-k.gone:
		return errCut
	case <-k.p.done:
		return errCut
	}
}

// expect notes a rule about the answer to the message about to be forwarded.
func (k *link) expect(r *Rule) {
	switch r.action.kind {
	case loseReply, swallowReply, holdReply:
		k.mu.Lock()
		defer k.mu.Unlock()
		k.reply = &reply{cycle: k.cycles, rule: r}
	}
}

// expected is the rule about the answer that is being read; nil for none.
func (k *link) expected(cycle int) *Rule {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.reply == nil || k.reply.cycle > cycle {
		return nil
	}
	if k.reply.cycle < cycle {
		k.reply = nil
		return nil
	}
	return k.reply.rule
}

// pass waits while the proxy is paused.
func (k *link) pass() error {
	select {
	case <-k.p.gate():
		return nil
	case <-k.gone:
		return errCut
	case <-k.p.done:
		return errCut
	}
}

// copyGated carries bytes that cannot be read as messages.
func (k *link) copyGated(to io.Writer, from io.Reader) {
	buf := make([]byte, 1<<14)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if k.pass() != nil {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
