package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// narrator prints what the demo does, in the order it does it, with the time since the start.
type narrator struct {
	out   io.Writer
	start time.Time
}

func (n *narrator) chapter(format string, args ...any) {
	fmt.Fprintf(n.out, "\n%5.1fs  %s\n", time.Since(n.start).Seconds(), fmt.Sprintf(format, args...))
}

func (n *narrator) say(format string, args ...any) {
	for line := range strings.SplitSeq(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n") {
		fmt.Fprintf(n.out, "        %s\n", line)
	}
}

// command shows a command as the reader would type it.
func (n *narrator) command(args ...string) {
	fmt.Fprintf(n.out, "\n      $ %s\n", strings.Join(args, " "))
}

// thousands prints 1234567 as 1,234,567.
func thousands(v int64) string {
	digits := fmt.Sprint(v)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// table prints rows with aligned columns: the first to the left, the others to the right.
func (n *narrator) table(header []string, rows [][]string) {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range append([][]string{header}, rows...) {
		var line strings.Builder
		for i, cell := range row {
			if i == 0 {
				fmt.Fprintf(&line, "%-*s", widths[i], cell)
				continue
			}
			fmt.Fprintf(&line, "   %*s", widths[i], cell)
		}
		n.say("%s", line.String())
	}
}

// indented returns a writer that indents what a command prints as the rest of the story is.
func (n *narrator) indented() io.Writer { return &indenter{out: n.out, atStart: true} }

type indenter struct {
	out     io.Writer
	atStart bool
}

func (w *indenter) Write(p []byte) (int, error) {
	for _, b := range p {
		if w.atStart && b != '\n' {
			if _, err := io.WriteString(w.out, "        "); err != nil {
				return 0, err
			}
		}
		if _, err := w.out.Write([]byte{b}); err != nil {
			return 0, err
		}
		w.atStart = b == '\n'
	}
	return len(p), nil
}
