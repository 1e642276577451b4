package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyway-go/keyway/router/assess"
)

// What is shown without --verbose. The width is that of a terminal of 100 columns.
const (
	screenWidth    = 98
	fewTables      = 25
	fewAlike       = 2 // obstacles of one sort
	fewStatements  = 8
	fewCandidates  = 3
	fewMigrations  = 20
	becauseWidth   = 40
	statementWidth = 2 * (screenWidth - 4)
)

// assessment prints a report for a person.
type assessment struct {
	w       io.Writer
	r       *assess.Report
	verbose bool
}

func (a *assessment) print() {
	a.printf("%s: PostgreSQL %s, %s, about %s rows, %s. Only catalogs were read.\n", a.r.Database, a.r.Version,
		count(len(a.r.Tables), "table"), number(a.r.Rows), bytesText(a.r.Bytes))
	if len(a.r.Tables) == 0 {
		a.printf("\nThere is no table, so there is nothing to shard yet.\n")
		return
	}
	a.key()
	a.tables()
	a.obstacles()
	a.statements()
	a.migration()
}

func (a *assessment) printf(format string, args ...any) { _, _ = fmt.Fprintf(a.w, format, args...) }

func (a *assessment) heading(name, about string) { a.printf("\n%s  %s\n", name, about) }

// few is how many of n are shown.
func (a *assessment) few(n, most int) int {
	if a.verbose {
		return n
	}
	return min(n, most)
}

func (a *assessment) more(n, shown int, noun string) {
	if n > shown {
		a.printf("  ... and %d more %s; see --verbose or --json\n", n-shown, noun)
	}
}

func (a *assessment) key() {
	if a.r.Key == "" {
		a.heading("SHARD KEY", "none was found: no column is in several tables or referred to")
		a.wrap("  ", "Name one with --key COLUMN, or for single tables with --table TABLE=COLUMN.")
		return
	}
	how := "recommended"
	if a.r.KeyGiven {
		how = "as you asked"
	}
	a.heading("SHARD KEY", a.r.Key+", "+how)
	a.wrap("  ", strings.Join(whyKey(&a.r.Candidates[0]), "; "))
	others := a.r.Candidates[1:]
	if len(others) == 0 {
		return
	}
	shown := a.few(len(others), fewCandidates)
	a.printf("  others:\n")
	rows := [][]string{}
	for _, c := range others[:shown] {
		rows = append(rows, []string{"    " + c.Column, count(c.Tables, "table"), share(c.RowsShare) + " of rows", callsOf(&c), distinct(&c)})
	}
	table(a.w, rows)
}

func callsOf(c *assess.Candidate) string {
	if c.RoutedCalls == nil {
		return ""
	}
	return share(*c.RoutedCalls) + " of calls route"
}

func distinct(c *assess.Candidate) string {
	if c.DistinctValues == nil {
		return ""
	}
	if *c.DistinctValues < 1.5 {
		return "1 value"
	}
	return "about " + number(int64(*c.DistinctValues)) + " values"
}

// whyKey are the facts about the key, as parts of a sentence.
func whyKey(c *assess.Candidate) []string {
	why := []string{fmt.Sprintf("%s have it, with %s of the rows", count(c.Tables, "table"), share(c.RowsShare))}
	if c.Tables == 1 {
		why[0] = fmt.Sprintf("1 table has it, with %s of the rows", share(c.RowsShare))
	}
	if c.Root != "" {
		why = append(why, "it names rows of "+bare(c.Root))
	}
	if c.RoutedCalls != nil {
		why = append(why, share(*c.RoutedCalls)+" of the calls route as they are")
	}
	if c.DistinctValues == nil {
		why = append(why, "how its values are spread is not known (ANALYZE has not run, or the role may not read the table)")
	} else {
		why = append(why, distinct(c)+" in its largest table")
	}
	if c.LargestShare != nil {
		why = append(why, "the most common one has "+share(*c.LargestShare)+" of the rows there")
	}
	if c.Nullable > 0 {
		why = append(why, "it may be NULL in "+count(c.Nullable, "table"))
	}
	if c.Reachable > 0 {
		why = append(why, count(c.Reachable, "table")+" without it could take it over a foreign key")
	}
	return why
}

