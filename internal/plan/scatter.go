package plan

import (
	"sync/atomic"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
	"github.com/keyway-go/keyway/shard"
)

// Combine says how the rows that the shards send become the result.
type Combine uint8

// The ways. The zero value is none of them.
const (
	// Concat: one shard's rows after another's, in any order, until the limit is reached.
	Concat Combine = iota + 1
	// Ordered: each shard sends its rows in Order; they are merged, and offset, limit and ties counted there. Where the
	// order of a column cannot be followed outside the server (see [SortKey]), a server may run Final instead.
	Ordered
	// Folded: each shard sends one row; the result is one row whose columns are folded by Folds. Where a column's type
	// is not known outside the server, a server may run Final instead.
	Folded
	// Finished: a server runs Final over the rows of all shards.
	Finished
)

var combineNames = [...]string{Concat: "concatenated", Ordered: "merged in order", Folded: "folded", Finished: "finished by a server"}

// String returns a short name for people.
func (c Combine) String() string {
	if int(c) >= len(combineNames) || combineNames[c] == "" {
		return "not combined"
	}
	return combineNames[c]
}

// SortKey is one item of an order.
type SortKey struct {
	Column     int // of the rows that the shards send, from 0; negative ones count from the end: -1 is the last
	Desc       bool
	NullsFirst bool

	// Collation orders the column when it is text: empty for the database's default, otherwise as COLLATE names it. With
	// CollationKnown false nothing is known of it, and text cannot be ordered.
	Collation      string
	CollationKnown bool
}

// Fold says how two values of a column become one. NULL gives way to the other value in every fold.
type Fold uint8

// The folds. The zero value is none of them.
const (
	FoldCount Fold = iota + 1
	FoldSum        // of integers and numerics; the type stays
	FoldMin
	FoldMax
	FoldAnd // of booleans
	FoldOr
	FoldBitAnd
	FoldBitOr
	FoldBitXor
)

// Scatter is how a statement is read from several shards so that the result is one that a single server with all the
// rows could give. It is immutable and may be used by many goroutines.
//
// Every text has the predicate that a row's slot is owned by the shard that is asked, because during a move rows exist
// twice. It is left out where the rows are pinned to a list of keys and each shard gets none but its own. Beside it stands
// the condition that the shard owns all these slots, as a [Question] puts it.
type Scatter struct {
	// One is set when the arguments may put the whole statement on one shard; see [ScatterBinding.One].
	One *Plan

	Combine Combine
	Order   []SortKey    // with Ordered
	Folds   []FoldColumn // with Folded, one for each column
	Hidden  int          // trailing columns of the shards' rows that are not part of the result
	Ties    bool         // WITH TIES

	// Unmarked are the schema.table of the tables without a slot column, sorted. Which of their rows are a shard's own
	// cannot be told, so the plan may only run while one shard owns every slot.
	Unmarked []string

	Tables []string // schema.table of every registered table it names, sorted, each once
	Params int      // the number of arguments the caller gives

	// ByServer is for whoever runs the plan: set once it was found that the rows are to be finished by a server.
	ByServer atomic.Bool
	// Cuts is for whoever runs the plan, too.
	Cuts Cuts
	// Slowest is the same: the shard that a read has waited for longest, nil when none is known.
	Slowest atomic.Pointer[shard.ID]

	newer       []string                            // functions called that an older PostgreSQL has not; see callsByName
	text        string                              // of the shards, with marks
	pieces      atomic.Pointer[map[pieceKey]*piece] // see pieceFor; replaced, never modified
	final       *finalQuery                         // nil with Concat
	limit       bound
	offset      bound
	anchors     []occurrence // with a list of keys: what the result's rows are pinned to; one for each arm of a UNION
	listParam   int          // the one array parameter that holds the keys and is used nowhere else; 0 for none
	sameList    bool         // One reads its keys from listParam and nowhere else, so that its binding has them already
	approximate bool
	several     error // why several shards cannot be read, when One can
}

// BuildScatter reads a SELECT and says how several shards answer it. Unqualified relations are looked up in schema.
// With approximate, sums and averages of floats are accepted, whose last digits depend on the order of addition. An
// error is always a [*Refusal].
func BuildScatter(text string, reg *catalog.Registry, schema string, approximate bool) (*Scatter, error) {
	stmt, err := sqlparse.Parse(text)
	if err != nil {
		return nil, unread(text, err)
	}
	one, err := buildRead(stmt, text, reg, schema, Unscoped)
	if err == nil && !one.ReadOnly {
		return nil, refuse(ScatterWrite, 0, "a statement that writes or locks rows is not sent to several shards",
			"write in InTx with the key, or shard by shard with db.EachShard")
	}
	if err == nil && one.Target != ToKeyList && len(one.occs) < 2 {
		return &Scatter{One: one, Tables: one.Tables, Params: one.Params, newer: one.newer}, nil
	}
	s, several := buildScatter(stmt, text, reg, schema, approximate)
	if one == nil {
		return s, several
	}
	if several != nil {
		s = &Scatter{Tables: one.Tables, Params: one.Params, newer: one.newer, several: several}
	}
	s.One = one
	if len(one.occs) == 1 && one.occs[0].isList() && !one.occs[0].wide() {
		l := one.occs[0].parts[0].lists[0]
		s.sameList = s.listParam > 0 && l.param == s.listParam
	}
	return s, nil
}

func buildScatter(stmt sqlparse.Statement, text string, reg *catalog.Registry, schema string, approximate bool) (*Scatter, error) {
	q, ok := stmt.(*sqlparse.Select)
	if !ok {
		return nil, refuse(ScatterWrite, 0, "a statement that writes is not sent to several shards",
			"write in InTx with the key, or shard by shard with db.EachShard")
	}
	b := &scatterBuilder{text: text, reg: reg, schema: schema, approximate: approximate}
	whole, err := b.split(q, false)
	if err == nil {
		return whole.plan, nil
	}
	return b.nest(q, err)
}

// scatterBuilder plans a statement, and queries of it as if they were statements.
type scatterBuilder struct {
	text        string
	reg         *catalog.Registry
	schema      string
	approximate bool
}

// read reads a query by itself: no name outside of it is seen.
func (b *scatterBuilder) read(q *sqlparse.Select) (r *reader, err error) {
	defer catch(&r, &err)
	r = &reader{
		text: b.text, reg: b.reg, schema: b.schema, uses: map[int]*paramUse{}, tables: map[*catalog.Table]bool{},
		tops: map[*sqlparse.Select]*top{},
	}
	r.statement(q)
	if r.writes {
		panic(refuse(ScatterWrite, 0, "a statement that writes is not sent to several shards",
			"write in InTx with the key, or shard by shard with db.EachShard"))
	}
	if !r.readOnly {
		panic(refuse(ScatterWrite, 0, "row locks are not taken on several shards", "lock in InTx with the key"))
	}
	return r, nil
}

// split plans a query whose rows are the shards' rows put together. As an input its rows are what a server goes on with.
func (b *scatterBuilder) split(q *sqlparse.Select, input bool) (sp *splitter, err error) {
	r, err := b.read(q)
	if err != nil {
		return nil, err
	}
	defer catch(&sp, &err)
	sp = &splitter{reader: r, query: q, input: input, plan: &Scatter{Params: r.params, newer: r.newer, approximate: b.approximate}}
	sp.split()
	return sp, nil
}
