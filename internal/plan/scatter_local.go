package plan

import (
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// serverFunctions answer differently on each server, or each time, so that rows of several shards would not be those of one.
var serverFunctions = map[string]string{
	"clock_timestamp": "reads the clock of each server", "timeofday": "reads the clock of each server",
	"random": "differs each time", "random_normal": "differs each time", "gen_random_uuid": "differs each time",
	"uuidv4": "differs each time", "uuidv7": "differs each time", "array_sample": "differs each time",
	"array_shuffle": "differs each time", "pg_sleep": "waits on each server", "pg_sleep_for": "waits on each server",
	"pg_sleep_until": "waits on each server", "version": "describes one server", "current_database": "describes one server",
	"current_catalog": "describes one server", "current_setting": "describes one server",
	"current_user": "describes one connection", "session_user": "describes one connection", "user": "describes one connection",
	"current_role": "describes one connection", "system_user": "describes one connection",
	"pg_typeof":      "gives a number that differs between servers for the schema's own types",
	"pg_column_size": "tells how one server stores a value",
}

// checkScattered refuses what shards would answer each for itself.
func (r *reader) checkScattered(e *sqlparse.FuncCall) {
	if r.tops == nil {
		return
	}
	if why, ok := serverFunctions[e.Name]; ok {
		panic(refuse(ServerFunction, e.Start, "the function "+e.Name+" "+why, "give its value as an argument, or use db.EachShard"))
	}
	if _, ok := clockText(e); !ok && (clockNames[e.Name] || e.Name == "age" && len(e.Args) == 1) {
		panic(refuse(ServerFunction, e.Start, "the function "+e.Name+" reads the clock of each server in a form that is not replaced",
			"write now() with a cast, or give the time as an argument"))
	}
}

var clockNames = map[string]bool{
	"now": true, "transaction_timestamp": true, "statement_timestamp": true, "current_timestamp": true, "current_date": true,
	"current_time": true, "localtime": true, "localtimestamp": true,
}

// checkClockWord refuses the strings that PostgreSQL reads as a time of today.
func (r *reader) checkClockWord(e *sqlparse.Literal) {
	if r.tops == nil || e.Kind != sqlparse.LitString {
		return
	}
	word := ""
	for w := range strings.FieldsSeq(strings.ToLower(e.Value)) {
		switch {
		case w == "now", w == "today", w == "tomorrow", w == "yesterday":
			word = w
		case strings.Trim(w, "0123456789:.+-") == "", slices.Contains(besideClockWords, w):
		default:
			return // some other text
		}
	}
	if word != "" {
		panic(refuse(ServerFunction, e.Start, "the constant '"+word+"' may be a time, which each server would read from its own clock",
			"give it as an argument"))
	}
}

// besideClockWords are the words that a time of today is written with.
var besideClockWords = []string{"allballs", "am", "pm", "z", "zulu", "utc", "gmt"}

// checkSystemColumn refuses ctid and its kin: rows of several shards have the same ones.
func (r *reader) checkSystemColumn(e *sqlparse.ColumnRef) {
	if r.tops != nil && isSystemColumn(e.Parts[len(e.Parts)-1].Value) {
		panic(refuse(ServerFunction, e.Start, "a system column describes a row's place on one server", "use db.EachShard"))
	}
}

// objectNames are types whose values are numbers that each server gives its tables, types and functions.
var objectNames = []string{
	"regclass", "regtype", "regproc", "regprocedure", "regoper", "regoperator", "regnamespace", "regrole", "regcollation",
}

// checkObjectName refuses what one server calls by a number and another by another one, also where the name stands in the
// statement: what is made of it may show the number.
func (r *reader) checkObjectName(e *sqlparse.Cast) {
	if own := e.Type.Schema == "" || e.Type.Schema == "pg_catalog"; r.tops == nil || !own {
		return
	}
	if slices.Contains(objectNames, e.Type.Name) {
		panic(refuse(ServerFunction, e.Start, "a value of the type "+e.Type.Name+" is a number that differs between servers",
			"compare and show names as text, or use db.EachShard"))
	}
}

// checkOuterAggregate refuses an aggregate of an outer query's columns inside a subquery, which PostgreSQL counts for the
// outer query.
func (r *reader) checkOuterAggregate(e *sqlparse.FuncCall, sc *scope) {
	if r.tops == nil || r.block == nil || r.block.up == nil {
		return
	}
	refs := columnsIn(e)
	for _, ref := range refs {
		if c := r.column(ref, sc); c.rel != nil && c.rel.blk == r.block {
			return
		}
	}
	if len(refs) == 0 && !hasQuery(e) {
		return
	}
	panic(refuse(Inexact, e.Start, "an aggregate of an outer query's columns in a subquery is not read for several shards",
		"write it in the outer query"))
}

func hasQuery(n sqlparse.Node) bool {
	found := false
	sqlparse.Walk(n, func(n sqlparse.Node) bool {
		if _, ok := n.(*sqlparse.Select); ok {
			found = true
		}
		return !found
	})
	return found
}