func (a *assessment) tables() {
	kinds := make(map[assess.Kind]int)
	for _, t := range a.r.Tables {
		kinds[t.Kind]++
	}
	var parts []string
	for _, k := range []assess.Kind{assess.Sharded, assess.Reference, assess.Home, assess.Undecided} {
		if kinds[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", kinds[k], k))
		}
	}
	a.heading("TABLES", strings.Join(parts, ", "))
	rows := [][]string{{"  TABLE", "ROWS", "SIZE", "KIND", "KEY", "BECAUSE"}}
	shown := a.few(len(a.r.Tables), fewTables)
	for _, t := range a.r.Tables[:shown] {
		n := number(t.Rows)
		if !t.Analysed && t.Rows == 0 {
			n = "?"
		}
		rows = append(rows, []string{"  " + cut(a.short(t.Table), 30), n, bytesText(t.Bytes), string(t.Kind), strings.Join(t.Key, ", "), a.cut(t.Because, becauseWidth)})
	}
	table(a.w, rows)
	a.more(len(a.r.Tables), shown, "tables")
}

func (a *assessment) obstacles() {
	if len(a.r.Obstacles) == 0 {
		a.heading("OBSTACLES", "none")
		return
	}
	a.heading("OBSTACLES", fmt.Sprintf("%s, %s, %s", count(a.r.Count(assess.Problem), "problem"),
		count(a.r.Count(assess.Warning), "warning"), count(a.r.Count(assess.Note), "note")))
	for i := 0; i < len(a.r.Obstacles); {
		n := 1
		for i+n < len(a.r.Obstacles) && sameSort(&a.r.Obstacles[i], &a.r.Obstacles[i+n]) {
			n++
		}
		a.sort(a.r.Obstacles[i : i+n])
		i += n
	}
}

func sameSort(x, y *assess.Obstacle) bool { return x.Level == y.Level && x.Check == y.Check }

// sort prints obstacles of one sort: a line for each of the first, and what to do about the first of them.
func (a *assessment) sort(list []assess.Obstacle) {
	a.printf("  %s: %s\n", list[0].Level, list[0].Check)
	shown := a.few(len(list), fewAlike)
	for i, o := range list[:shown] {
		subject := ""
		for _, t := range o.Tables {
			subject = a.short(t) + ": "
		}
		a.wrap("    ", subject+o.Sentence)
		if i == 0 || a.verbose {
			a.wrap("      -> ", o.Remedy)
		}
	}
	if shown < len(list) {
		a.printf("    ... and %d more (--verbose)\n", len(list)-shown)
	}
}

func (a *assessment) statements() {
	s := &a.r.Statements
	if s.Statements == 0 && len(s.List) == 0 {
		a.heading("STATEMENTS", "none were judged")
		a.wrap("  ", s.Note)
		return
	}
	about := fmt.Sprintf("%s, %s calls", count(s.Statements, "statement"), number(s.Calls))
	if s.Milliseconds > 0 {
		about += ", " + duration(s.Milliseconds)
	}
	a.heading("STATEMENTS", about+", from "+strings.Replace(s.Source, "file", "the file", 1))
	if s.Note != "" {
		a.wrap("  ", s.Note)
	}
	rows := [][]string{{"", "STATEMENTS", "CALLS", "TIME"}}
	line := func(name string, x assess.Share) {
		if x.Statements > 0 {
			rows = append(rows, []string{"  " + name, fmt.Sprint(x.Statements), part(float64(x.Calls), float64(s.Calls)), part(x.Milliseconds, s.Milliseconds)})
		}
	}
	line("route as they are", s.Routes)
	for _, v := range []assess.Verdict{assess.OneKey, assess.KeyList, assess.AnyShard, assess.HomeShard} {
		line("  "+verdictText[v], s.ByVerdict[v])
	}
	line("scatter over all shards", s.ByVerdict[assess.Scatters])
	line("refused", s.ByVerdict[assess.Refused])
	line("of these two, route with a key (WithKey)", s.WithKey)
	table(a.w, rows)
	a.apart()
	a.worst()
}

var verdictText = map[assess.Verdict]string{
	assess.OneKey: "to one key", assess.KeyList: "to a list of keys", assess.AnyShard: "to any shard", assess.HomeShard: "to the home shard",
}

var apartText = map[assess.Verdict]string{
	assess.Utility: "utility (BEGIN, SET, COPY, DECLARE, DDL and the like)", assess.Catalogs: "catalog", assess.Hidden: "hidden",
}

