package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

func helpCommand() *command {
	return &command{
		name: "keyway help", args: "[COMMAND]", short: "show this list, or the help of a command",
		long:    "Shows the list of commands, or what one of them does.",
		example: "keyway help migrate up",
		flags: func(*flag.FlagSet) runner {
			return func(_ context.Context, c *call) error { return showHelp(c, c.args) }
		},
	}
}

func showHelp(c *call, words []string) error {
	cmd := find(words)
	if cmd == nil {
		return usagef("there is no command %q; see keyway help", strings.Join(words, " "))
	}
	c.helpOn(c.out, cmd)
	return nil
}

// helpOn prints the help of a command or a group.
func (c *call) helpOn(w io.Writer, cmd *command) {
	if cmd.group != nil {
		groupHelp(w, cmd)
		return
	}
	usage := cmd.name + " [flags]"
	if cmd.args != "" {
		usage += " " + cmd.args
	}
	fmt.Fprintf(w, "usage: %s\n\n%s\n\nflags:\n", usage, cmd.long)
	fs := newFlagSet(cmd.name)
	new(globals).register(fs)
	cmd.flags(fs)
	fs.VisitAll(func(f *flag.Flag) { flagHelp(w, f) })
	fmt.Fprintf(w, "\nexample:\n  %s\n\n%s", strings.ReplaceAll(cmd.example, "\n", "\n  "), exitCodes)
}

func flagHelp(w io.Writer, f *flag.Flag) {
	value, usage := flag.UnquoteUsage(f)
	name := "--" + f.Name
	if value != "" {
		name += " " + value
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "[]" {
		usage += " (default " + f.DefValue + ")"
	}
	fmt.Fprintf(w, "  %-20s %s\n", name, usage)
}

func groupHelp(w io.Writer, group *command) {
	usage := "COMMAND"
	if group.flags != nil {
		usage = "[COMMAND]" // alone it is a command too
	}
	fmt.Fprintf(w, "%s\n\nusage: %s %s [flags] [arguments]\n\ncommands:\n", group.long, group.name, usage)
	for _, cmd := range group.group {
		name := cmd.lastName()
		if cmd.args != "" {
			name += " " + cmd.args
		}
		fmt.Fprintf(w, "  %-26s %s\n", name, cmd.short)
	}
	fmt.Fprint(w, "\nflags of every command:\n")
	fs := newFlagSet(group.name)
	new(globals).register(fs)
	if group.flags != nil {
		group.flags(fs)
	}
	fs.VisitAll(func(f *flag.Flag) { flagHelp(w, f) })
	fmt.Fprintf(w, "\nexample:\n  %s\n\n%s", group.example, exitCodes)
}
