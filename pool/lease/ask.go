package lease

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ask sends the request over a connection of the pool, or over one of its own when there is none to spare.
func (k *Keeper) ask(ctx context.Context, q Request, patience time.Duration) (reply Reply, err error) {
	if q.Floor > 0 {
		borrowed := false
		wait, cancel := context.WithTimeout(ctx, patience)
		err = k.cfg.Connections.Borrow(wait, func(conn *pgx.Conn) error {
			borrowed = true
			// Shorter than ctx, whose end would cost the connection.
			reply, err = renewWithin(ctx, conn, q, min(patience, lockWait))
			return err
		})
		cancel()
		if borrowed || ctx.Err() != nil {
			return reply, err
		}
	}
	err = k.cfg.Connections.Knock(ctx, func(conn *pgx.Conn) error {
		reply, err = renewWithin(ctx, conn, q, knockWait)
		return err
	})
	return reply, err
}

// take notes a reply or the failure to get one.
func (k *Keeper) take(r Reply, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		err = k.checkGrace(r.Budget)
	}
	k.state.Err = err
	if err != nil {
		k.member.Abandon()
		k.failed++
		k.state.Reason = reasonOf(err)
		return
	}
	if !k.member.Answer(k.now(), r) {
		return
	}
	k.failed = 0
	k.state.Reason, k.state.Held, k.state.Budget = r.Reason, r.Held, r.Budget
	k.state.Members, k.state.Waiting, k.state.Renewed = r.Members, r.Waiting, time.Now()
}

// checkGrace refuses a budget under which a dial of this process could outlive its lease unseen.
func (k *Keeper) checkGrace(b Budget) error {
	if b.Grace > k.cfg.DialTimeout {
		return nil
	}
	return fmt.Errorf("lease: the budget's grace of %s is not longer than this process's dial timeout of %s: a connection "+
		"could be opened after its lease was given away; set a longer grace, or a shorter dial timeout", b.Grace,
		k.cfg.DialTimeout)
}

// reasonOf is the error as a person needs it: the server's own sentence where there is one.
func reasonOf(err error) string {
	var pgErr *pgconn.PgError
	switch {
	case errors.Is(err, ErrNoBudget):
		return "no connection budget is set on this server; set one with `keyway pool set`"
	case errors.As(err, &pgErr):
		return fmt.Sprintf("the lease could not be renewed: %s (%s)", pgErr.Message, pgErr.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return "the lease could not be renewed: the server did not answer in time"
	}
	return "the lease could not be renewed: " + strings.TrimPrefix(err.Error(), "lease: ")
}
