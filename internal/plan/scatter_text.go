package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
	"github.com/keyway-go/keyway/shard"
)

// maxRanges is the most ranges of slots that are written as comparisons, which the server's planner estimates well; more
// are one multirange, which costs a row less than five comparisons do.
const maxRanges = 4

// maxPieces is the most texts that are kept of one plan, one for each shard of the newest map and those of maps before it.
const maxPieces = 256

// argKind says what is sent for one $n of a piece.
type argKind uint8

const (
	argCaller argKind = iota // argument n of the caller's, from 1
	argClock                 // the one instant of the whole statement
	argLimit                 // limit plus offset, or NULL
	argCount                 // the limit, or NULL
	argSkip                  // the offset
)

type arg struct {
	kind argKind
	n    int
}

// piece is a text with its own numbering of parameters: each server must be able to tell the type of every $n, so a
// text may only have those that it uses.
type piece struct {
	text string
	args []arg
}

// Inside of texts that are put together, parameters and predicates are marks, because their numbers follow from the
// whole. NUL cannot be in a text for PostgreSQL.
const markEnd = "\x00"

func mark(a arg) string {
	return "\x00p" + strconv.Itoa(int(a.kind)) + "," + strconv.Itoa(a.n) + markEnd
}

// ownMark stands for "the slot in this column is owned".
func ownMark(column string) string { return "\x00o" + column + markEnd }

// pieceKey is what the text of a piece depends on, besides the plan. The ranges of one map are known by their place in
// memory.
type pieceKey struct {
	at   *shard.Range
	asks Question
	keys bool // the shard is asked for keys of its own
	cut  int64
}

// pieceFor is the text for a shard that owns these ranges. Maps live long and have few shards, so it is written once for
// each, unless it is long.
func (s *Scatter) pieceFor(asks Question, ranges []shard.Range, keys bool, cut int64) *piece {
	write := func() *piece {
		owns := owned(ranges)
		if keys {
			owns = unasked
		}
		p := numbered(s.text, blanks{owns: owns, gate: asks.gate(ranges), cut: cut})
		return &p
	}
	if len(ranges) == 0 || len(s.text) > maxPieceText {
		return write()
	}
	key := pieceKey{&ranges[0], asks, keys, cut}
	known := s.pieces.Load()
	if known != nil {
		if p := (*known)[key]; p != nil {
			return p
		}
	}
	p := write()
	all := map[pieceKey]*piece{key: p}
	if known != nil && len(*known) < maxPieces {
		maps.Copy(all, *known)
	}
	s.pieces.Store(&all) // one of two that come at once is written again
	return p
}

// blanks are what is written in place of marks.
type blanks struct {
	owns func(column string) string // that the slot in a column is owned
	gate string
	cut  int64 // the constant limit, unless it is 0
}

// numbered makes a piece of a text with marks.
func numbered(text string, in blanks) piece {
	var p piece
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "\x00")
		b.WriteString(before)
		if !found {
			p.text = b.String()
			return p
		}
		word, after, _ := strings.Cut(rest, markEnd)
		if column, ok := strings.CutPrefix(word, "o"); ok {
			text = in.owns(column) + after
			continue
		}
		if word == "g" {
			text = in.gate + after
			continue
		}
		if n, ok := strings.CutPrefix(word, "l"); ok {
			b.WriteString(limitOf(n, in.cut))
			text = after
			continue
		}
		if word[0] != 'p' {
			b.WriteString("\x00" + word + markEnd) // of the final query; see write
			text = after
			continue
		}
		kind, n, _ := strings.Cut(word[1:], ",")
		b.WriteString(p.number(arg{argKind(atoi(kind)), atoi(n)}))
		text = after
	}
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("bug: plan: a mark without a number")
	}
	return n
}

func (p *piece) number(a arg) string {
	i := slices.Index(p.args, a)
	if i < 0 {
		i = len(p.args)
		p.args = append(p.args, a)
	}
	return "$" + strconv.Itoa(i+1)
}

