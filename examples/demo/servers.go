package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/shard"
)

// The names of the demo: one database on each server, an owner that migrates and an application that does not.
const (
	database  = "bank"
	ownerRole = "bank_owner"
	appRole   = "bank_app"
)

// servers are the clusters of the demo: the database of today, and the four it is split over.
type servers struct {
	old       *localpg.Cluster
	shards    []*localpg.Cluster
	passwords map[string]string // by role
	dir       string            // of the configuration file
}

// startServers starts one old server and n new ones at once, with the demo's roles and an empty database on each.
func startServers(ctx context.Context, install localpg.Install, n int) (_ *servers, err error) {
	s := &servers{
		shards:    make([]*localpg.Cluster, n),
		passwords: map[string]string{ownerRole: rand.Text(), appRole: rand.Text()},
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "keyway-demo-"); err != nil {
		return nil, err
	}
	var group sync.WaitGroup
	errs := make([]error, n+1)
	group.Go(func() { s.old, errs[n] = s.start(ctx, install, "old") })
	for i := range n {
		group.Go(func() { s.shards[i], errs[i] = s.start(ctx, install, string(shardID(i))) })
	}
	group.Wait()
	return s, errors.Join(errs...)
}

func (s *servers) start(ctx context.Context, install localpg.Install, name string) (*localpg.Cluster, error) {
	c, err := localpg.Start(ctx, localpg.Options{Install: install, Name: name, Auth: "scram-sha-256"})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := s.prepare(ctx, c); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("prepare %s: %w", name, err)
	}
	return c, nil
}

// prepare makes the roles and the database, as a team's own provisioning would.
func (s *servers) prepare(ctx context.Context, c *localpg.Cluster) error {
	conn, err := pgx.Connect(ctx, c.DSN(localpg.Superuser, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, role := range []string{ownerRole, appRole} {
		if _, err := conn.Exec(ctx, fmt.Sprintf("create role %s login password '%s'", role, s.passwords[role])); err != nil {
			return err
		}
		c.SetPassword(role, s.passwords[role])
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("create database %s owner %s", database, ownerRole))
	return err
}

func shardID(i int) shard.ID { return shard.ID(fmt.Sprintf("s%d", i)) }

// superDSNs are the superuser's addresses of the shards' databases: for counting, past the library.
func (s *servers) superDSNs() []string {
	var dsns []string
	for _, c := range s.shards {
		dsns = append(dsns, c.DSN(localpg.Superuser, database))
	}
	return dsns
}

// writeConfig writes the configuration file that a team would write, and returns its path.
func (s *servers) writeConfig(budget int) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "environment: demo\ncatalog: s0\nbudget: { connections: %d, processes: 1 }\n", budget)
	fmt.Fprintf(&b, "credentials:\n  app:      { user: %s, password_env: BANK_APP_PASSWORD }\n", appRole)
	fmt.Fprintf(&b, "  migrator: { user: %s, password_env: BANK_OWNER_PASSWORD }\n", ownerRole)
	b.WriteString("sslmode: disable # loopback only\ninstances:\n")
	for i, c := range s.shards {
		fmt.Fprintf(&b, "  pg-%d: { primary: %q }\n", i, c.Addr())
	}
	b.WriteString("shards:\n")
	for i := range s.shards {
		fmt.Fprintf(&b, "  %s: { instance: pg-%d, database: %s }\n", shardID(i), i, database)
	}
	b.WriteString("tables:\n  pgbench_accounts: { key: aid }\n  pgbench_history:  { key: aid }\n" +
		"  pgbench_tellers:  { reference: true }\n  pgbench_branches: { reference: true }\n")
	path := filepath.Join(s.dir, "keyway.demo.yaml")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// environ is this process's environment with the demo's passwords.
func (s *servers) environ() []string {
	return append(os.Environ(), "BANK_APP_PASSWORD="+s.passwords[appRole], "BANK_OWNER_PASSWORD="+s.passwords[ownerRole])
}

// keep leaves the servers running and returns how to look into them and how to end them.
func (s *servers) keep() (look, end []string) {
	for i, c := range append([]*localpg.Cluster{s.old}, s.shards...) {
		name := "old"
		if i > 0 {
			name = string(shardID(i - 1))
		}
		cleanup, err := c.Detach()
		if err != nil {
			end = append(end, fmt.Sprintf("# %s could not be left running: %v", name, err))
			continue
		}
		look = append(look, fmt.Sprintf("psql '%s'   # %s", c.DSN(localpg.Superuser, database), name))
		end = append(end, cleanup)
	}
	return look, append(end, "rm -r "+s.dir)
}

func (s *servers) close() {
	var group sync.WaitGroup
	for _, c := range append([]*localpg.Cluster{s.old}, s.shards...) {
		if c != nil {
			group.Go(func() { _ = c.Close() })
		}
	}
	group.Wait()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
