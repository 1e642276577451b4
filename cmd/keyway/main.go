// Command keyway operates a cluster of PostgreSQL shards: it makes them, fills
// them, migrates them and says what is wrong with them. `keyway help` lists the
// commands; everything it does is the public API of this module.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s := streams{out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stderr), screen: isTerminal(os.Stdout), env: os.LookupEnv}
	code := run(ctx, s, os.Args[1:])
	stop()
	os.Exit(code)
}
