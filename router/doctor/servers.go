package doctor

import (
	"fmt"
	"strconv"
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
