package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/config"
)

// command is one command, or a group of them.
type command struct {
	name    string
	args    string // as in the usage line: "KEY..."
	short   string // one line in the list
	long    string // what it promises and refuses
	example string
	flags   func(*flag.FlagSet) runner // nil for a group
	group   []*command
}

// runner carries out a command whose flags have been read.
type runner func(ctx context.Context, c *call) error

// call is one use of a command.
type call struct {
	streams
	globals
	args []string // without flags
}

// globals are the flags of every command.
type globals struct {
	config string
	json   bool
}

func (g *globals) register(fs *flag.FlagSet) {
	fs.StringVar(&g.config, "config", g.config, "the configuration `file`, keyway.<env>.yaml; without it $KEYWAY_CONFIG")
	fs.BoolVar(&g.json, "json", g.json, "print one JSON object, also for errors")
}

// run reads the command line, carries it out and returns the exit code.
func run(ctx context.Context, s streams, args []string) int {
	c := &call{streams: s}
	c.config, _ = s.env("KEYWAY_CONFIG")
	c.json = asksForJSON(args)
	err := c.dispatch(ctx, args)
	return c.report(err)
}

// asksForJSON looks before the flags are read: the error of a line that cannot be
// read is an object as well.
func asksForJSON(args []string) bool {
	for _, a := range args {
		switch a {
		case "--json", "-json":
			return true
		case "--":
			return false
		}
	}
	return false
}

func (c *call) dispatch(ctx context.Context, args []string) error {
	var help bool
	fs := newFlagSet("keyway")
	c.register(fs)
	fs.BoolVar(&help, "version", false, "")
	if err := fs.Parse(args); err != nil {
		return c.flagError(program(), err)
	}
	if help {
		return showVersion(ctx, c)
	}
	return c.enter(ctx, program(), fs.Args())
}

// enter goes down a group to the command that args name.
func (c *call) enter(ctx context.Context, group *command, args []string) error {
	if len(args) == 0 {
		c.helpOn(c.err, group)
		return errQuietUsage
	}
	i := slices.IndexFunc(group.group, func(x *command) bool { return x.lastName() == args[0] })
	if i < 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help") {
		return showHelp(c, append(strings.Fields(group.name)[1:], args[1:]...))
	}
	if i < 0 {
		return usagef("there is no command %q; see keyway help%s", args[0], strings.TrimPrefix(group.name, "keyway"))
	}
	found := group.group[i]
	if found.group != nil && !found.means(args[1:]) {
		return c.enter(ctx, found, args[1:])
	}
	return c.do(ctx, found, args[1:])
}

// means reports whether a group that is a command too is what args are for, and not one of its commands.
func (cmd *command) means(args []string) bool {
	if cmd.flags == nil {
		return false
	}
	return len(args) == 0 || args[0] != "help" && !slices.ContainsFunc(cmd.group, func(x *command) bool { return x.lastName() == args[0] })
}

// do reads the flags of a command, which may stand before, between and after its
// arguments; what follows a -- is never a flag.
func (c *call) do(ctx context.Context, cmd *command, args []string) error {
	fs := newFlagSet(cmd.name)
	c.register(fs)
	run := cmd.flags(fs)
	for len(args) > 0 {
		if err := fs.Parse(args); err != nil {
			return c.flagError(cmd, err)
		}
		rest := fs.Args()
		if ended := len(args) - len(rest); ended > 0 && args[ended-1] == "--" {
			c.args = append(c.args, rest...)
			break
		}
		if len(rest) == 0 {
			break
		}
		c.args, args = append(c.args, rest[0]), rest[1:]
	}
	return run(ctx, c)
}

func newFlagSet(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return fs
}

func (c *call) flagError(cmd *command, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		c.helpOn(c.out, cmd)
		return nil
	}
	return usagef("%v; see keyway help%s", err, strings.TrimPrefix(cmd.name, "keyway"))
}

// noArguments refuses arguments without repeating them: one may be a connection
// string with a password in it.
func (c *call) noArguments(name string) error {
	if len(c.args) > 0 {
		return usagef("%s takes no arguments beside its flags, and %d were given", name, len(c.args))
	}
	return nil
}

// load reads the configuration.
func (c *call) load() (router.Config, error) {
	if c.config == "" {
		return router.Config{}, usagef("no configuration; give --config keyway.<env>.yaml or set KEYWAY_CONFIG")
	}
	if _, err := os.Stat(c.config); errors.Is(err, os.ErrNotExist) {
		return router.Config{}, usagef("there is no file %s", c.config)
	}
	cfg, err := config.Load(c.config)
	if err != nil {
		return router.Config{}, refused(err)
	}
	return cfg, nil
}

// toolConnections is what a command that only looks may hold to each server, of the reserve of its budget.
const toolConnections = 2

// open opens the cluster to look at it.
func (c *call) open(ctx context.Context) (*router.DB, error) {
	return c.openWith(ctx, router.WithoutLease(toolConnections))
}

// openWith opens the cluster. Where that takes a place in the connection budget, it may have to wait for one.
func (c *call) openWith(ctx context.Context, o ...router.Option) (*router.DB, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	waiting := time.AfterFunc(openPatience, func() {
		if c.json {
			return
		}
		fmt.Fprintln(c.err, "keyway: still opening the cluster; when the connection budget has no place left, it waits for one "+
			"(keyway pool shows who holds it)")
	})
	defer waiting.Stop()
	return router.Open(ctx, cfg, o...)
}

// openPatience is after what time a person is told what may take so long.
const openPatience = 3 * time.Second

func (cmd *command) lastName() string { return cmd.name[strings.LastIndexByte(cmd.name, ' ')+1:] }

// find returns the command of that name, or nil.
func find(words []string) *command {
	at := program()
	for _, w := range words {
		i := slices.IndexFunc(at.group, func(x *command) bool { return x.lastName() == w })
		if i < 0 {
			return nil
		}
		at = at.group[i]
	}
	return at
}

// program is the tree of all commands. It is a function, since the help command
// is part of what it shows.
func program() *command {
	return &command{
		name: "keyway",
		long: "keyway operates a cluster of PostgreSQL shards. It is thin over the packages of\n" +
			"github.com/keyway-go/keyway: whatever it does, a program can do.",
		group: []*command{
			assessCommand, initCommand, importCommand, migrateGroup, routeCommand, explainCommand, observeGroup, poolGroup, doctorCommand, configGroup,
			versionCommand, helpCommand(),
		},
		example: "keyway init --config keyway.production.yaml",
	}
}

func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}
