// Command demo does Keyway's main job from beginning to end on this machine and says what it does: it takes a
// database that pgbench made, splits it over four PostgreSQL servers, serves pgbench's transaction through a
// repository layer, kills one of the servers in the middle, and counts everything at the end.
//
//	make demo          # leaves nothing behind
//	KEEP=1 make demo   # keeps the servers and prints how to look into them
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/keyway-go/keyway/internal/localpg"
)

// The sizes of the demo.
const (
	shardCount = 4
	scale      = 3 // pgbench's: 100,000 accounts each
	callers    = 64
	budget     = 24 // connections to all four servers together; one on each is in reserve
	steady     = 6 * time.Second
	beforeKill = 3 * time.Second
	down       = 2 * time.Second
	afterStart = 4 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	tell := &narrator{out: os.Stdout, start: time.Now()}
	install, err := localpg.Newest(15)
	if err != nil {
		return err
	}

	tell.chapter("Starting five private PostgreSQL %s servers on 127.0.0.1 (fsync on, removed at the end)", install.Version)
	s, err := startServers(ctx, install, shardCount)
	if err != nil {
		return err
	}
	story := &story{narrator: tell, servers: s}
	err = story.tell(ctx)
	if err == nil && os.Getenv("KEEP") != "" {
		story.keep()
		return nil
	}
	s.close()
	if err == nil {
		tell.chapter("Done. The servers and their directories are gone; KEEP=1 keeps them.")
	}
	return err
}

func (s *story) keep() {
	look, end := s.servers.keep()
	s.chapter("KEEP is set: the servers stay. Look into them:")
	for _, line := range look {
		s.say("%s", line)
	}
	s.say("\nThe keyway command on them:")
	s.say("export BANK_APP_PASSWORD=%s BANK_OWNER_PASSWORD=%s", s.servers.passwords[appRole], s.servers.passwords[ownerRole])
	s.say("bin/keyway doctor --config %s", s.config)
	s.say("\nEnd and remove them:")
	for _, line := range end {
		s.say("%s", line)
	}
}
