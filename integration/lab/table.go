package lab

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// barWidth is the length of the bar of the fastest.
const barWidth = 30

// Table writes results, one a line, with a bar for requests per second.
func Table(out io.Writer, w Workload, results []Result) error {
	best := 0.0
	for _, r := range results {
		best = max(best, r.Rate(w))
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "\telapsed\tper second\twait p50\tp99\ttotal p50\tp99\tconnects\tbackends\tclient CPU\tserver CPU\tserver MB\t")
	for _, r := range results {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%.0f\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", r.Name, short(r.Elapsed), r.Rate(w),
			short(r.Wait.Median), short(r.Wait.P99), short(r.Total.Median), short(r.Total.P99), r.Connects,
			count(r.Cost.Backends), short(r.Cost.ClientCPU), short(r.Cost.ServerCPU), megabytes(r.Cost.ServerMem),
			" "+bar(r.Rate(w)/best))
	}
	return t.Flush()
}

func bar(share float64) string {
	n := max(1, int(share*barWidth+0.5))
	return strings.Repeat("█", n) + strings.Repeat(" ", barWidth-n)
}

// short prints a time with three digits; "-" when it is not known.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0fms", d.Seconds()*1e3)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1fms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.0fus", d.Seconds()*1e6)
	}
}

func count(n int) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func megabytes(n int64) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(n)/1e6)
}

// Enough returns the smallest pool of results, which must be in the order of their sizes, that is within a tenth of the
// fastest, and its index.
func Enough(w Workload, results []Result) (int, Result) {
	best := 0.0
	for _, r := range results {
		best = max(best, r.Rate(w))
	}
	for i, r := range results {
		if r.Rate(w) >= 0.9*best {
			return i, r
		}
	}
	return -1, Result{}
}
