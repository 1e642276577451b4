package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/router/config"
)

var configGroup = &command{
	name: "keyway config", short: "check the configuration file, or print its JSON Schema",
	long: "Reads the configuration file and connects to nothing.", example: "keyway config check --config keyway.production.yaml",
	group: []*command{configCheckCommand, configSchemaCommand},
}

var configCheckCommand = &command{
	name: "keyway config check", short: "report every fault of the configuration file",
	long: `Reads the configuration file as every command does and reports all its faults,
each with its place (exit code 3): unknown keys, undefined variables, secrets
that cannot be read, shards that share a database, a budget too small. It
connects to nothing; keyway doctor does.`,
	example: "keyway config check --config keyway.production.yaml",
	flags: func(*flag.FlagSet) runner {
		return func(_ context.Context, c *call) error {
			if err := c.noArguments("config check"); err != nil {
				return err
			}
			cfg, err := c.load()
			if err != nil {
				return err
			}
			c.result(map[string]any{"ok": true, "environment": cfg.Environment, "shards": len(cfg.Shards),
				"instances": len(cfg.Instances), "tables": len(cfg.Tables)}, func(w io.Writer) {
				fmt.Fprintf(w, "%s is in order: %s on %s, %s for %s, %s asserted\n", c.config,
					count(len(cfg.Shards), "shard"), count(len(cfg.Instances), "instance"),
					count(cfg.Budget.Connections, "connection"), plural(cfg.Budget.Processes, "process", "processes"),
					count(len(cfg.Tables), "table"))
			})
			return nil
		}
	},
}

var configSchemaCommand = &command{
	name: "keyway config schema", short: "print the JSON Schema of the file, for editors",
	long:    "Prints the JSON Schema of the configuration file. Editors complete and check with it.",
	example: "keyway config schema > keyway.schema.json",
	flags: func(*flag.FlagSet) runner {
		return func(_ context.Context, c *call) error {
			if err := c.noArguments("config schema"); err != nil {
				return err
			}
			_, err := c.out.Write(config.Schema())
			return err
		}
	},
}

var versionCommand = &command{
	name: "keyway version", short: "print the version of the program and of the schema it installs",
	long:    "Prints the version of the program, of the keyway schema that it installs, and of Go.",
	example: "keyway version --json",
	flags:   func(*flag.FlagSet) runner { return showVersion },
}

func showVersion(_ context.Context, c *call) error {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	c.result(map[string]any{"version": version, "schema": catalog.SchemaVersion, "go": runtime.Version()}, func(w io.Writer) {
		fmt.Fprintf(w, "keyway %s, schema %d, %s\n", version, catalog.SchemaVersion, runtime.Version())
	})
	return nil
}
