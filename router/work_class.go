package router

import (
	"context"

	"github.com/keyway-go/keyway/pool"
)

// as makes ctx's acquires those of class c, unless the caller has said what they are.
func as(ctx context.Context, c pool.Class) context.Context {
	if pool.ClassOf(ctx) != pool.Interactive {
		return ctx
	}
	return pool.WithClass(ctx, c)
}
