package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/observe"
)

var observeGroup = &command{
	name: "keyway observe", short: "statements that run only because one shard owns every slot",
	long: `While one shard owns every slot, a service whose configuration lists tables under
observe: runs their statements as they are, and logs those that would be refused
or would scatter.`,
	example: "keyway observe report /var/log/shop/*.log",
	group:   []*command{observeReportCommand},
}

var observeReportCommand = &command{
	name: "keyway observe report", args: "[FILE...]", short: "sum up what the logs say was observed",
	long: `Reads logs of JSON lines, of any number of processes, from files or from standard
input, and sums up by statement and place in the program what observe mode has
logged, most often first. Lines of other things are passed by, and what a
collector writes before or around a line is taken off. Lines of observe mode that
cannot be read are counted: log with slog.NewJSONHandler.

It connects to nothing and needs no configuration. Ends with 3 when there is
something in it: a statement to be changed before another shard owns a slot, or a
line of observe mode that cannot be read.`,
	example: "keyway observe report /var/log/shop/*.log\nkubectl logs -l app=shop --tail=-1 | keyway observe report --json",
	flags: func(fs *flag.FlagSet) runner {
		verbose := fs.Bool("verbose", false, "show every statement with its whole text, not the first ones")
		return func(_ context.Context, c *call) error { return runObserveReport(c, *verbose) }
	},
}

func runObserveReport(c *call, verbose bool) error {
	r := &observe.Report{Observations: []router.Observation{}}
	if err := readLogs(r, c.args); err != nil {
		return err
	}
	r.Sort()
	c.result(r, func(w io.Writer) { printObserved(w, r, verbose) })
	switch {
	case len(r.Observations) > 0 || r.NotKept > 0:
		return findings("statements were observed")
	case r.Malformed > 0:
		return findings("lines of observe mode could not be read")
	}
	return nil
}

func readLogs(r *observe.Report, files []string) error {
	if len(files) == 0 {
		return r.Read(os.Stdin)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return usagef("%v", err)
		}
		err = r.Read(f)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

const fewObserved = 25

func printObserved(w io.Writer, r *observe.Report, verbose bool) {
	switch {
	case len(r.Observations) == 0 && r.Malformed > 0: // what they say is not known
	case len(r.Observations) == 0:
		fmt.Fprintln(w, "Nothing was observed: no line is of observe mode.")
	default:
		fingerprints := map[string]bool{}
		for _, o := range r.Observations {
			fingerprints[o.Fingerprint] = true
		}
		fmt.Fprintf(w, "%s in %s: %s would scatter, %s would be refused.\n\n", count(len(fingerprints), "statement"),
			count(places(r.Observations), "place"), calls(r.Scatter), calls(r.Refused))
	}
	shown := r.Observations
	if !verbose {
		shown = shown[:min(len(shown), fewObserved)]
	}
	rows := [][]string{{"CALLS", "VERDICT", "REASON", "STATEMENT", "PLACE"}}
	for _, o := range shown {
		rows = append(rows, []string{number(o.Count), printable(o.Verdict), printable(o.Reason), printable(o.Fingerprint), printable(o.Site)})
	}
	if len(shown) > 0 {
		table(w, rows)
		printTexts(w, shown, verbose)
	}
	if n := len(r.Observations) - len(shown); n > 0 {
		fmt.Fprintf(w, "... and %d more lines; see --verbose or --json\n", n)
	}
	if r.Beyond > 0 {
		wrap(w, "", fmt.Sprintf("%s were of statements and places beyond the first %d, which are all that is kept apart. "+
			"Change those above, and look at newer logs.", calls(r.Beyond), observe.MaxObservations))
	}
	if r.NotKept > 0 {
		wrap(w, "", fmt.Sprintf("%s more were counted that processes did not keep apart: each keeps %d statements and places. "+
			"Change those above, and look again.", calls(r.NotKept), router.MaxObservations))
	}
	if r.Malformed > 0 {
		fmt.Fprintf(w, "%s of observe mode could not be read: not JSON, or cut. Log with slog.NewJSONHandler.\n", count(int(r.Malformed), "line"))
	}
}

// places is how many places in the application were seen; several statements may come from one.
func places(all []router.Observation) int {
	sites := map[string]bool{}
	for _, o := range all {
		sites[o.Site] = true
	}
	return len(sites)
}

// printTexts shows each statement once, with what to do about it.
func printTexts(w io.Writer, list []router.Observation, verbose bool) {
	var shown []string
	for _, o := range list {
		if slices.Contains(shown, o.Fingerprint) {
			continue
		}
		shown = append(shown, o.Fingerprint)
		text := printable(o.Statement)
		switch {
		case text == "":
			text = "(a text that cannot be read)"
		case !verbose:
			text = cut(text, statementWidth)
		}
		fmt.Fprintf(w, "\n%s\n", printable(o.Fingerprint))
		wrap(w, "  ", text)
		if o.Hint != "" {
			wrap(w, "  -> ", printable(o.Hint))
		}
	}
}

func calls(n int64) string {
	if n == 1 {
		return "1 call"
	}
	return number(n) + " calls"
}

// printable leaves out what a log could do to a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
