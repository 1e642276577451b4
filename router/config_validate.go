package router

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/shard"
)

// Validate reports everything that is wrong with the configuration, each as a sentence that begins with the place, in
// a stable order, joined by [errors.Join]. It connects to nothing.
func (c Config) Validate() error {
	v := &validation{}
	c.checkStrings(v)
	c.checkCredentials(v)
	c.checkInstances(v)
	c.checkShards(v)
	c.checkTables(v)
	c.checkObserve(v)
	c.checkModes(v)
	c.checkBudget(v)
	c.checkPool(v)
	return v.err()
}

// validation collects sentences.
type validation struct{ sentences []string }

func (v *validation) add(format string, args ...any) {
	v.sentences = append(v.sentences, fmt.Sprintf(format, args...))
}

func (v *validation) err() error {
	slices.Sort(v.sentences)
	errs := make([]error, 0, len(v.sentences))
	for _, s := range slices.Compact(v.sentences) {
		errs = append(errs, errors.New(s))
	}
	return errors.Join(errs...)
}

// checkStrings refuses NUL bytes: in a start-up packet they end a value and begin a parameter of the attacker's choice.
func (c Config) checkStrings(v *validation) {
	check := func(place, value string) {
		if strings.ContainsRune(value, 0) {
			v.add("%s: has a NUL byte", place)
		}
	}
	check("environment", c.Environment)
	check("schema", c.Schema)
	check("application", c.Application)
	credential := func(place string, cr Credential) {
		check(place+".user", cr.User)
		check(place+".password", string(cr.Password))
	}
	credential("credentials.app", c.Credentials.App)
	credential("credentials.migrator", c.Credentials.Migrator)
	for name, in := range c.Instances {
		credential("instances."+name+".credentials.app", in.Credentials.App)
		credential("instances."+name+".credentials.migrator", in.Credentials.Migrator)
	}
	for id, s := range c.Shards {
		check("shards."+string(id)+".database", s.Database)
	}
}

func (c Config) checkCredentials(v *validation) {
	for _, name := range c.instanceNames() {
		if _, ok := c.Instances[name]; ok && c.credential(name, App).User == "" {
			v.add("credentials.app.user: is not given, and instance %s has none of its own", name)
		}
	}
	if c.Credentials.App.User == "" && c.Credentials.App.Password != "" {
		v.add("credentials.app.user: is not given, though its password is")
	}
	if c.Credentials.Migrator.User == "" && c.Credentials.Migrator.Password != "" {
		v.add("credentials.migrator.user: is not given, though its password is")
	}
}

func (c Config) checkInstances(v *validation) {
	if len(c.Instances) == 0 {
		v.add("instances: there are none; name at least one server with its primary address")
	}
	owner := make(map[string]string, len(c.Instances))
	for _, name := range slices.Sorted(maps.Keys(c.Instances)) {
		place := "instances." + name
		if err := shard.ID(name).Validate(); err != nil {
			v.add("%s: the name must be 1 to 63 lower-case letters, digits, - or _, and begin with a letter", place)
		}
		in := c.Instances[name]
		if in.Primary == "" {
			v.add("%s.primary: is not given; write host:port", place)
		}
		checkAddress(v, place+".primary", in.Primary)
		checkAddress(v, place+".direct", in.Direct)
		checkAddress(v, place+".pooler", in.Pooler)
		if in.Pooler != "" && (in.Pooler == in.Primary || in.Pooler == in.Direct) {
			v.add("%s.pooler: is %s, which is given as another address of the instance too; leave one of them out", place, in.Pooler)
		}
		if s, ok := c.Shards[in.Home]; in.Home != "" && (!ok || s.Instance != name) {
			v.add("%s.home: %q is not a shard on this instance", place, string(in.Home))
		}
		for i, r := range in.Replicas {
			checkAddress(v, fmt.Sprintf("%s.replicas[%d]", place, i), r)
		}
		for _, address := range []string{in.Primary, in.Direct} {
			other, taken := owner[address]
			if address != "" && taken && other != name {
				v.add("instances: %s and %s are one server (%s); a server has one budget, so name it once and put "+
					"several shards on it as several databases", other, name, address)
			}
			owner[address] = name
		}
	}
}

func checkAddress(v *validation, place, address string) {
	if address == "" {
		return
	}
	if _, _, err := splitAddress(address); err != nil {
		v.add("%s: %v", place, err)
	}
}

// splitAddress takes host:port, [ipv6]:port or /directory:port apart.
func splitAddress(address string) (host string, port uint16, err error) {
	if strings.ContainsRune(address, 0) {
		return "", 0, errors.New("has a NUL byte")
	}
	if strings.Contains(address, "://") {
		return "", 0, errors.New("is a URL; write host:port, and user, password and database in their own places")
	}
	h, p, err := net.SplitHostPort(address)
	if err != nil || h == "" {
		return "", 0, fmt.Errorf("%q is not an address; write host:port, [ipv6]:port or /socket/directory:port", address)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q has no port between 1 and 65535", address)
	}
	if strings.ContainsAny(h, ", \t") {
		return "", 0, fmt.Errorf("%q must be one host; a server is one address", address)
	}
	return h, uint16(n), nil
}

