package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
)

// ReadMap returns the map that the database holds: the one that counts in the catalog's database, a copy elsewhere.
// It returns [ErrNoMap] when none was stored yet and [ErrNotInitialised] when there is no keyway schema.
func ReadMap(ctx context.Context, q Querier) (*shard.Map, error) {
	return nil, ErrNotInitialised
}

// StoreMap stores m as the database's copy and makes the triggers there refuse every slot that self does not own.
func StoreMap(ctx context.Context, conn *pgx.Conn, m *shard.Map, self shard.ID) error {
	return ErrNotInitialised
}

// SwapMap replaces the map of version old by m in the catalog's database, or returns a [*MapConflictError].
func SwapMap(ctx context.Context, conn *pgx.Conn, old uint64, m *shard.Map) error {
	return ErrNotInitialised
}
