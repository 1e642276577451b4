package router

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

const defaultConnectTimeout = 5 * time.Second

// ConnConfig returns what pgx needs for a session of its own on a shard, for a purpose: it leads to the instance's direct
// address, and to its primary when there is none, never to its pooler. Nothing of it comes from the environment of the
// process. When Password is set it is asked once, now.
//
// The result holds the password in clear text; do not log it.
func (c Config) ConnConfig(id shard.ID, p Purpose) (*pgx.ConnConfig, error) {
	cc, err := c.connConfig(context.Background(), id, p)
	if err != nil {
		return nil, fmt.Errorf("shard %s: %w", id, err)
	}
	return cc, nil
}

// connConfig is ConnConfig for as long as ctx allows, and a connection attempt may take. Its errors do not name the shard.
func (c Config) connConfig(ctx context.Context, id shard.ID, p Purpose) (*pgx.ConnConfig, error) {
	s, ok := c.Shards[id]
	if !ok {
		return nil, fmt.Errorf("it is not among the shards (%s)", joined(c.Shards))
	}
	cc, err := c.instanceConfig(s.Instance, p, c.Instances[s.Instance].sessionAddress())
	if err != nil {
		return nil, err
	}
	cc.Database = s.Database
	if c.Password != nil {
		ctx, cancel := context.WithTimeout(ctx, cc.ConnectTimeout)
		defer cancel()
		if cc.Password, err = c.askPassword(ctx, s.Instance, p); err != nil {
			return nil, fmt.Errorf("password of instance %s for %s: %w", s.Instance, p, err)
		}
	}
	return cc, nil
}

// askPassword calls Password. It may panic, or not return when ctx ends, which is neither the lease's end nor the
// process's: they ask again.
func (c Config) askPassword(ctx context.Context, instance string, p Purpose) (string, error) {
	type answer struct {
		password string
		err      error
	}
	asked := make(chan answer, 1)
	go func() {
		a := answer{err: errors.New("the function Password ended its goroutine")}
		defer func() {
			if cause := recover(); cause != nil {
				a = answer{err: fmt.Errorf("the function Password panicked: %v", cause)}
			}
			asked <- a
		}()
		a.password, a.err = c.Password(ctx, instance, p)
	}()
	select {
	case a := <-asked:
		return a.password, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("the function Password did not return in its time: %w", ctx.Err())
	}
}

// instanceConfig is ConnConfig without a database, for one of the instance's addresses.
func (c Config) instanceConfig(name string, p Purpose, address string) (*pgx.ConnConfig, error) {
	if _, ok := c.Instances[name]; !ok {
		return nil, fmt.Errorf("instance %s is not among the instances (%s)", name, joined(c.Instances))
	}
	cred := c.credential(name, p)
	if cred.User == "" {
		return nil, fmt.Errorf("instance %s: no user is configured for %s; set credentials.%s.user", name, p, p)
	}
	if cred.Missing != "" && c.Password == nil {
		return nil, fmt.Errorf("instance %s: there is no password for %s: %s", name, p, cred.Missing)
	}
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, fmt.Errorf("instance %s: %w", name, err)
	}
	if strings.ContainsRune(cred.User+string(cred.Password), 0) {
		return nil, fmt.Errorf("instance %s: the user or password for %s has a NUL byte", name, p)
	}
	cc, err := blankConnConfig()
	if err != nil {
		return nil, err
	}
	cc.Host, cc.Port = host, port
	cc.User, cc.Password = cred.User, string(cred.Password)
	if cc.TLSConfig, err = c.tlsConfig(name, host); err != nil {
		return nil, fmt.Errorf("instance %s: %w", name, err)
	}
	c.setTimeouts(cc)
	cc.RuntimeParams = c.runtimeParams(p)
	cc.DefaultQueryExecMode = c.execMode()
	return cc, nil
}

// blankSettings has every parameter that the environment could give, so that none does. The password and the passfile
// are set because pgx searches ~/.pgpass when there is no password.
const blankSettings = "host=127.0.0.1 port=1 user=nobody password=unset dbname=nobody passfile=/dev/null sslmode=disable " +
	"sslcert='' sslkey='' sslrootcert='' sslpassword='' sslsni=1 sslcertmode=allow sslnegotiation=postgres " +
	"connect_timeout=5 target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0 " +
	"channel_binding=prefer require_auth='' application_name='' timezone='' options=''"