func (a *assessment) apart() {
	var parts []string
	for _, v := range []assess.Verdict{assess.Utility, assess.Catalogs, assess.Hidden} {
		if n := a.r.Statements.ByVerdict[v].Statements; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, apartText[v]))
		}
	}
	if len(parts) > 0 {
		a.wrap("  ", "set apart: "+strings.Join(parts, ", "))
	}
}

// worst shows what does not route: what is refused, by cost, and with --verbose what scatters.
func (a *assessment) worst() {
	var list []assess.StatementReport
	for _, s := range a.r.Statements.List {
		if s.Verdict == assess.Refused || a.verbose && s.Verdict == assess.Scatters {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return
	}
	title := "refused, costliest first"
	if a.verbose {
		title = "refused, then scattering, costliest first"
	}
	a.printf("\n  %s:\n", title)
	shown := a.few(len(list), fewStatements)
	for _, s := range list[:shown] {
		text := s.Text
		if text == "" {
			text = "(a text that cannot be read)"
		}
		a.wrap("  * ", a.cut(text, statementWidth))
		cost := part(float64(s.Calls), float64(a.r.Statements.Calls)) + " of calls"
		if a.r.Statements.Milliseconds > 0 {
			cost += ", " + part(s.Milliseconds, a.r.Statements.Milliseconds) + " of time"
		}
		a.wrap("      ", cost+": "+s.Detail)
		if s.WithKey {
			a.wrap("      -> ", withKey(s.Verdict))
		} else if s.Hint != "" {
			a.wrap("      -> ", s.Hint)
		}
	}
	a.more(len(list), shown, "statements")
}

func withKey(v assess.Verdict) string {
	if v == assess.Scatters {
		return "db.Scatter() answers it for all keys; where it means one, the caller names that (router.WithKey, db.ForKey) and sees its rows only"
	}
	return "routes when the caller names the key (router.WithKey, db.ForKey), and then sees or changes that key's rows only"
}

func (a *assessment) migration() {
	a.heading("MIGRATION", "to register the tables, once the problems are solved")
	shown := a.few(len(a.r.Migration), fewMigrations)
	for _, line := range a.r.Migration[:shown] {
		a.printf("  %s\n", line)
	}
	a.more(len(a.r.Migration), shown, "lines")
	a.wrap("  ", "adopt_table in place of shard_table registers a table without touching it, which is the first step for a database "+
		"that serves: keyway init --adopt.")
}

// short leaves the schema out that unqualified names mean.
func (a *assessment) short(table string) string { return strings.TrimPrefix(table, a.r.Schema+".") }

func bare(table string) string { return table[strings.IndexByte(table, '.')+1:] }

// cut shortens a text unless everything is wanted.
func (a *assessment) cut(s string, width int) string {
	if a.verbose {
		return s
	}
	return cut(s, width)
}

func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-3]) + "..."
}

// wrap prints a text in lines of the screen; those after the first are indented as far as the prefix is long.
func (a *assessment) wrap(prefix, text string) { wrap(a.w, prefix, text) }

func wrap(w io.Writer, prefix, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(prefix))
	line := prefix
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > screenWidth {
			_, _ = fmt.Fprintln(w, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	_, _ = fmt.Fprintln(w, line)
}

// number is a count that is read at a glance: 950, 12k, 3.4M.
func number(n int64) string { return scaled(float64(n), 1000, []string{"", "k", "M", "G", "T"}) }

func bytesText(n int64) string {
	return scaled(float64(n), 1024, []string{" B", " kB", " MB", " GB", " TB"})
}

func scaled(v, by float64, units []string) string {
	i := 0
	for v >= by && i < len(units)-1 {
		v /= by
		i++
	}
	if i == 0 || v >= 10 {
		return fmt.Sprintf("%.0f%s", v, units[i])
	}
	return fmt.Sprintf("%.1f%s", v, units[i])
}

// share is a part of a whole in per cent; what is not nothing is never shown as 0.
func share(v float64) string {
	switch {
	case v > 0 && v < 0.001:
		return "<0.1 %"
	case v >= 0.1 && v < 0.995 || v == 0 || v == 1:
		return fmt.Sprintf("%.0f %%", 100*v)
	case v >= 0.995:
		return ">99 %"
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

func part(of, all float64) string {
	if all == 0 {
		return "-"
	}
	return share(of / all)
}

func duration(ms float64) string {
	return short(time.Duration(ms * float64(time.Millisecond)))
}
