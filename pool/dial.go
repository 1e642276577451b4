package pool

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

// slowDial is the longest dial that is believed to be typical.
const slowDial = 100 * time.Millisecond

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