// blankConnConfig makes the struct that pgx only accepts from its own parser, free of what the parser reads from the
// environment. A service file cannot be switched off there, so while PGSERVICE is set an empty one is given.
//
// Not by clearing the environment for a moment: other goroutines of the process read it at the same time.
func blankConnConfig() (*pgx.ConnConfig, error) {
	settings := blankSettings
	if os.Getenv("PGSERVICE") != "" {
		path, remove, err := emptyServiceFile()
		if err != nil {
			return nil, fmt.Errorf("PGSERVICE is set, and the file that hides it cannot be written: %w; unset PGSERVICE", err)
		}
		defer remove()
		settings += " service=keyway servicefile='" + path + "'"
	}
	cc, err := pgx.ParseConfig(settings)
	if err != nil {
		return nil, fmt.Errorf("bug: the blank connection settings are refused: %w", err)
	}
	cc.Password = ""
	cc.Fallbacks = nil
	cc.ValidateConnect = nil
	cc.AfterConnect = nil
	return cc, nil
}

func emptyServiceFile() (path string, remove func(), err error) {
	f, err := os.CreateTemp("", "keyway-service-*")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.Remove(f.Name()) }
	if _, err := f.WriteString("[keyway]\n"); err != nil {
		_ = f.Close()
		remove()
		return "", nil, err
	}
	if strings.ContainsAny(f.Name(), `'\`) {
		_ = f.Close()
		remove()
		return "", nil, errors.New("the temporary directory's name has a quote or a backslash")
	}
	return f.Name(), remove, f.Close()
}

// connectTimeout bounds one connection attempt.
func (c Config) connectTimeout() time.Duration {
	if c.ConnectTimeout == 0 {
		return defaultConnectTimeout
	}
	return c.ConnectTimeout
}

func (c Config) setTimeouts(cc *pgx.ConnConfig) {
	timeout := c.connectTimeout()
	cc.ConnectTimeout = timeout
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: time.Minute}
	cc.DialFunc = dialer.DialContext
}

// runtimeParams are the settings of every session that routing depends on; they are sent when connecting, so that
// RESET ALL and DISCARD ALL come back to them.
func (c Config) runtimeParams(p Purpose) map[string]string {
	params := map[string]string{
		"application_name": c.applicationName(),
		"client_encoding":  "UTF8",
	}
	for _, s := range c.sessionSettings() {
		params[s.name] = s.value
	}
	if p == App {
		params[catalog.ClientSetting] = "1"
	}
	return params
}

func (c Config) applicationName() string {
	name := c.Application
	if name == "" {
		name = "keyway"
		if c.Environment != "" {
			name += " " + c.Environment
		}
	}
	const most = 63 // NAMEDATALEN - 1; the server would cut it with a notice
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "")
	}
	return name
}

func (c Config) execMode() pgx.QueryExecMode {
	switch c.ExecMode {
	case CacheDescribe:
		return pgx.QueryExecModeCacheDescribe
	case DescribeExec:
		return pgx.QueryExecModeDescribeExec
	case ExecOnly:
		return pgx.QueryExecModeExec
	default:
		return pgx.QueryExecModeCacheStatement
	}
}

// tlsConfig returns nil for plain text.
func (c Config) tlsConfig(instance, host string) (*tls.Config, error) {
	t := c.TLS
	if own := c.Instances[instance].TLS; own.Mode != "" {
		t = own
	}
	if strings.HasPrefix(host, "/") {
		return nil, nil // a socket; as in libpq there is no TLS on it
	}
	mode := t.Mode
	if mode == "" {
		mode = VerifyFull
		if isLoopback(host) {
			mode = Disable
		}
	}
	if mode == Disable {
		return nil, nil
	}
	tc := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if err := t.load(tc); err != nil {
		return nil, err
	}
	switch mode {
	case VerifyFull:
	case VerifyCA:
		verifyChainOnly(tc)
	case Require:
		if tc.RootCAs != nil {
			verifyChainOnly(tc)
		} else {
			tc.InsecureSkipVerify = true
		}
	default:
		return nil, fmt.Errorf("sslmode %q is unknown; use verify-full, verify-ca, require or disable", string(mode))
	}
	return tc, nil
}

// load reads the certificate files.
func (t TLS) load(tc *tls.Config) error {
	if t.RootCert != "" {
		pem, err := os.ReadFile(t.RootCert)
		if err != nil {
			return fmt.Errorf("sslrootcert: %w", err)
		}
		tc.RootCAs = x509.NewCertPool()
		if !tc.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("sslrootcert: %s holds no PEM certificate", t.RootCert)
		}
	}
	if t.Cert == "" && t.Key == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return fmt.Errorf("sslcert and sslkey: %w", err)
	}
	tc.Certificates = []tls.Certificate{pair}
	return nil
}

// verifyChainOnly checks who signed the certificate and not for which host, which crypto/tls cannot do by itself.
func verifyChainOnly(tc *tls.Config) {
	tc.InsecureSkipVerify = true
	tc.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 {
			return errors.New("the server sent no certificate")
		}
		opts := x509.VerifyOptions{Roots: tc.RootCAs, Intermediates: x509.NewCertPool()}
		for _, cert := range cs.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		_, err := cs.PeerCertificates[0].Verify(opts)
		return err
	}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
