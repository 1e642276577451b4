package localpg

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// create makes the data directory and starts the server on a free port.
func (c *Cluster) create(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.programs != "" {
		install, err := copyInstall(c.opts.Install, c.programs)
		if err != nil {
			return err
		}
		c.install = install
	}
	if err := c.makeData(ctx); err != nil {
		return err
	}
	if c.opts.TLS {
		if err := c.writeCertificates(); err != nil {
			return err
		}
	}
	if err := c.writeAccess(); err != nil {
		return err
	}
	return c.startOnFreePortLocked(ctx)
}

// initdb runs without its final sync: what it wrote is safe from anything that
// kills processes, and only a crash of the machine ends the cluster anyway.
func (c *Cluster) initdb(ctx context.Context) error {
	args := append([]string{"-D", c.DataDir()}, c.initArguments()...)
	if c.opts.Auth != "trust" {
		file := filepath.Join(c.dir, "password")
		c.passwords.set(Superuser, rand.Text())
		if err := c.write(file, c.passwords.of(Superuser)+"\n"); err != nil {
			return err
		}
		defer func() { _ = os.Remove(file) }()
		args = append(args, "--pwfile="+file)
	}
	cmd := exec.CommandContext(ctx, c.install.Program("initdb"), args...)
	cmd.Dir = c.dir
	cmd.Env = serverEnv()
	cmd.SysProcAttr = c.account.attributes()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	c.guard.watch(cmd.Process.Pid)
	err := cmd.Wait()
	c.guard.watch(0)
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, tail(out.Bytes(), 20))
	}
	return nil
}

// initArguments are those of initdb that decide what it makes.
func (c *Cluster) initArguments() []string {
	return []string{"-U", Superuser, "-A", c.opts.Auth, "-E", "UTF8", "--locale=C", "--no-sync"}
}

// writeAccess replaces pg_hba.conf: TCP from this machine only.
func (c *Cluster) writeAccess() error {
	kind := "host"
	if c.opts.TLS {
		kind = "hostssl"
	}
	lines := fmt.Sprintf("%[1]s all all 127.0.0.1/32 %[2]s\n%[1]s replication all 127.0.0.1/32 %[2]s\n", kind, c.opts.Auth)
	return c.write(filepath.Join(c.DataDir(), "pg_hba.conf"), lines)
}

// write makes a private file of the server's account.
func (c *Cluster) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return c.account.own(path)
}

// serverEnv is the environment of every program started here: none of our PG*
// variables, and messages in English.
func serverEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// tail is the last n lines of text.
func tail(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
