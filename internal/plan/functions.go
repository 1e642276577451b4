package plan

import (
	_ "embed"
	"fmt"
	"strings"
)

type functionKind uint8

const (
	plainFunction functionKind = iota
	aggregate
	window
)

//go:embed functions.txt
var functionList string

//go:embed functions_collation.txt
var collationList string

// functionCollations say whose collation the result of a function of functions that takes text has; see
// functions_collation.txt.
var functionCollations = readCollations(collationList)

// functions are the functions of pg_catalog that a statement may call on a routed handle; see functions.txt.
var functions = readFunctions(functionList)

// specials are calls that the grammar has words for and pg_proc no function of that name.
var specials = map[string]functionKind{
	"current_catalog": plainFunction, "current_date": plainFunction, "current_role": plainFunction,
	"current_time": plainFunction, "current_timestamp": plainFunction, "localtime": plainFunction,
	"localtimestamp": plainFunction, "user": plainFunction, "current_user": plainFunction, "system_user": plainFunction,
	"trim": plainFunction, "grouping": plainFunction, "treat": plainFunction, "collation for": plainFunction,
	"xmlexists": plainFunction, "merge_action": plainFunction,
}

func readFunctions(list string) map[string]functionKind {
	kinds := map[string]functionKind{"f": plainFunction, "a": aggregate, "w": window}
	m := map[string]functionKind{}
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		kind, ok := kinds[fields[1]]
		if !ok {
			panic(fmt.Sprintf("bug: functions.txt: %q has no kind", line))
		}
		m[fields[0]] = kind
	}
	return m
}

func readCollations(list string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(list) {
		if name, how, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			m[name] = how
		}
	}
	return m
}
