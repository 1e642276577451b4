package plan

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// newer are the names that a statement may call as PostgreSQL's own, and that version 15 has no function of: there the
// name is free for a function of the user's. The value is the first version that has it, be it as a word of the grammar.
var newer = func() map[string]int {
	m := map[string]int{
		"json_array": 16, "json_arrayagg": 16, "json_object": 16, "json_objectagg": 16,
		"json": 17, "json_exists": 17, "json_query": 17, "json_scalar": 17, "json_serialize": 17, "json_value": 17,
		"merge_action": 17,
	}
	for line := range strings.Lines(functionList) {
		if f := strings.Fields(line); len(f) == 3 && f[0] != "#" {
			since, err := strconv.Atoi(f[2])
			if err != nil {
				panic("bug: functions.txt: " + f[0] + " has no version")
			}
			m[f[0]] = since
		}
	}
	return m
}()

// NewerFunctions returns the names of functions that statements may call and that PostgreSQL 15 does not have, each with
// the first version that has it. A schema on an older server may have its own; see [Cache.Taken].
func NewerFunctions() map[string]int { return maps.Clone(newer) }

// callsByName notes a call that a server without such a function takes for one of the schema's.
func (r *reader) callsByName(name string) {
	if newer[name] > 0 && !slices.Contains(r.newer, name) {
		r.newer = append(r.newer, name)
	}
}

// Taken says which of [NewerFunctions] are functions of the schema on a server that has none of its own by that name.
// Statements that call one are refused, as those are that call any function of the user's: it may read tables, of which
// one shard has a part. It must be called before the first Get.
func (c *Cache) Taken(names []string) { c.taken = slices.Clone(names) }

func (c *Cache) refuseTaken(calls []string) error {
	for _, name := range calls {
		if slices.Contains(c.taken, name) {
			return refuse(UserFunction, -1, "the function "+name+" is one of the schema on a server whose PostgreSQL has none by that name, "+
				"and may read tables", "rename it and call it with db.Shard(id), or write what it does in the statement")
		}
	}
	return nil
}