func (c Config) checkShards(v *validation) {
	if len(c.Shards) == 0 {
		v.add("shards: there are none; name at least one database with its instance")
	}
	type database struct{ instance, name string }
	owner := make(map[database]shard.ID, len(c.Shards))
	for _, id := range c.shardIDs() {
		s, place := c.Shards[id], "shards."+string(id)
		if err := id.Validate(); err != nil {
			v.add("%s: %v", place, err)
		}
		if s.Database == "" {
			v.add("%s.database: is not given", place)
		}
		if _, ok := c.Instances[s.Instance]; !ok {
			v.add("%s.instance: %q is not among the instances (%s)", place, s.Instance, joined(c.Instances))
		}
		at := database{s.Instance, s.Database}
		if other, taken := owner[at]; taken {
			v.add("shards: %s and %s are one database (%s on %s); each shard needs its own",
				other, id, s.Database, s.Instance)
		}
		owner[at] = id
	}
	if _, ok := c.Shards[c.Catalog]; !ok {
		v.add("catalog: %q is not among the shards (%s)", string(c.Catalog), joined(c.Shards))
	}
}

// joined lists the keys of a map for a sentence.
func joined[K cmp.Ordered, V any](m map[K]V) string {
	if len(m) == 0 {
		return "there are none"
	}
	var b strings.Builder
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, k)
	}
	return b.String()
}

func (c Config) checkTables(v *validation) {
	for _, name := range slices.Sorted(maps.Keys(c.Tables)) {
		t, place := c.Tables[name], "tables."+name
		kinds := 0
		for _, set := range []bool{len(t.Key) > 0, t.Reference, t.Home != ""} {
			if set {
				kinds++
			}
		}
		if kinds != 1 {
			v.add("%s: give exactly one of key, reference or home", place)
		}
		if t.Home != "" {
			if _, ok := c.Shards[t.Home]; !ok {
				v.add("%s.home: %q is not among the shards (%s)", place, string(t.Home), joined(c.Shards))
			}
		}
	}
}

func (c Config) checkObserve(v *validation) {
	named := make(map[string]bool, len(c.Observe))
	for i, name := range c.Observe {
		place := fmt.Sprintf("observe[%d]", i)
		switch {
		case name == observeAll:
			if len(c.Observe) > 1 {
				v.add("%s: \"*\" is every table; leave the others out", place)
			}
		case !isTableName(name):
			v.add("%s: %q is not the name of a table; write table, schema.table, or \"*\" for every table", place, name)
		case named[name]:
			v.add("%s: %q is there twice", place, name)
		}
		named[name] = true
	}
}

func isTableName(name string) bool {
	parts := strings.Split(name, ".")
	return len(parts) <= 2 && !slices.Contains(parts, "") && !strings.ContainsAny(name, "*\x00")
}

func (c Config) checkModes(v *validation) {
	checkTLS(v, "sslmode", c.TLS.Mode)
	for name, in := range c.Instances {
		checkTLS(v, "instances."+name+".sslmode", in.TLS.Mode)
	}
	switch c.ExecMode {
	case "", CacheStatement, CacheDescribe, DescribeExec, ExecOnly:
	case "simple_protocol":
		v.add("exec_mode: simple_protocol is refused, because it puts values into the text of statements; " +
			"behind a pooler that cannot prepare, use cache_describe or exec")
	default:
		v.add("exec_mode: %q is unknown; use cache_statement, cache_describe, describe_exec or exec", string(c.ExecMode))
	}
	if c.ConnectTimeout < 0 {
		v.add("connect_timeout: must not be negative")
	}
}

func checkTLS(v *validation, place string, m TLSMode) {
	switch m {
	case "", Disable, Require, VerifyCA, VerifyFull:
	case "prefer", "allow":
		v.add("%s: %q falls back to plain text without saying so; use verify-full, verify-ca, require or disable",
			place, string(m))
	default:
		v.add("%s: %q is unknown; use verify-full, verify-ca, require or disable", place, string(m))
	}
}

func (c Config) checkBudget(v *validation) {
	if c.Budget.Connections < 1 {
		v.add("budget.connections: is not given, or not above 0; write how many connections the whole deployment may hold")
	}
	if c.Budget.Processes < 1 {
		v.add("budget.processes: is not given, or not above 0; write how many processes share the connections, surge included")
	}
	if c.Budget.Connections > 0 && c.Budget.Processes > 0 && len(c.instanceNames()) > 0 {
		share := c.Budget.Connections / len(c.instanceNames())
		if err := (lease.Budget{Connections: share, Processes: c.Budget.Processes}).WithDefaults().Validate(); err != nil {
			v.add("budget: %d connections over %d instances: %s (on each instance; budget.connections is the sum)",
				c.Budget.Connections, len(c.instanceNames()), strings.TrimPrefix(err.Error(), "lease: "))
		}
	}
}
