package txn

import "context"

type mark uint8

const (
	markNone mark = iota
	markInside
	markIndependent
)

type markKey struct{}

// inside is the context that a transaction's function gets.
func inside(ctx context.Context) context.Context {
	return context.WithValue(ctx, markKey{}, markInside)
}

// Independent returns a context with which the function of one transaction may run another one, which commits or rolls
// back on its own, whatever becomes of the outer one. It is tried once, because the outer function is run again as a
// whole, and then so is this: make it repeatable. It holds a second connection while the first waits, so a process whose
// pool is empty can wait for itself until the acquire timeout.
//
// Outside of a transaction it returns ctx as it is.
func Independent(ctx context.Context) context.Context {
	if markOf(ctx) != markInside {
		return ctx
	}
	return context.WithValue(ctx, markKey{}, markIndependent)
}

func markOf(ctx context.Context) mark {
	m, _ := ctx.Value(markKey{}).(mark)
	return m
}
