package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// Superuser is the name of every cluster's superuser.
const Superuser = "postgres"

// Prefix begins the name of every directory that a cluster lives in.
const Prefix = "keyway-pg-"

// EnvTemp names the environment variable that holds the directory in which
// clusters make theirs, instead of the temporary directory.
const EnvTemp = "KEYWAY_PG_TMP"

// Options say what cluster to start. The zero value is good: the newest
// PostgreSQL installed, trust authentication, no TLS, a directory of its own.
type Options struct {
	// Install is the PostgreSQL to run. Zero means Newest(15).
	Install Install
	// Dir is the directory to make the cluster in; it must be absent or empty,
	// and Close removes it. "" means a new one in Parent.
	Dir string
	// Parent is where a new directory is made. "" means what KEYWAY_PG_TMP
	// names, else the temporary directory. A parent that the server's account
	// cannot enter is replaced by /tmp.
	Parent string
	// Templates is a directory to keep what initdb made in, and to copy it from
	// for the next cluster of the same server, in a tenth of the time. A copy gets
	// a system identifier of its own. "" means that every cluster is made by
	// initdb, as one that asks for passwords always is.
	Templates string
	// Settings are lines of postgresql.conf, by name; they override the small
	// settings that Start writes. Values need no quotes.
	Settings map[string]string
	// Auth is how clients prove who they are: "trust" or "scram-sha-256". "" means trust.
	Auth string
	// TLS makes the server speak TLS with a certificate for 127.0.0.1 and localhost,
	// signed by Cluster.CA, and refuse connections without it.
	TLS bool
	// Name tells clusters apart in process lists and errors. "" is fine.
	Name string

	// pickPort is freePort; tests choose a bad one.
	pickPort func() (int, error)
}

// Cluster is one running (or stopped, or killed) PostgreSQL server with its
// data. Its methods may be called from several goroutines; those that change
// its state wait for each other.
type Cluster struct {
	opts    Options
	install Install // programs that the account can run: the option's, or a copy
	account account
	dir     string
	// programs holds a copy of the installation; "" when the original can be run.
	// Not in dir, which may lie on a file system that allows no programs.
	programs string
	label    string // cluster_name: proves that the server on the port is ours
	port     int
	ca       []byte

	passwords passwords

	// mu is held while the server changes its state.
	mu     sync.Mutex
	proc   *process // nil when the server does not run
	paused bool
	closed bool
	guard  *watchdog
}

// Start makes a new cluster and serves it on a free port of 127.0.0.1. It
// returns when the server answers queries; a server that does not within a
// minute, or before ctx ends, is an error with the end of its log. fsync is on.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := c.create(ctx); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("PostgreSQL %s: %w", c.install.Version, err)
	}
	return c, nil
}

// prepare decides everything that needs no server and makes the directory.
func prepare(o Options) (*Cluster, error) {
	if o.Install.Bin == "" {
		install, err := Newest(15)
		if err != nil {
			return nil, err
		}
		o.Install = install
	}
	switch o.Auth {
	case "":
		o.Auth = "trust"
	case "trust", "scram-sha-256":
	default:
		return nil, fmt.Errorf("authentication %q: use trust or scram-sha-256", o.Auth)
	}
	if o.pickPort == nil {
		o.pickPort = freePort
	}
	who, err := serverAccount()
	if err != nil {
		return nil, err
	}
	c := &Cluster{opts: o, install: o.Install, account: who}
	if c.dir, err = makeDir(o, who); err != nil {
		return nil, err
	}
	c.label = filepath.Base(c.dir)
	if o.Name != "" {
		c.label += " " + o.Name
	}
	if !reachable(o.Install.Bin, who) {
		if c.programs, err = os.MkdirTemp(parentDir("", who), Prefix+"programs-*"); err != nil {
			return nil, errors.Join(err, c.removeDirs())
		}
	}
	if c.guard, err = startWatchdog(c.dirs()...); err != nil {
		return nil, errors.Join(err, c.removeDirs())
	}
	return c, nil
}

// dirs are the directories to remove in the end.
func (c *Cluster) dirs() []string {
	if c.programs == "" {
		return []string{c.dir}
	}
	return []string{c.dir, c.programs}
}

func (c *Cluster) removeDirs() error {
	var errs []error
	for _, dir := range c.dirs() {
		errs = append(errs, removeAll(dir))
	}
	return errors.Join(errs...)
}

// makeDir makes the cluster's private directory and gives it to the account.
func makeDir(o Options, who account) (string, error) {
	if o.Dir == "" {
		made, err := os.MkdirTemp(parentDir(o.Parent, who), Prefix+"*")
		if err != nil {
			return "", err
		}
		return made, who.own(made)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty: a cluster needs a directory of its own, which Close removes", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, who.own(dir)
}

// parentDir is the first of the wishes that there is, or /tmp when the account
// cannot enter it.
func parentDir(wish string, who account) string {
	dir := cmp.Or(wish, os.Getenv(EnvTemp), os.TempDir())
	if reachable(dir, who) {
		return dir
	}
	return "/tmp"
}

// Port is the TCP port; it stays the same for the life of the cluster.
func (c *Cluster) Port() int { return c.port }

// Host is 127.0.0.1. Servers listen nowhere else, and on no Unix socket.
func (c *Cluster) Host() string { return "127.0.0.1" }

// Addr is host:port.
func (c *Cluster) Addr() string { return net.JoinHostPort(c.Host(), strconv.Itoa(c.port)) }

// Dir is the directory that holds everything of the cluster and is removed by Close.
func (c *Cluster) Dir() string { return c.dir }

// DataDir is PostgreSQL's data directory.
func (c *Cluster) DataDir() string { return filepath.Join(c.dir, "data") }

// LogFile is where the server's log goes.
func (c *Cluster) LogFile() string { return filepath.Join(c.dir, "server.log") }

// Install is the PostgreSQL that runs the cluster.
func (c *Cluster) Install() Install { return c.opts.Install }

// CA is the PEM of the certificate authority that signed the server's
// certificate; nil without TLS.
func (c *Cluster) CA() []byte { return c.ca }

// CAFile is the file that holds CA; "" without TLS.
func (c *Cluster) CAFile() string {
	if c.ca == nil {
		return ""
	}
	return filepath.Join(c.dir, "ca.pem")
}

// DSN is a connection URL for the role and database, with the role's password
// where the cluster asks for one (see [Cluster.SetPassword]), with
// sslmode=disable, or verify-full against CA where the cluster speaks TLS.
func (c *Cluster) DSN(user, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: c.Addr(), Path: "/" + database}
	if pw := c.passwords.of(user); pw != "" {
		u.User = url.UserPassword(user, pw)
	}
	q := url.Values{"sslmode": {"disable"}}
	if c.opts.TLS {
		q = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {c.CAFile()}}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// SetPassword tells the cluster which password DSN and Psql use for a role. It
// does not change the role: `create role ... password` does.
func (c *Cluster) SetPassword(user, password string) { c.passwords.set(user, password) }

// PasswordOf is the password that DSN uses for a role; "" when none is asked for.
func (c *Cluster) PasswordOf(user string) string { return c.passwords.of(user) }

// passwords of the roles, for DSN. The zero value is empty.
type passwords struct {
	mu     sync.Mutex
	byRole map[string]string
}

func (p *passwords) of(role string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byRole[role]
}

func (p *passwords) set(role, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byRole == nil {
		p.byRole = map[string]string{}
	}
	p.byRole[role] = password
}
