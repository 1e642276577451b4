package router

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/oneserver"
)

// checkServers finds instances that are one server, over connections that it opens beside the pools: two pools on one
// server may have no room for the question.
func (db *DB) checkServers(ctx context.Context, up []seen, f *openFailure) {
	checkServers(up, f, func(a, b seen) (same bool, err error) {
		var second, asked error
		first := db.beside(ctx, a.node, func(from *pgx.Conn) {
			second = db.beside(ctx, b.node, func(to *pgx.Conn) { same, asked = oneserver.Ask(ctx, from, to) })
		})
		return same, cmp.Or(first, second, asked)
	})
}

// checkServers finds instances that are one server. Those that started at the same moment are asked, and it is a failure
// when they cannot be: the connections of one server have one budget.
func checkServers(up []seen, f *openFailure, ask func(a, b seen) (bool, error)) {
	met := map[string]bool{}
	var instances []seen // the first shard of each
	for _, s := range up {
		if met[s.instance] {
			continue
		}
		met[s.instance] = true
		for _, other := range instances {
			if !other.started.Equal(s.started) {
				continue
			}
			at := s.started.UTC().Format(time.RFC3339Nano)
			switch same, err := ask(other, s); {
			case err != nil:
				f.add("instances %s and %s started at the same moment (%s), and it could not be found out whether they are one "+
					"server: %v", other.instance, s.instance, at, err)
			case same:
				f.add("instances %s and %s are one server (it started at %s); a server has one budget, so name it once and "+
					"put shards %s and %s on it as two databases", other.instance, s.instance, at, other.id, s.id)
			}
		}
		instances = append(instances, s)
	}
}
