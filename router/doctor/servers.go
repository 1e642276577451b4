package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/pool/lease"
)

const oldestServer = 150000

func (x *examination) reachable() {
	for _, f := range x.shards {
		switch {
		case f.err != nil:
			x.add(Problem, f.subject(), f.err.Error(), "see that the server runs, the address is right and the role may connect")
		case f.migratorErr != nil:
			x.add(Problem, f.subject(), f.migratorErr.Error(), "migrations and init connect as this role; see its password and address")
		}
	}
}

// oneServer finds two names for one thing. A server's start, to the microsecond,
// tells it from others; addresses and system identifiers do not (copies have the
// same identifier).
func (x *examination) oneServer() {
	answered := x.answered()
	for i, a := range answered {
		for _, b := range answered[i+1:] {
			switch {
			case !a.server.started.Equal(b.server.started):
			case a.server.database == b.server.database:
				x.add(Problem, "cluster", fmt.Sprintf("shards %s and %s are one database, %s", a.id, b.id, a.server.database),
					"give each shard a database of its own")
			case a.instance != b.instance:
				x.add(Problem, "cluster", fmt.Sprintf("instances %s and %s are one server", a.instance, b.instance),
					"name it once and put both databases on it: its connections are one budget")
			}
		}
	}
}

func (x *examination) versions() {
	major := make(map[int][]string)
	x.perServer(func(instance string, of *facts) {
		major[of.server.versionNum/10000] = append(major[of.server.versionNum/10000], instance)
		if of.server.versionNum < oldestServer {
			x.add(Problem, "instance "+instance, "it runs PostgreSQL "+of.server.version, "upgrade it to 15 or later")
		}
	})
	if len(major) > 1 {
		x.add(Warning, "cluster", fmt.Sprintf("servers run different major versions: %v", major),
			"upgrade the older ones; merging rows of several shards needs one version")
	}
}

func (x *examination) encoding() {
	for _, f := range x.answered() {
		if f.server.encoding != "UTF8" {
			x.add(Problem, f.subject(), "its database is encoded in "+f.server.encoding, "make it anew with encoding UTF8: keys are hashed as UTF-8")
		}
		if f.server.collation != "" {
			x.add(Warning, f.subject(), "the database was made with collation version "+f.server.collation,
				"reindex its text indexes, then alter database "+f.server.database+" refresh collation version")
		}
	}
}

// settings that can only be changed by a restart are named before they are needed.
func (x *examination) settings() {
	x.perServer(func(instance string, of *facts) {
		s, subject := of.server.settings, "instance "+instance
		number := func(name string) int { n, _ := strconv.Atoi(s[name]); return n }
		if s["fsync"] == "off" || s["full_page_writes"] == "off" {
			x.add(Warning, subject, "fsync or full_page_writes is off", "turn them on, or a power failure loses the database")
		}
		if s["default_transaction_read_only"] == "on" {
			x.add(Problem, subject, "default_transaction_read_only is on", "turn it off for the app's role, or no write will pass")
		}
		if number("max_prepared_transactions") == 0 {
			x.add(Note, subject, "max_prepared_transactions is 0", "transactions over several shards will need it: "+
				"set it to the number of connections budgeted here, which takes a restart")
		}
		if s["wal_level"] != "logical" {
			x.add(Note, subject, "wal_level is "+s["wal_level"], "moving slots online will need logical, which takes a restart")
		}
		for _, name := range []string{"max_replication_slots", "max_wal_senders", "max_logical_replication_workers"} {
			if number(name) < 4 {
				x.add(Note, subject, fmt.Sprintf("%s is %s", name, s[name]), "moving slots online will need at least 4, which takes a restart")
			}
		}
	})
}

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
