package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
)

// Target is one shard's database and how to reach it.
type Target struct {
	// Shard names the database in reports and errors. Required, and only once in a call.
	Shard shard.ID

	// Instance names the server. Shards of one instance are migrated one after
	// the other, since they share its disk. Empty means a server of its own.
	Instance string

	// Conn carries the migrator's credentials and the search_path that the files
	// expect (in RuntimeParams). It must lead to the server itself and not to a
	// pooler. It is copied, never changed.
	Conn *pgx.ConnConfig
}

// checked returns targets sorted by shard, or what is wrong with them.
func checked(targets []Target) ([]Target, error) {
	if len(targets) == 0 {
		return nil, errors.New("migrate: no shards were given")
	}
	sorted := slices.Clone(targets)
	slices.SortFunc(sorted, func(a, b Target) int { return cmp.Compare(a.Shard, b.Shard) })
	databases := make(map[string]shard.ID, len(sorted))
	for i, t := range sorted {
		if t.Shard == "" || t.Conn == nil {
			return nil, fmt.Errorf("migrate: target %q: a shard's name and its connection are both needed", t.Shard)
		}
		if i > 0 && sorted[i-1].Shard == t.Shard {
			return nil, fmt.Errorf("migrate: shard %s was given twice", t.Shard)
		}
		place := fmt.Sprintf("%s:%d/%s", t.Conn.Host, t.Conn.Port, t.Conn.Database)
		if other, taken := databases[place]; taken {
			return nil, fmt.Errorf("migrate: shards %s and %s are the same database (%s)", other, t.Shard, place)
		}
		databases[place] = t.Shard
	}
	return sorted, nil
}
