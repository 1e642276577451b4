package plan

import (
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/shard"
)

// Question says how the text for a shard asks whether the shard owns the slots that it is asked for.
type Question uint8

const (
	// Unasked is a text without the question.
	Unasked Question = iota
	// Quickly looks for each range among those that the shard has stored. A range that is stored in pieces counts as not
	// owned, which no map makes. Where there are many ranges it is Thoroughly.
	Quickly
	// Thoroughly puts all stored ranges together, which costs the server more.
	Thoroughly
)

// NotOwned is in the error of a shard that was asked for slots that it does not own. It is an error of a cast, code
// 22P02, so that nothing has to be installed for it.
const NotOwned = "keyway: not all slots that are asked for are owned"

// gateMark stands for " and the shard owns its slots".
const gateMark = "\x00g" + markEnd

// gate is the condition that a shard owns the ranges in the snapshot of the statement. It never filters: it is true, or
// the statement fails. As a condition on no row PostgreSQL evaluates it before the first row of its query; see ADR 0026.
//
// All of it is immutable, and it has no constant part that fails: a planner that evaluates what it can finds no error, and
// no volatile function keeps it from joining an EXISTS.
func (q Question) gate(ranges []shard.Range) string {
	if q == Unasked {
		return ""
	}
	return " and cast(case when " + q.owns(ranges) + " then 't' else '" + NotOwned + "' end as pg_catalog.bool)"
}

func (q Question) owns(ranges []shard.Range) string {
	if q == Thoroughly || len(ranges) == 0 || len(ranges) > maxRanges {
		return "(select coalesce(pg_catalog.range_agg(pg_catalog.int4range(lo, hi, '[]')), '{}') @> '" +
			multirange(ranges) + "'::int4multirange from keyway.owned)"
	}
	conds := make([]string, 0, len(ranges))
	for _, r := range ranges {
		conds = append(conds, fmt.Sprintf("exists (select from keyway.owned where lo <= %d and hi >= %d)", r.Lo, r.Hi))
	}
	return strings.Join(conds, " and ")
}
