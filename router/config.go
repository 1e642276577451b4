package router

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyway-go/keyway/shard"
)

// Config describes one environment: its servers, the shards on them, who connects and how many connections that may
// take. Fill it in code or load it from YAML with the router/config package; both are the same struct.
//
// Nothing else is read: the PG* variables, .pgpass and the service files of the process never change where Keyway
// connects. A Config may be printed and logged, since [Secret] never shows itself.
type Config struct {
	// Environment names the deployment ("production") in messages and in application_name. It may be empty.
	Environment string

	// Catalog is the shard whose database holds the slot map. Every shard keeps a copy for start-up.
	Catalog shard.ID

	// Schema is the one schema on the search_path of every connection. Empty means "public".
	Schema string

	// Budget bounds the connections of the whole deployment.
	Budget Budget

	// Pool says how the connections to each instance are waited for, kept, checked and closed.
	Pool PoolConfig

	// Credentials are the roles by purpose; an instance may override them.
	Credentials Credentials

	// TLS says how connections are secured; an instance may override it.
	TLS TLS

	// Instances are the servers, by name: what max_connections belongs to.
	Instances map[string]Instance

	// Shards are the databases on those servers. Every shard has exactly one.
	Shards map[shard.ID]Shard

	// Tables is asserted against the registry of every shard by [Open]; the registry is the truth. A registered table
	// that is not listed here is fine. The name may be qualified; without a schema it is in Schema.
	Tables map[string]Table

	// Observe names tables whose statements are observed: while one shard owns every slot and is the home of all home
	// tables, a statement on [DB] itself that would be refused runs there as it is, as on [DB.Shard], and is counted:
	// [DB.Observed], [Stat], the log. All tables that a statement names must be listed but reference and home tables, and
	// at least one must be; "*" is every table, and statements that cannot be read as well. Empty observes nothing.
	//
	// Handles for one key, [WithKey] and [DB.InTx] are never observed: what they promise is that another key's rows are
	// not seen. From the moment another shard owns a slot, statements are refused as without Observe.
	Observe []string

	// Password, when set, is asked for the password of each new connection, for secrets that rotate. It overrides
	// the passwords in Credentials.
	Password PasswordFunc `json:"-"`

	// Application is the application_name of connections. Empty means "keyway", with the environment after it.
	Application string

	// ConnectTimeout bounds one connection attempt. Zero means 5 s.
	ConnectTimeout time.Duration

	// ExecMode chooses how statements are sent. Empty means [CacheStatement], and [CacheDescribe] on connections that are
	// found to lead to a pooler. [CacheStatement], when it is given, is kept there too, which only a PgBouncer from 1.21
	// with max_prepared_statements can bear; [DescribeExec] becomes CacheDescribe.
	ExecMode ExecMode
}

// Budget bounds connections. Both numbers are required. The servers keep the budget that counts, each its own part of
// it, in a row that [Init] writes from these numbers and `keyway pool set` changes; where they differ afterwards, Open
// logs a warning and the servers' numbers are used.
type Budget struct {
	// Connections is the most connections that all processes of the deployment may hold, over all instances.
	Connections int

	// Processes is how many processes may share it, those of a deployment's surge included: each has a part of every
	// instance that it may always use, and the rest goes where it is needed.
	Processes int
}

// Credentials are the roles that Keyway connects as.
type Credentials struct {
	// App runs statements. It should own no table, be no superuser and not bypass row-level security.
	App Credential

	// Migrator owns the tables: [Init] and migrations connect as it. Open never does.
	Migrator Credential
}

// Credential is a role and its password. An empty User means "as in the cluster's credentials" on an instance, and
// "not given" in the cluster's.
type Credential struct {
	User     string
	Password Secret

	// Missing says why Password is not there, where a reference to it led nowhere. Using the credential is then an
	// error with this text; not using it is fine, so that a service need not have the migrator's password.
	Missing string
}

// Purpose says what a connection is for, and so which credential it uses.
type Purpose uint8

// The purposes of a connection.
const (
	App Purpose = iota
	Migrator
)

// String returns the purpose as it is written in YAML.
func (p Purpose) String() string {
	switch p {
	case App:
		return "app"
	case Migrator:
		return "migrator"
	default:
		return fmt.Sprintf("purpose(%d)", uint8(p))
	}
}

// PasswordFunc returns the password with which a new connection to an instance logs in. It is called for each
// connection and must be safe for concurrent use. One that panics, or does not return when its context ends, costs that
// connection.
type PasswordFunc func(ctx context.Context, instance string, p Purpose) (string, error)

// Instance is one PostgreSQL server. Addresses are host:port, [ipv6]:port, or /socket/directory:port.
type Instance struct {
	// Primary is the server, or a pooler in front of it.
	Primary string

	// Direct is the server itself when Primary is a pooler: what needs a session of its own goes there, which is
	// [Init], migrations, listening for a changed map, and [ShardDB] when statements go through a pooler in
	// transaction mode. Empty means Primary.
	Direct string

	// Pooler is a PgBouncer or pgpool-II in front of Primary, for statements. Empty means that they go to Primary.
	Pooler string

	// Replicas are checked and kept, and nothing connects to them yet; Open logs a warning that says so.
	Replicas []string

	// Home is the shard whose database holds the instance's connection budget and the leases on it. Empty means the
	// first of the instance's shards by name. It cannot be changed while processes run; see `keyway pool set`.
	Home shard.ID

	// Credentials override the cluster's, purpose by purpose, where a User is given.
	Credentials Credentials

	// TLS overrides the cluster's where its Mode is given.
	TLS TLS
}

