package pool

import (
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const clientCheck = "client_connection_check_interval"

// setUp asks one question on a new session (and again after DISCARD ALL): it sets client_connection_check_interval, so
// that the backend does not outlive a process that was killed, and compares the client's address that the server sees
// with our own. When they are the same, nothing stands between: what the kernel says about the socket then is what the
// backend's kernel says.
//
// It is no start-up parameter because a server or pooler that does not know the name would refuse the connection.
func (r *resource) setUp(ctx context.Context) error {
	if r.db.seen().pooled {
		return nil // the backend is the pooler's, and so is its client
	}
	addr, err := r.introduce(ctx, r.wantsClientCheck())
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && r.wantsClientCheck() && r.usable() {
		if pg.Code == "42704" || pg.Code == "22023" { // before 14 the name is unknown; elsewhere than on Linux only 0 is allowed
			r.db.in.noClientCheck.Store(true)
		}
		addr, err = r.introduce(ctx, false)
	} else if err == nil {
		r.sock.clientCheck.Store(r.wantsClientCheck())
	}
	if err != nil && r.usable() {
		r.sock.proxied.Store(true) // no PostgreSQL: nothing is believed of its sockets
		return nil
	}
	r.sock.proxied.Store(err == nil && !sameEnd(r.sock.LocalAddr(), addr))
	return err
}

func (r *resource) usable() bool { return !r.conn.IsClosed() && !r.dirty() }

// wantsClientCheck is false too when the template sets the interval itself.
func (r *resource) wantsClientCheck() bool {
	in := r.db.in
	_, own := r.db.conn.RuntimeParams[clientCheck]
	return !own && in.cfg.ClientCheckInterval > 0 && !in.noClientCheck.Load()
}

const askClient = "select pg_catalog.host(pg_catalog.inet_client_addr()) || ' ' || pg_catalog.inet_client_port()"

// introduce returns "address port" of the client as the server sees it, or "" for a Unix socket.
func (r *resource) introduce(ctx context.Context, set bool) (string, error) {
	sql := askClient
	if set {
		ms := min(max(r.db.in.cfg.ClientCheckInterval/time.Millisecond, 1), math.MaxInt32) // what the setting can be
		sql += ", pg_catalog.set_config('" + clientCheck + "', '" + strconv.FormatInt(int64(ms), 10) + "', false)"
	}
	start := sinceEpoch()
	answer, err := r.ask(ctx, sql)
	if err == nil {
		r.db.tripped(start)
	}
	return answer, err
}

// sameEnd reports whether the server sees the address that we have.
func sameEnd(local net.Addr, seen string) bool {
	if local.Network() == "unix" {
		return seen == ""
	}
	tcp, ok := local.(*net.TCPAddr)
	if !ok {
		return false
	}
	var host, port string
	for i := range seen {
		if seen[i] == ' ' {
			host, port = seen[:i], seen[i+1:]
		}
	}
	addr, err := netip.ParseAddr(host)
	ours := tcp.AddrPort()
	return err == nil && addr.Unmap() == ours.Addr().Unmap().WithZone("") && port == strconv.Itoa(int(ours.Port()))
}
