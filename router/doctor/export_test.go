package doctor

import (
	"context"
	"maps"
	"slices"

	"github.com/keyway-go/keyway/router"
)

// Twins are the instances that are one server, found as if all servers had started at one moment.
func Twins(ctx context.Context, cfg router.Config) (names []string, err error) {
	x := &examination{cfg: cfg}
	for _, id := range slices.Sorted(maps.Keys(cfg.Shards)) {
		x.shards = append(x.shards, &facts{id: id, instance: cfg.Shards[id].Instance})
	}
	x.lookForTwins(ctx)
	for _, t := range x.twinned {
		switch {
		case t.err != nil:
			return nil, t.err
		case t.same:
			names = append(names, t.a.instance+" "+t.b.instance)
		}
	}
	return names, nil
}
