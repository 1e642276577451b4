package router

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool/budget"
	"github.com/keyway-go/keyway/pool/lease"
)

// budgets writes the connection budget of every instance that has none yet, and tells every database of a server where
// its budget is. A budget that is there is kept: it may have been changed since.
func (in *initializer) budgets(ctx context.Context) (map[string]lease.Budget, error) {
	missing, have, err := in.readBudgets(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.splitBudget(missing, have); err != nil {
		return nil, err
	}
	for _, name := range in.cfg.instanceNames() {
		home := in.cfg.Home(name)
		if _, ok := missing[name]; ok {
			b, err := lease.SetBudget(ctx, in.conns[home], in.cfg.credential(name, App).User, have[name])
			if err != nil {
				return nil, budgetError(name, err)
			}
			have[name] = b
		}
		for _, id := range in.cfg.shardIDs() {
			if s := in.cfg.Shards[id]; s.Instance == name {
				if err := lease.SetHome(ctx, in.conns[id], s.Database, in.cfg.Shards[home].Database); err != nil {
					return nil, &ShardError{Shard: id, Err: pgerr.Public(err)}
				}
			}
		}
	}
	return have, nil
}

func budgetError(instance string, err error) error {
	return fmt.Errorf("instance %s: %s", instance, strings.TrimPrefix(pgerr.Public(err).Error(), "lease: "))
}

// readBudgets returns the budgets that there are, and what the servers without one have to give.
func (in *initializer) readBudgets(ctx context.Context) (missing map[string]budget.Server, have map[string]lease.Budget, err error) {
	missing, have = map[string]budget.Server{}, map[string]lease.Budget{}
	for _, name := range in.cfg.instanceNames() {
		conn := in.conns[in.cfg.Home(name)]
		b, err := lease.ReadBudget(ctx, conn)
		if err == nil {
			have[name] = b
			continue
		}
		if !errors.Is(err, lease.ErrNoBudget) {
			return nil, nil, budgetError(name, err)
		}
		if missing[name], err = lease.ReadServer(ctx, conn, in.cfg.credential(name, App).User); err != nil {
			return nil, nil, budgetError(name, err)
		}
	}
	return missing, have, nil
}

// splitBudget divides what the configuration allows, less what other instances have already, evenly over the instances
// that have no budget yet. A server that has less gets what it has, and the others more.
func (in *initializer) splitBudget(missing map[string]budget.Server, have map[string]lease.Budget) error {
	left := in.cfg.Budget.Connections
	for _, b := range have {
		left -= b.Connections
	}
	var shares []budget.Share
	for _, name := range in.cfg.instanceNames() {
		if server, ok := missing[name]; ok {
			shares = append(shares, budget.Share{Server: name, Weight: 1, Capacity: server.Usable()})
		}
	}
	if len(shares) == 0 {
		return nil
	}
	if len(have) > 0 && left < len(shares) {
		return fmt.Errorf("%sinstance %s has no connection budget yet, and the %d connections of the configuration's budget are "+
			"given to other instances already; raise budget.connections, or lower another instance's with `keyway pool set`",
			errPrefix, shares[0].Server, in.cfg.Budget.Connections)
	}
	parts, err := budget.Split(left, shares)
	if err != nil {
		return fmt.Errorf("%s%s", errPrefix, strings.TrimPrefix(err.Error(), "budget: "))
	}
	for i, s := range shares {
		have[s.Server] = lease.Budget{Connections: parts[i], Processes: in.cfg.Budget.Processes}
	}
	return nil
}
