package router

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// ownedSlots are the slots of one shard in one map.
type ownedSlots struct {
	ranges []shard.Range
	text   string       // as int4multirange
	pieces *atomic.Bool // the shard has stored one of the ranges in pieces
}

func newOwnedSlots(ranges []shard.Range) ownedSlots {
	texts := make([]string, 0, len(ranges))
	for _, r := range ranges {
		texts = append(texts, fmt.Sprintf("[%d,%d]", r.Lo, r.Hi))
	}
	return ownedSlots{ranges: ranges, text: "{" + strings.Join(texts, ",") + "}", pieces: new(atomic.Bool)}
}

// asks is the cheapest question that the shard can answer with yes.
func (o *ownedSlots) asks() plan.Question {
	if o.pieces.Load() {
		return plan.Thoroughly
	}
	return plan.Quickly
}

// Every statement asks the shard it is sent to: does the shard own, in the snapshot that the statement reads, the slots
// whose rows it is asked for? A slot is taken from its old shard in a transaction that ends before the new one's begins,
// so the shard that says yes has all rows of its slots, and as no two shards are asked for one slot, no row is missed or
// counted twice, whatever moves meanwhile. Comparing map versions instead would also stop reads that no move touches.

// errMoved says that a shard does not own, in the snapshot it was read in, the slots that the map gives it.
var errMoved = errors.New("the slots of the shard have changed")

// ownedError is err, or errMoved where the shard has answered no.
func ownedError(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "22P02" && strings.Contains(pg.Message, plan.NotOwned) {
		return errMoved
	}
	return err
}

// ownsSlots is the question by itself.
const ownsSlots = "select coalesce(pg_catalog.range_agg(pg_catalog.int4range(lo, hi, '[]')), '{}') @> $1::int4multirange from keyway.owned"
