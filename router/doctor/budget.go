package doctor

import (
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/pool/lease"
)

// budget holds what all processes may take from a server against what it has.
func (x *examination) budget() {
	instances := make(map[string]bool)
	for _, s := range x.cfg.Shards {
		instances[s.Instance] = true
	}
	x.homes()
	asserted := 0
	x.perServer(func(instance string, of *facts) {
		s := of.server
		b, ok := x.budgetOf(instance)
		if !ok {
			return
		}
		budgeted := b.Connections
		asserted += budgeted
		if err := lease.Assert(instance, b, 0, x.cfg.Budget.Processes); err != nil {
			x.add(Warning, "instance "+instance, strings.TrimPrefix(err.Error(), "lease: instance "+instance+": "),
				"the row on the server counts")
		}
		x.report.Servers = append(x.report.Servers, ServerReport{Instance: instance, Version: s.version,
			MaxConnections: s.maxConnections, Reserved: s.reserved, Budgeted: budgeted, InUse: s.others})
		x.fits(instance, of, budgeted)
		x.spans(instance, b)
	})
	if len(x.report.Servers) == len(instances) && asserted != x.cfg.Budget.Connections {
		x.add(Warning, "cluster", fmt.Sprintf("the servers' budgets are %d connections together, and the configuration says %d",
			asserted, x.cfg.Budget.Connections), "the servers' count: `keyway pool set` changes them, or change the configuration")
	}
}

// homes finds databases that do not name their server's budget, or another one.
func (x *examination) homes() {
	for _, f := range x.answered() {
		if f.homeErr != nil && f.identityErr == nil {
			x.add(Problem, f.subject(), strings.TrimPrefix(f.homeErr.Error(), "lease: "), "run keyway init again")
		}
	}
}

// budgetOf is the budget that the instance's home database holds.
func (x *examination) budgetOf(instance string) (lease.Budget, bool) {
	for _, f := range x.answered() {
		if f.instance != instance || f.id != x.cfg.Home(instance) || f.identityErr != nil {
			continue
		}
		if f.budgetErr != nil {
			x.add(Problem, "instance "+instance, strings.TrimPrefix(f.budgetErr.Error(), "lease: "), "run keyway init again, or keyway pool set")
			return lease.Budget{}, false
		}
		return f.budget, true
	}
	return lease.Budget{}, false
}

func (x *examination) fits(instance string, of *facts, budgeted int) {
	s, subject := of.server, "instance "+instance
	free := s.maxConnections - s.reserved
	switch {
	case budgeted > free:
		x.add(Problem, subject, fmt.Sprintf("the budget gives all processes %d connections here, and the server has %d "+
			"(max_connections %d, %d of them reserved for superusers)", budgeted, free, s.maxConnections, s.reserved),
			"lower it with keyway pool set, or raise max_connections")
	case budgeted+s.others > free:
		x.add(Warning, subject, fmt.Sprintf("the budget gives all processes %d connections here; the server has %d and other roles "+
			"hold %d of them now", budgeted, free, s.others), "lower it with keyway pool set, or find out who the others are")
	case budgeted == free:
		x.add(Warning, subject, fmt.Sprintf("the budget takes all %d connections of the server", free),
			"leave some for migrations, monitoring and the people on call")
	}
	if of.app.limit >= 0 && of.app.limit < budgeted {
		x.add(Problem, subject, fmt.Sprintf("role %s may hold %d connections, and the budget gives it %d", of.app.name, of.app.limit, budgeted),
			fmt.Sprintf("alter role %s connection limit %d", of.app.name, budgeted))
	}
	if of.app.limit < 0 && !of.app.super {
		x.add(Note, subject, fmt.Sprintf("role %s has no connection limit of its own", of.app.name),
			fmt.Sprintf("alter role %s connection limit %d: the server then holds the budget too, whoever else uses the role",
				of.app.name, budgeted))
	}
	if s.databaseLimit >= 0 && s.databaseLimit < budgeted {
		x.add(Warning, of.subject(), fmt.Sprintf("database %s takes %d connections, and the budget allows %d on its server",
			s.database, s.databaseLimit, budgeted), "raise the database's connection limit")
	}
}

// spans holds what a process may have on a server against its shards there: a connection is to one database, and a read
// of all of them takes one to each at once. The process that hears of changes of the map keeps one more.
func (x *examination) spans(instance string, b lease.Budget) {
	wanted := 0
	for id, s := range x.cfg.Shards {
		if s.Instance == instance {
			wanted++
		}
		if s.Instance == instance && id == x.cfg.Catalog {
			wanted++
		}
	}
	remedy := "raise connections, or the floor, with keyway pool set"
	of := fmt.Sprintf("of the %d connections that a read of all its shards here wants at once", wanted)
	switch most := b.Floor + b.Elastic(); {
	case most < wanted:
		x.add(Warning, "instance "+instance, fmt.Sprintf("a process may have %d at most %s: such reads are in turns and open "+
			"connections anew", most, of), remedy)
	case b.Floor < wanted:
		x.add(Note, "instance "+instance, fmt.Sprintf("a process is sure of %d %s: while others are busy such reads are in "+
			"turns and open connections anew", b.Floor, of), remedy)
	}
}
