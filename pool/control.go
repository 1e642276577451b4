package pool

import (
	"context"
	"fmt"
)

// Control dials the connection that is kept back for LISTEN, probes and leases, so that work can never take it. It
// waits while somebody else has it or its last backend has not ended, as long as ctx and AcquireTimeout allow. It is
// for long use: its release closes it.
//
// It is refused with [ErrNoControl] when nothing is kept back, because Config.Control says so or because the limit is
// too small, and its connection is ended when the limit becomes so; and with [*NoSessionError], which is an ErrNoControl,
// when the database's address has [TransactionPooling]. Who wants it then asks over ordinary connections, which is
// slower and always possible while there is any budget.
func (in *Instance) Control(ctx context.Context, d *Database) (*Conn, error) {
	if d.in != in {
		return nil, fmt.Errorf("pool: instance %s: Control was called with database %s of instance %s",
			in.cfg.Name, d.name, d.in.cfg.Name)
	}
	none := &NoSessionError{Instance: in.cfg.Name, Database: d.name}
	if d.seen().shared {
		return nil, none
	}
	if err := in.takeToken(ctx, d, control); err != nil {
		return nil, err
	}
	r, err := d.connectNow(ctx)
	if err != nil {
		return nil, err
	}
	d.judge(ctx, r)
	if d.Pooling() == TransactionPooling {
		r.release()
		return nil, none
	}
	return r.newConn(), nil
}

// connectNow dials a control connection for the caller, who has charged a token, and fails when ctx or the pool ends.
func (d *Database) connectNow(ctx context.Context) (*resource, error) {
	ctx, cancel := context.WithTimeout(ctx, d.in.cfg.DialTimeout)
	defer cancel()
	defer context.AfterFunc(d.in.dialCtx, cancel)()
	start := sinceEpoch()
	r, err := d.connect(ctx, control, true)
	took := sinceEpoch() - start
	d.in.observe(MeasuredDial, d, took, err)

	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	d.dialledLocked(took, err)
	if err != nil {
		return nil, err
	}
	d.in.adoptLocked(r)
	d.in.noteDemandLocked()
	defer d.in.pumpLocked() // Scatter and Batch may have what looked as if it was on its way out
	switch {
	case d.in.closing:
		d.in.closeLocked(r, &d.in.stat.Closes.Shutdown)
		return nil, &closedError{d.in.cfg.Name}
	case d.in.keptLocked() == 0:
		d.in.closeLocked(r, &d.in.stat.Closes.Shrunk)
		return nil, d.in.noControlLocked()
	}
	r.class = Control
	d.in.acquiredLocked(r)
	return r, nil
}