// Shard is one database on one instance.
type Shard struct {
	Instance string
	Database string
}

// Table is what the configuration asserts of a table: exactly one of the fields is set.
type Table struct {
	// Key are the columns of the shard key, in order.
	Key []string

	// Reference says that every shard has the same rows.
	Reference bool

	// Home is the one shard that has all rows.
	Home shard.ID
}

// TLS says how connections are secured.
type TLS struct {
	// Mode is how much the server must prove. Empty means [VerifyFull] for a host of the network, and [Disable] for
	// a loopback address or a socket.
	Mode TLSMode

	// RootCert is a file of PEM certificates that sign the server's. Empty means the system's.
	RootCert string

	// Cert and Key are files of the client's certificate. Empty means none.
	Cert, Key string
}

// TLSMode is libpq's sslmode without the two values that fall back to plain text without saying so, allow and prefer.
type TLSMode string

// The TLS modes.
const (
	Disable    TLSMode = "disable"     // plain text
	Require    TLSMode = "require"     // encrypted; anybody may answer. With RootCert the same as VerifyCA, as in libpq
	VerifyCA   TLSMode = "verify-ca"   // a certificate signed by RootCert, for any host
	VerifyFull TLSMode = "verify-full" // a certificate signed by RootCert, for this host
)

// ExecMode chooses how pgx sends statements.
type ExecMode string

// The execution modes. The simple protocol is not among them: it puts values into the text of a statement.
const (
	CacheStatement ExecMode = "cache_statement" // prepared once per connection; the fastest
	CacheDescribe  ExecMode = "cache_describe"  // types are cached, nothing is prepared on the server
	DescribeExec   ExecMode = "describe_exec"   // types are asked for each time
	ExecOnly       ExecMode = "exec"            // types are guessed from the Go arguments
)

// Secret is a string that does not show itself: every verb of fmt, log/slog, encoding/json and YAML print it as
// [redacted]. Convert it to string to use it.
type Secret string

const redacted = "[redacted]"

// Format implements fmt.Formatter for every verb, %d and %x as well.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, s.String())
}

// String returns "[redacted]", or "" when there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// schema returns the schema of the search_path.
func (c Config) schema() string {
	if c.Schema == "" {
		return "public"
	}
	return c.Schema
}

// shardIDs returns the ids of all shards, sorted.
func (c Config) shardIDs() []shard.ID { return slices.Sorted(maps.Keys(c.Shards)) }

// instanceNames returns the names of the instances that have a shard, sorted. Only they get a part of the budget.
func (c Config) instanceNames() []string {
	used := make(map[string]bool, len(c.Instances))
	for _, s := range c.Shards {
		used[s.Instance] = true
	}
	return slices.Sorted(maps.Keys(used))
}

// Home returns the shard whose database holds the connection budget of an instance: the one that is configured, or the
// first of its shards by name. It is empty for an instance without shards.
func (c Config) Home(instance string) shard.ID {
	if home := c.Instances[instance].Home; home != "" {
		return home
	}
	for _, id := range c.shardIDs() {
		if c.Shards[id].Instance == instance {
			return id
		}
	}
	return ""
}

// credential returns the role for a purpose on an instance.
func (c Config) credential(instance string, p Purpose) Credential {
	own, shared := c.Instances[instance].Credentials, c.Credentials
	if p == Migrator {
		own, shared = Credentials{App: own.Migrator}, Credentials{App: shared.Migrator}
	}
	if own.App.User != "" {
		return own.App
	}
	return shared.App
}

// String describes the configuration for a person, without secrets.
func (c Config) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "environment=%q catalog=%s schema=%s budget=%d/%d app=%s migrator=%s",
		c.Environment, c.Catalog, c.schema(), c.Budget.Connections, c.Budget.Processes,
		c.Credentials.App.User, c.Credentials.Migrator.User)
	for _, name := range slices.Sorted(maps.Keys(c.Instances)) {
		fmt.Fprintf(&b, " %s=%s", name, c.Instances[name].Primary)
	}
	for _, id := range c.shardIDs() {
		fmt.Fprintf(&b, " %s=%s/%s", id, c.Shards[id].Instance, c.Shards[id].Database)
	}
	return b.String()
}

// GoString implements fmt.GoStringer, so that %#v shows no more than String.
func (c Config) GoString() string { return "router.Config{" + c.String() + "}" }

// LogValue implements slog.LogValuer, without secrets.
func (c Config) LogValue() slog.Value {
	shards := make([]slog.Attr, 0, len(c.Shards))
	for _, id := range c.shardIDs() {
		shards = append(shards, slog.String(string(id), c.Shards[id].Instance+"/"+c.Shards[id].Database))
	}
	return slog.GroupValue(
		slog.String("environment", c.Environment),
		slog.String("catalog", string(c.Catalog)),
		slog.Int("connections", c.Budget.Connections),
		slog.Int("processes", c.Budget.Processes),
		slog.String("app", c.Credentials.App.User),
		slog.Attr{Key: "shards", Value: slog.GroupValue(shards...)},
	)
}
