package localpg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

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

// Set changes a setting of the running server (ALTER SYSTEM and a reload) and
// returns when new connections see it. A setting that needs a restart takes
// effect after [Cluster.Restart].
func (c *Cluster) Set(ctx context.Context, name, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if !c.runningLocked() || c.paused {
		return errors.New("the server does not run: settings are changed while it answers")
	}
	before, err := c.setAndReload(ctx, name, value)
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		loaded, err := c.loadTime(ctx)
		if err == nil && loaded.After(before) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("set %s: the server did not reload: %w", name, ctx.Err())
		}
	}
}

// setAndReload returns when the settings were loaded before.
func (c *Cluster) setAndReload(ctx context.Context, name, value string) (time.Time, error) {
	before, err := c.loadTime(ctx)
	if err != nil {
		return before, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return before, err
	}
	defer func() { _ = conn.Close(ctx) }()
	sql := "alter system set " + pgx.Identifier{name}.Sanitize() + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
	if _, err := conn.Exec(ctx, sql); err != nil {
		return before, err
	}
	_, err = conn.Exec(ctx, "select pg_reload_conf()")
	return before, err
}

// loadTime is when the postmaster last read its settings, as a new connection sees it.
func (c *Cluster) loadTime(ctx context.Context) (time.Time, error) {
	var at time.Time
	conn, err := c.connect(ctx)
	if err != nil {
		return at, err
	}
	defer func() { _ = conn.Close(ctx) }()
	return at, conn.QueryRow(ctx, "select pg_conf_load_time()").Scan(&at)
}
