package router

import (
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/shard"
)

// ownedSlots are the slots of one shard in one map.
type ownedSlots struct {
	ranges []shard.Range
	text   string // as int4multirange
}

func newOwnedSlots(ranges []shard.Range) ownedSlots {
	texts := make([]string, 0, len(ranges))
	for _, r := range ranges {
		texts = append(texts, fmt.Sprintf("[%d,%d]", r.Lo, r.Hi))
	}
	return ownedSlots{ranges: ranges, text: "{" + strings.Join(texts, ",") + "}"}
}

// Every shard is asked inside a transaction of one snapshot that begins with a question: does the shard own, in this
// snapshot, the slots whose rows it is asked for? A slot is taken from its old shard in a transaction that ends before
// the new one's begins, so the shard that says yes has all rows of its slots, and as no two shards are asked for one
// slot, no row is missed or counted twice, whatever moves meanwhile. Comparing map versions instead would also stop
// reads that no move touches.
const (
	beginSnapshot = "begin isolation level repeatable read read only"
	ownsSlots     = "select coalesce(pg_catalog.range_agg(pg_catalog.int4range(lo, hi, '[]')), '{}') @> $1::int4multirange from keyway.owned"
	endSnapshot   = "commit"
)
