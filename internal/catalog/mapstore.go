package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
)

// readMap says that keyway.map has one row. Tables as small as these are never analysed, and to the planner an unknown
// one has thousands of rows: without the limit the statement looks so costly that the server compiles it, which takes a
// thousand times longer than to run it.
const readMap = `select m.version, r.lo, r.hi, r.shard
from (select version from keyway.map limit 1) m left join keyway.map_ranges r on true order by r.lo`

// ReadMap returns the map that the database holds, in one round trip: the one that counts in the catalog's database,
// a copy elsewhere. It returns [ErrNoMap] when none was stored yet and [ErrNotInitialised] when there is no schema.
func ReadMap(ctx context.Context, q Querier) (*shard.Map, error) {
	rows, err := q.Query(ctx, readMap, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, readError("map", err)
	}
	var version int64
	var lo, hi *int16
	var id *string
	var ranges []shard.Range
	_, err = pgx.ForEachRow(rows, []any{&version, &lo, &hi, &id}, func() error {
		if lo != nil {
			ranges = append(ranges, shard.Range{Lo: shard.Slot(*lo), Hi: shard.Slot(*hi), Shard: shard.ID(*id)})
		}
		return nil
	})
	if err != nil {
		return nil, readError("map", err)
	}
	if version == 0 {
		return nil, ErrNoMap
	}
	m, err := shard.NewMap(uint64(version), ranges)
	if err != nil {
		return nil, fmt.Errorf("catalog: the stored map is damaged: %w", err)
	}
	return m, nil
}

// StoreMap stores m as the copy of the shard self, whose database conn is connected to, and makes the triggers there
// refuse every slot that self does not own by m. It waits for transactions that write slots which self loses, for as
// long as lock_timeout and ctx allow; nothing is changed when it fails.
//
// The same map again repairs nothing and costs nothing. An older map, or another one of the same version, is refused
// with a [*MapConflictError]; so is, with SQLSTATE KW004, giving slots away while a sharded table has no slot column,
// and a database that is another shard.
func StoreMap(ctx context.Context, conn *pgx.Conn, m *shard.Map, self shard.ID) error {
	los, his, shards := columnsOf(m)
	var found int64
	var stored bool
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select found_version, stored from keyway.store_map($1, $2, $3, $4, $5)",
			int64(m.Version()), los, his, shards, string(self)).Scan(&found, &stored)
	})
	if err != nil {
		return writeError(fmt.Sprintf("store the map on shard %s", self), err)
	}
	if !stored {
		return &MapConflictError{Have: uint64(found), New: m.Version()}
	}
	return nil
}

// SwapMap publishes m in the catalog's database if the map there still has the version old; 0 means that there is none
// yet. It notifies [MapChannel]. When someone was faster it returns a [*MapConflictError] and changes nothing. The new
// version must be higher.
//
// It changes no trigger, not even in the catalog's own database: [StoreMap] does, on every shard.
func SwapMap(ctx context.Context, conn *pgx.Conn, old uint64, m *shard.Map) error {
	if m.Version() <= old {
		return fmt.Errorf("catalog: a map of version %d cannot follow one of version %d", m.Version(), old)
	}
	los, his, shards := columnsOf(m)
	var found int64
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select keyway.swap_map($1, $2, $3, $4, $5)",
			int64(old), int64(m.Version()), los, his, shards).Scan(&found)
	})
	if err != nil {
		return writeError("publish the map", err)
	}
	if uint64(found) != old {
		return &MapConflictError{Have: uint64(found), Want: old, New: m.Version()}
	}
	return nil
}

// columnsOf takes the map apart into what unnest puts together.
func columnsOf(m *shard.Map) (los, his []int16, shards []string) {
	for _, r := range m.Ranges() {
		los = append(los, int16(r.Lo))
		his = append(his, int16(r.Hi))
		shards = append(shards, string(r.Shard))
	}
	return los, his, shards
}

func writeError(what string, err error) error {
	if noSchema(err) {
		return fmt.Errorf("%w (%w)", ErrNotInitialised, err)
	}
	return fmt.Errorf("catalog: %s: %w", what, err)
}