// owned is the predicate that the slot in a column is in one of the ranges. They are constants: for a parameter the
// server supposes that a half per cent of the rows are meant, finds the plan for that worse than one for the values, and
// plans each execution anew, which costs more than reading fifty rows.
func owned(ranges []shard.Range) func(column string) string {
	return func(column string) string {
		if len(ranges) == 0 || len(ranges) > maxRanges {
			return column + "::int4 <@ '" + multirange(ranges) + "'::int4multirange"
		}
		conds := make([]string, 0, len(ranges))
		for _, r := range ranges {
			conds = append(conds, fmt.Sprintf("%s between '%d' and '%d'", column, r.Lo, r.Hi))
		}
		if len(conds) == 1 {
			return conds[0]
		}
		return "(" + strings.Join(conds, " or ") + ")"
	}
}

// unasked is the predicate where a shard is asked for nothing but keys of its own: their slots are owned.
func unasked(string) string { return "true" }

// multirange is the text form of int4multirange.
func multirange(ranges []shard.Range) string {
	texts := make([]string, 0, len(ranges))
	for _, r := range ranges {
		texts = append(texts, fmt.Sprintf("[%d,%d]", r.Lo, r.Hi))
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// sent writes an expression as a column of the shards' rows. A whole row that is written with a star would become its
// columns there.
func (sp *splitter) sent(x sqlparse.Expr) string {
	if isStar(x) {
		panic(refuse(Inexact, x.Pos().Start, "a whole row with a star is not read for several shards where it is one value",
			"write its columns; where it is only shown, row_to_json(x)"))
	}
	return sp.render(x.Pos(), sp.shard...)
}

// render returns a part of the statement with parameters as marks and the edits made. An edit hides those inside it.
func (sp *splitter) render(span sqlparse.Span, edits ...edit) string {
	var all []edit
	for _, e := range edits {
		if e.at >= span.Start && e.to <= span.End {
			all = append(all, e)
		}
	}
	hidden := func(b edit) bool {
		return slices.ContainsFunc(edits, func(e edit) bool { return e.at <= b.at && b.to <= e.to && e.to > e.at })
	}
	for _, e := range sp.leaves {
		if e.at >= span.Start && e.to <= span.End && !hidden(e) {
			all = append(all, e)
		}
	}
	for i := range all {
		all[i].at -= span.Start
		all[i].to -= span.Start
	}
	return apply(span.Text(sp.text), all)
}

// findLeaves makes the edits that every text of the statement needs: parameters, and the calls that read the clock.
func (sp *splitter) findLeaves() {
	sqlparse.Walk(sp.query, func(n sqlparse.Node) bool {
		switch n := n.(type) {
		case *sqlparse.Param:
			sp.leaves = append(sp.leaves, edit{at: n.Start, to: n.End, text: mark(arg{argCaller, n.Number})})
		case *sqlparse.FuncCall:
			if text, ok := clockText(n); ok {
				sp.leaves = append(sp.leaves, edit{at: n.Start, to: n.End, text: text})
			}
		}
		return true
	})
}

// namedClocks keep the names of outputs that are replaced because they read the clock.
func (sp *splitter) namedClocks() []edit {
	var edits []edit
	for _, a := range sp.arms {
		edits = append(edits, clockNamesOf(a.query)...)
	}
	return edits
}

func clockNamesOf(q *sqlparse.Select) []edit {
	var edits []edit
	for _, t := range q.Targets {
		if call, ok := strip(t.Expr).(*sqlparse.FuncCall); ok && t.Alias.Value == "" {
			if _, ok := clockText(call); ok {
				edits = append(edits, edit{at: t.End, to: t.End, text: " as " + quote(call.Name)})
			}
		}
	}
	return edits
}

// clockText is what is written in place of a call that reads the clock: each shard would read its own.
func clockText(e *sqlparse.FuncCall) (string, bool) {
	if e.Schema != "" && e.Schema != "pg_catalog" || len(e.Args) > 0 {
		return "", false
	}
	at := "cast(" + mark(arg{kind: argClock}) + " as timestamptz)"
	switch e.Name {
	case "now", "transaction_timestamp", "statement_timestamp", "current_timestamp":
		return at, true
	case "current_date":
		return "cast(" + at + " as date)", true
	case "current_time":
		return "cast(" + at + " as timetz)", true
	case "localtime":
		return "cast(" + at + " as time)", true
	case "localtimestamp":
		return "cast(" + at + " as timestamp)", true
	}
	return "", false
}
