package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Stat counts connections since the proxy was made. Cancel requests are not
// connections here, they have their own count.
type Stat struct {
	Accepted int // connections of clients
	Open     int // of them, open now
	Peak     int // most open at one time
	Cancels  int // cancel requests
}

// Option changes what New makes.
type Option func(*Proxy)

// PassTLS forwards a client's wish for TLS to the server. The proxy then cannot
// read what follows: rules do not act, Pause, Cut and Refuse still do. Without
// it clients that ask for TLS are told there is none.
func PassTLS() Option { return func(p *Proxy) { p.passTLS = true } }

// Proxy is a PostgreSQL server with a bad network. Its methods may be called
// from several goroutines.
type Proxy struct {
	target  string
	addr    string
	passTLS bool

	// work counts the goroutines; Close waits for all of them.
	work sync.WaitGroup
	// done is closed by Close and ends every wait.
	done chan struct{}

	mu       sync.Mutex
	listener net.Listener  // nil while connections are refused
	open     chan struct{} // closed while messages may pass; replaced by Pause
	paused   bool
	closed   bool
	rules    []*Rule
	links    map[*link]struct{}
	stat     Stat
}

// New listens on a free port of 127.0.0.1 and forwards to the server at the
// address (host:port). The proxy is closed when ctx ends, or by Close.
func New(ctx context.Context, target string, options ...Option) (*Proxy, error) {
	p := &Proxy{
		target: target,
		done:   make(chan struct{}),
		open:   make(chan struct{}),
		links:  map[*link]struct{}{},
	}
	close(p.open)
	for _, o := range options {
		o(p)
	}
	if err := p.listenAnywhere(); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = p.Close() })
	return p, nil
}

// Addr is host:port, the same for the life of the proxy.
func (p *Proxy) Addr() string { return p.addr }

// Host is 127.0.0.1.
func (p *Proxy) Host() string { return "127.0.0.1" }

// Port is the port of Addr.
func (p *Proxy) Port() int {
	_, port, _ := net.SplitHostPort(p.addr)
	n, _ := strconv.Atoi(port)
	return n
}

// DSN is a connection URL for the server, changed to go through the proxy. It
// panics when dsn is no URL.
func (p *Proxy) DSN(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" {
		panic("faultproxy: DSN needs a postgres:// URL")
	}
	u.Host = p.addr
	return u.String()
}

// On adds a rule. Of several rules that match a message the oldest that still
// acts is the one.
func (p *Proxy) On(m Match, a Action) *Rule {
	r := newRule(m, a)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return r
}

// Stat returns the counts at this moment.
func (p *Proxy) Stat() Stat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stat
}

// Pause makes a black hole: connections stay open and new ones are accepted,
// but nothing is forwarded in either direction until Resume.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.paused {
		p.paused = true
		p.open = make(chan struct{})
	}
}

// Resume ends Pause. What waited is forwarded.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused {
		p.paused = false
		close(p.open)
	}
}

// Cut closes every connection there is. New ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

// Refuse stops listening: new connections get "connection refused" until
// Accept. Those that are open stay.
func (p *Proxy) Refuse() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return nil
	}
	err := p.listener.Close()
	p.listener = nil
	return err
}

// Accept ends Refuse, on the same port.
func (p *Proxy) Accept() error {
	p.mu.Lock()
	listening := p.listener != nil || p.closed
	p.mu.Unlock()
	if listening {
		return nil
	}
	return p.listen(p.addr)
}

// Close ends all connections and returns when nothing of the proxy runs any
// more. Twice is fine.
func (p *Proxy) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
		if p.listener != nil {
			_ = p.listener.Close()
			p.listener = nil
		}
		for l := range p.links {
			l.cut()
		}
	}
	p.mu.Unlock()
	p.work.Wait()
	return nil
}

// listenAnywhere takes a port below the range that outgoing connections get: a
// passing client must not take it while the proxy refuses.
func (p *Proxy) listenAnywhere() error {
	var err error
	for range 200 {
		p.addr = net.JoinHostPort(p.Host(), strconv.Itoa(20000+rand.IntN(12000)))
		if err = p.listen(p.addr); err == nil {
			return nil
		}
	}
	return err
}

func (p *Proxy) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("fault proxy: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener != nil {
		return l.Close()
	}
	p.listener = l
	p.work.Go(func() { p.serve(l) })
	return nil
}

// serve accepts until the listener is closed by Refuse or Close.
func (p *Proxy) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			_ = conn.Close()
			return
		}
		k := &link{p: p, client: conn, gone: make(chan struct{}), statements: map[string]string{}, portals: map[string]string{}}
		p.links[k] = struct{}{}
		p.work.Go(k.run)
		p.mu.Unlock()
	}
}

// rule returns the rule that acts on the message; nil for none.
func (p *Proxy) rule(m message) *Rule {
	p.mu.Lock()
	rules := slices.Clone(p.rules)
	p.mu.Unlock()
	for _, r := range rules {
		if r.match.of(m) && r.take() {
			return r
		}
	}
	return nil
}

// gate is closed while messages may pass.
func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

func (p *Proxy) count(change func(*Stat)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.stat)
}

func (p *Proxy) forget(k *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, k)
	if k.counted {
		p.stat.Open--
	}
}

// dial reaches the server.
func (p *Proxy) dial() (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	return d.Dial("tcp", p.target)
}
