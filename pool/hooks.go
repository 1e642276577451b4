package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
)

// hookGrace is how much longer than its context a hook may take to notice that the context has ended.
const hookGrace = 100 * time.Millisecond

// HookError says that a hook of the configuration panicked or did not return in its time. The connection it had is
// closed; a hook that hangs keeps its goroutine, and nothing else of the pool.
type HookError struct {
	Instance string
	Hook     string // such as "AfterConnect"
	Panic    any    // what it panicked with, or nil
	Stack    []byte // of the panic
	Err      error  // why it was given up, when it did not panic
}

func (e *HookError) Error() string {
	if e.Panic != nil {
		return fmt.Sprintf("pool: instance %s: the hook %s panicked: %v", e.Instance, e.Hook, e.Panic)
	}
	return fmt.Sprintf("pool: instance %s: the hook %s did not return in its time: %v", e.Instance, e.Hook, e.Err)
}

// Unwrap gives the end of the hook's context, or the error that was its panic.
func (e *HookError) Unwrap() error {
	if err, ok := e.Panic.(error); ok {
		return err
	}
	return e.Err
}

// SafeToRetry is true: hooks run before a statement is sent or after it has ended.
func (e *HookError) SafeToRetry() bool { return true }

var errGoexit = errors.New("it ended its goroutine")

// recovered is deferred around a function of the configuration whose result nobody waits for. Its panic costs nothing.
func (in *Instance) recovered() {
	if recover() == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stat.HookErrors++
}

// runHook calls f in a goroutine of its own, so that neither a panic nor a hang is the pool's. When the hook is given
// up, hung is true: f may still use what it has.
func (in *Instance) runHook(ctx context.Context, name string, f func() error) (err error, hung bool) {
	return in.runGuarded(ctx, name, hookGrace, f)
}

// runGuarded is runHook with a grace of its own, which must be longer than that of hooks that f runs itself.
func (in *Instance) runGuarded(ctx context.Context, name string, grace time.Duration, f func() error) (err error, hung bool) {
	done := make(chan error, 1)
	go func() {
		err := error(&HookError{Instance: in.cfg.Name, Hook: name, Err: errGoexit})
		defer func() {
			if p := recover(); p != nil {
				err = &HookError{Instance: in.cfg.Name, Hook: name, Panic: p, Stack: debug.Stack()}
			}
			done <- err
		}()
		err = f()
	}()
	err, hung = awaitHook(ctx, grace, done)
	if hung {
		err = &HookError{Instance: in.cfg.Name, Hook: name, Err: err}
	}
	if e, failed := errors.AsType[*HookError](err); failed && e.Hook == name {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.stat.HookErrors++
	}
	return err, hung
}

func awaitHook(ctx context.Context, grace time.Duration, done <-chan error) (err error, hung bool) {
	select {
	case err := <-done:
		return err, false
	case <-ctx.Done():
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case err := <-done:
		return err, false
	case <-t.C:
		return ctx.Err(), true
	}
}

// connHook runs a hook on r's connection. When it hangs, r is ended under it and must only be closed.
func (r *resource) connHook(ctx context.Context, name string, f func() error) error {
	err, hung := r.db.in.runHook(ctx, name, f)
	if hung {
		r.abandon(err)
	}
	return err
}

// abandon ends the socket of a connection that somebody else may still use: from now on r.conn must not be touched.
func (r *resource) abandon(cause error) {
	r.abandoned = true
	r.sock.end(cause)
}

// beforeConnect asks for the password and lets the hook change the config of one dial. The result is the caller's.
func (d *Database) beforeConnect(ctx context.Context, used front) (*pgx.ConnConfig, error) {
	cc, in := d.conn.Copy(), d.in
	used.apply(cc, in.cfg.PoolerExecMode)
	if d.password == nil && in.cfg.BeforeConnect == nil {
		return cc, nil
	}
	err, _ := in.runHook(ctx, "Password or BeforeConnect", func() error {
		if err := d.setPassword(ctx, cc); err != nil {
			return err
		}
		if in.cfg.BeforeConnect == nil {
			return nil
		}
		return in.cfg.BeforeConnect(ctx, cc)
	})
	if err != nil {
		return d.conn.Copy(), err // a hook that hangs still has the other one
	}
	return cc, nil
}

func (d *Database) setPassword(ctx context.Context, cc *pgx.ConnConfig) error {
	if d.password == nil {
		return nil
	}
	secret, err := d.password(ctx, cc.User)
	cc.Password = secret
	return err
}

// afterConnect runs the hooks of instance and database.
func (d *Database) afterConnect(ctx context.Context, conn *pgx.Conn) error {
	for _, f := range []func(context.Context, *pgx.Conn) error{d.in.cfg.AfterConnect, d.prepare} {
		if f == nil {
			continue
		}
		if err := f(ctx, conn); err != nil {
			return err
		}
	}
	return nil
}

// readied runs PrepareConn on a connection that is about to be lent. Without ok the connection is not the caller's any
// more: it was closed, or given back when the hook found it sound and only refused the caller.
func (r *resource) readied(ctx context.Context) (ok bool, err error) {
	in := r.db.in
	if in.cfg.PrepareConn == nil {
		return true, nil
	}
	if in.cfg.AcquireTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, in.cfg.AcquireTimeout)
		defer cancel()
	}
	sound := false
	err = r.connHook(ctx, "PrepareConn", func() error {
		s, err := in.cfg.PrepareConn(ctx, r.conn)
		sound = s
		return err
	})
	switch {
	case r.abandoned || !sound:
		in.drop(r, &in.stat.Closes.Refused)
		return false, err
	case err != nil:
		r.release()
		return false, err
	default:
		return true, nil
	}
}

var errRefusedAfterRelease = errors.New("AfterRelease refused the connection")

// afterUse runs what the configuration wants between two holders.
func (in *Instance) afterUse(ctx context.Context, c *pgx.Conn) error {
	if in.cfg.Reset != nil {
		if err := in.cfg.Reset(ctx, c); err != nil {
			return err
		}
	}
	if in.cfg.AfterRelease != nil && !in.cfg.AfterRelease(c) {
		return errRefusedAfterRelease
	}
	return nil
}

// beforeClose runs the hook on a connection that is going to be closed.
func (r *resource) beforeClose() {
	hook := r.db.in.cfg.BeforeClose
	if hook == nil || r.abandoned {
		return
	}
	ctx, cancel := context.WithTimeout(r.db.in.alive, closeTimeout)
	defer cancel()
	_ = r.connHook(ctx, "BeforeClose", func() error { hook(r.conn); return nil })
}
