package localpg

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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
	if err := c.initdb(ctx); err != nil {
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
	args := []string{
		"-D", c.DataDir(), "-U", Superuser, "-A", c.opts.Auth, "-E", "UTF8", "--locale=C", "--no-sync",
	}
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

// writeAccess replaces pg_hba.conf: TCP from this machine only.
func (c *Cluster) writeAccess() error {
	kind := "host"
	if c.opts.TLS {
		kind = "hostssl"
	}
	lines := fmt.Sprintf("%[1]s all all 127.0.0.1/32 %[2]s\n%[1]s replication all 127.0.0.1/32 %[2]s\n", kind, c.opts.Auth)
	return c.write(filepath.Join(c.DataDir(), "pg_hba.conf"), lines)
}

// writeSettings replaces postgresql.conf. ALTER SYSTEM's file comes after it.
func (c *Cluster) writeSettings() error {
	settings := map[string]string{
		"listen_addresses":        c.Host(),
		"port":                    strconv.Itoa(c.port),
		"unix_socket_directories": "",
		"cluster_name":            c.label,
		"fsync":                   "on",
		"max_connections":         "100",
		"shared_buffers":          "32MB",
		"max_wal_size":            "256MB",
		// In the data directory: a killed server leaves nothing in /dev/shm.
		"dynamic_shared_memory_type": "mmap",
		"logging_collector":          "off",
		"log_line_prefix":            "%m [%p] ",
		"timezone":                   "UTC",
		"log_timezone":               "UTC",
		"datestyle":                  "iso, mdy",
		"lc_messages":                "C",
	}
	if c.opts.TLS {
		settings["ssl"] = "on"
		settings["ssl_cert_file"] = filepath.Join(c.dir, "server.crt")
		settings["ssl_key_file"] = filepath.Join(c.dir, "server.key")
	}
	maps.Copy(settings, c.opts.Settings)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	return c.write(filepath.Join(c.DataDir(), "postgresql.conf"), text.String())
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
