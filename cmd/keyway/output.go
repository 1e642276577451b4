package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keyway-go/keyway/router"
)

// streams are what a command writes to and reads its environment from.
type streams struct {
	out, err io.Writer
	terminal bool // err is one, for progress
	screen   bool // out is one, for what is drawn over
	env      func(string) (string, bool)
}

// isTerminal tells whether a person looks on.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// result prints v as JSON, or calls text.
func (c *call) result(v any, text func(io.Writer)) {
	if c.json {
		c.printJSON(v)
		return
	}
	text(c.out)
}

func (c *call) printJSON(v any) {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}

// report prints an error as it is asked for and returns the exit code.
func (c *call) report(err error) int {
	code := exitCode(err)
	if err == nil {
		return code
	}
	var e *exitError
	if errors.As(err, &e) && e.quiet {
		return code
	}
	if c.json {
		c.printJSON(map[string]any{"error": jsonError(code, err)})
		return code
	}
	text := strings.TrimPrefix(err.Error(), "keyway: ")
	fmt.Fprintf(c.err, "keyway: %s\n", text)
	var r *router.RefusedError
	if errors.As(err, &r) && r.Caret != "" {
		fmt.Fprintln(c.err, r.Caret)
	}
	return code
}

// jsonError says of a refused statement also why, and where in the text, in bytes from 0. The line itself is left out:
// whoever reads the object has the text.
func jsonError(code int, err error) map[string]any {
	object := map[string]any{"kind": kinds[code], "exit_code": code, "message": err.Error()}
	if r, ok := errors.AsType[*router.RefusedError](err); ok {
		object["reason"] = r.Reason
		if r.Offset >= 0 {
			object["offset"] = r.Offset
		}
	}
	return object
}

// table prints rows in columns. The first row is the heading.
func table(w io.Writer, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(tw, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = tw.Flush()
}

// progress shows one line that is written over, to a person only.
func (c *call) progress(format string, args ...any) {
	if c.terminal && !c.json {
		fmt.Fprintf(c.err, "\r\x1b[K"+format, args...)
	}
}

// progressDone takes the line away.
func (c *call) progressDone() {
	if c.terminal && !c.json {
		fmt.Fprint(c.err, "\r\x1b[K")
	}
}

func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// count is "1 shard" or "2 shards".
func count(n int, noun string) string { return plural(n, noun, noun+"s") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
