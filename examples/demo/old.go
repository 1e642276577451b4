package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/localpg"
)

// fillOldDatabase makes the database of today with pgbench's own program.
func (s *story) fillOldDatabase(ctx context.Context) error {
	if !s.hasPgbench() {
		return s.fillWithoutPgbench(ctx)
	}
	s.chapter("The database you have today: pgbench -i makes it, with its own program and schema")
	s.command("pgbench", "-i", "-s", strconv.Itoa(scale), database)
	_, err := s.servers.old.Tool(ctx, ownerRole, database, "pgbench", "", "-i", "-q", "-s", strconv.Itoa(scale))
	return err
}

func (s *story) hasPgbench() bool {
	installs, err := localpg.Find()
	if err != nil {
		return false
	}
	for _, install := range installs {
		if install.Has("pgbench") {
			return true
		}
	}
	return false
}

// fillWithoutPgbench makes the tables that pgbench -i -I dtGp makes, for installations that ship only the server.
func (s *story) fillWithoutPgbench(ctx context.Context) error {
	s.chapter("The database you have today: pgbench's tables. This PostgreSQL came without the pgbench program, so its\n" +
		"        own statements are sent here, and there is no pgbench run to compare with")
	conn, err := pgx.Connect(ctx, s.servers.old.DSN(ownerRole, database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range []string{
		"create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
		"create table pgbench_tellers (tid int primary key, bid int, tbalance int, filler char(84))",
		"create table pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84))",
		"create table pgbench_branches (bid int primary key, bbalance int, filler char(88))",
		fmt.Sprintf("insert into pgbench_branches (bid, bbalance) select bid, 0 from generate_series(1, %d) as bid", scale),
		fmt.Sprintf("insert into pgbench_tellers (tid, bid, tbalance) select tid, (tid - 1) / 10 + 1, 0 from generate_series(1, %d) as tid", 10*scale),
		fmt.Sprintf("insert into pgbench_accounts (aid, bid, abalance, filler) select aid, (aid - 1) / 100000 + 1, 0, '' from generate_series(1, %d) as aid", 100_000*scale),
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

var tpsLine = regexp.MustCompile(`tps = ([0-9.]+)`)

// benchOldDatabase runs pgbench's simple-update script on the old database, and counts what it holds then.
func (s *story) benchOldDatabase(ctx context.Context) (err error) {
	if s.hasPgbench() {
		if err := s.runPgbench(ctx); err != nil {
			return err
		}
	}
	s.imported, err = readSums(ctx, s.servers.old.DSN(localpg.Superuser, database))
	s.say("It holds %s.", s.imported)
	return err
}

func (s *story) runPgbench(ctx context.Context) error {
	s.chapter("Its own benchmark on it, to compare with later: %d clients, %d connections", callers, callers)
	args := []string{"-N", "-n", "-c", strconv.Itoa(callers), "-j", "2", "-T", strconv.Itoa(int(steady.Seconds()))}
	s.command(append(append([]string{"pgbench"}, args...), database)...)
	out, err := s.servers.old.Tool(ctx, ownerRole, database, "pgbench", "", args...)
	if err != nil {
		return err
	}
	found := tpsLine.FindStringSubmatch(out)
	if found == nil {
		return errors.New("pgbench printed no tps line")
	}
	s.pgbenchTPS, err = strconv.ParseFloat(found[1], 64)
	s.say("%.0f transactions per second", s.pgbenchTPS)
	return err
}
