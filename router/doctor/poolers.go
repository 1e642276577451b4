package doctor

import (
	"errors"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
)

// poolers looks at the way that statements take, where it may be another one than that of everything else here.
func (x *examination) poolers() {
	for _, f := range x.shards {
		in := x.cfg.Instances[f.instance]
		var wrong *router.SettingsError
		var refused *pool.PoolerError
		switch {
		case errors.As(f.statementsErr, &wrong):
			x.add(Problem, f.subject(), wrong.Error(), wrong.Remedy)
		case errors.As(f.statementsErr, &refused):
			x.add(Problem, f.subject(), refused.Error(), "change pgpool.conf and reload it")
		case f.statementsErr != nil && in.Pooler != "":
			x.add(Problem, f.subject(), f.statementsErr.Error(), "see that the pooler runs, and knows the role and the database")
		case f.pooling == pool.TransactionPooling && in.Direct == "" && in.Pooler == "":
			x.add(Problem, f.subject(), "primary is a pooler in transaction mode, and there is no address for sessions",
				"give the instance's direct address: the server's own")
		}
	}
}
