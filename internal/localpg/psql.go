package localpg

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Psql runs the script with the real psql (-X -q -A -t, ON_ERROR_STOP=1) and
// returns what it printed: columns separated by |, without headings. Where
// this installation has no psql, another's is used. An error holds what psql
// said.
func (c *Cluster) Psql(ctx context.Context, user, database, script string) (string, error) {
	return c.Tool(ctx, user, database, "psql", script, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-")
}

// Tool runs a client program of PostgreSQL (psql, pgbench, pg_dump) against
// the cluster as the role, with input on its standard input, and returns its
// standard output. An error holds the end of what it said.
func (c *Cluster) Tool(ctx context.Context, user, database, program, input string, args ...string) (string, error) {
	path, err := c.clientProgram(program)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(serverEnv(), c.ClientEnv(user, database)...)
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", program, err, tail(said.Bytes(), 20))
	}
	return out.String(), nil
}

// ClientEnv is the environment by which psql, pgbench and other programs of
// libpq find the database: PGHOST, PGPORT and so on.
func (c *Cluster) ClientEnv(user, database string) []string {
	env := []string{
		"PGHOST=" + c.Host(), fmt.Sprintf("PGPORT=%d", c.port), "PGUSER=" + user, "PGDATABASE=" + database,
		"PGSSLMODE=disable", "PGCONNECT_TIMEOUT=10",
	}
	if c.opts.TLS {
		env = append(env, "PGSSLMODE=verify-full", "PGSSLROOTCERT="+c.CAFile())
	}
	if pw := c.passwords.of(user); pw != "" {
		env = append(env, "PGPASSWORD="+pw)
	}
	return env
}

// clientProgram prefers this installation's, else any other's: clients speak
// to servers of other versions.
func (c *Cluster) clientProgram(name string) (string, error) {
	if c.install.Has(name) {
		return c.install.Program(name), nil
	}
	found, _ := Find()
	for _, i := range found {
		if i.Has(name) {
			return i.Program(name), nil
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("no %s found on this machine: run `make setup`", name)
}
