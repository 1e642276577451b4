// Command lab is a load laboratory: it starts a PostgreSQL server on this machine, sends it the workload that the flags
// describe through pools of several sizes, and prints what each size did. It is started by `make lab`.
//
// Turn one knob at a time. With -hold a larger pool serves more, up to the callers; with -work it does not, past the
// number of the server's cores.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/keyway-go/keyway/integration/lab"
	"github.com/keyway-go/keyway/internal/localpg"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// settings are the knobs.
type settings struct {
	lab.Workload
	pools   []int
	against string
	auth    string
}

func read(args []string) (settings, error) {
	s := settings{pools: []int{1, 2, 4, 8, 16, 32, 64}}
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.IntVar(&s.Requests, "requests", 3000, "how many requests are sent in all")
	flags.IntVar(&s.Callers, "callers", 300, "how many goroutines send them")
	flags.DurationVar(&s.Hold, "hold", 3*time.Millisecond, "how long a request keeps its connection while the server waits")
	flags.DurationVar(&s.Work, "work", 0, "how much processor time a request costs the server")
	flags.StringVar(&s.auth, "auth", "scram-sha-256", "how connections log in: scram-sha-256 or trust")
	flags.StringVar(&s.against, "against", "", "peers to measure too, separated by commas: connect, pgxpool, sql")
	flags.Func("pools", "sizes of the pool, separated by commas (default 1,2,4,8,16,32,64)", func(text string) (err error) {
		s.pools, err = sizes(text)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%q is not a flag; see lab -help", flags.Arg(0))
	}
	return s, nil
}

func sizes(text string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > 1000 {
			return nil, fmt.Errorf("a pool has between 1 and 1000 connections, not %q", part)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// contestants are the pools by size, then the peers at every size.
func (s settings) contestants() (ours, peers []lab.Contestant, err error) {
	for _, n := range s.pools {
		ours = append(ours, lab.Pool(n))
	}
	for peer := range strings.SplitSeq(s.against, ",") {
		switch strings.TrimSpace(peer) {
		case "":
		case "connect":
			peers = append(peers, lab.PerQuery())
		case "pgxpool":
			for _, n := range s.pools {
				peers = append(peers, lab.PgxPool(n))
			}
		case "sql":
			for _, n := range s.pools {
				peers = append(peers, lab.DatabaseSQL(n))
			}
		default:
			return nil, nil, fmt.Errorf("-against %q: the peers are connect, pgxpool and sql", peer)
		}
	}
	return ours, peers, nil
}

func run(ctx context.Context, args []string) error {
	s, err := read(args)
	if err != nil {
		return err
	}
	ours, peers, err := s.contestants()
	if err != nil {
		return err
	}
	most := max(s.Callers, slices.Max(s.pools))
	c, err := localpg.Start(ctx, localpg.Options{
		Auth: s.auth, Name: "lab", Settings: map[string]string{"max_connections": strconv.Itoa(most + 20)},
	})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := lab.Prepare(ctx, c); err != nil {
		return err
	}
	fmt.Printf("%s\nPostgreSQL %s on this machine, which its callers share; connections log in by %s\n\n",
		s.Workload, c.Install().Version, s.auth)

	var sized, all []lab.Result
	for _, k := range slices.Concat(ours, peers) {
		r, err := lab.Run(ctx, c, k, s.Workload)
		if err != nil {
			return err
		}
		all = append(all, r)
		if len(sized) < len(ours) {
			sized = append(sized, r)
		}
	}
	if err := lab.Table(os.Stdout, s.Workload, all); err != nil {
		return err
	}
	if i, r := lab.Enough(s.Workload, sized); i >= 0 {
		fmt.Printf("\nThe smallest pool within a tenth of the fastest has %d connections: %.0f requests per second, and half of "+
			"its callers wait %s or less.\n", s.pools[i], r.Rate(s.Workload), r.Wait.Median.Round(100*time.Microsecond))
	}
	return nil
}
