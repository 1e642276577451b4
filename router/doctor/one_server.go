package doctor

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/oneserver"
	"github.com/keyway-go/keyway/router"
)

// twinned are shards of two instances whose servers started at the same moment, to the microsecond: one server, or two
// that were started together.
type twinned struct {
	a, b *facts
	same bool
	err  error // why it could not be found out
}

// lookForTwins asks the servers that started at the same moment whether they are one. One shard of each instance stands
// for it.
func (x *examination) lookForTwins(ctx context.Context) {
	var instances []*facts
	x.perServer(func(_ string, f *facts) {
		for _, other := range instances {
			if other.server.started.Equal(f.server.started) {
				x.twinned = append(x.twinned, x.ask(ctx, other, f))
			}
		}
		instances = append(instances, f)
	})
}

func (x *examination) ask(ctx context.Context, a, b *facts) twinned {
	t := twinned{a: a, b: b}
	t.err = with(ctx, x.cfg, a.id, router.App, func(ctx context.Context, from *pgx.Conn) error {
		return with(ctx, x.cfg, b.id, router.App, func(ctx context.Context, to *pgx.Conn) error {
			var err error
			t.same, err = oneserver.Ask(ctx, from, to)
			return err
		})
	})
	return t
}

// oneServer finds two names for one thing: instances that are one server, and shards that are one database, whatever a
// pooler calls it.
func (x *examination) oneServer() {
	one := map[[2]string]bool{}
	for _, t := range x.twinned {
		a, b := t.a.instance, t.b.instance
		switch {
		case t.err != nil:
			x.add(Warning, "cluster", fmt.Sprintf("instances %s and %s started at the same moment, and it could not be found out "+
				"whether they are one server: %v", a, b, t.err), "run the doctor again")
		case t.same:
			one[[2]string{a, b}] = true
			x.add(Problem, "cluster", fmt.Sprintf("instances %s and %s are one server", a, b),
				"name it once and put both databases on it: its connections are one budget")
		}
	}
	answered := x.answered()
	for i, a := range answered {
		for _, b := range answered[i+1:] {
			together := a.instance == b.instance || one[[2]string{a.instance, b.instance}] || one[[2]string{b.instance, a.instance}]
			if together && a.server.started.Equal(b.server.started) && a.server.database == b.server.database {
				x.add(Problem, "cluster", fmt.Sprintf("shards %s and %s are one database, %s", a.id, b.id, a.server.database),
					"give each shard a database of its own")
			}
		}
	}
}
