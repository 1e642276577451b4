package plan

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
)

// value is something that a key column is proven equal to: a parameter, a constant, or a list of these.
type value struct {
	param int  // 1-based; 0 for a constant
	list  bool // the parameter is an array, or elems are the list
	null  bool // the constant NULL
	key   shard.Key
	elems []value

	unnested bool     // of a list: NULLs and repeated elements are rows of the statement
	rows     *rowList // of a list: it is a column of this one
}

// part is what is known of one column of a key. Either singles or lists is empty.
type part struct {
	typ     shard.Type
	limit   int     // n of varchar(n), where rows are stored under the key; see rowPart
	singles []value // the column equals each of them
	lists   []value // the column is in each of them; the first one is evaluated
	rows    int     // parts of one number, from 1, have the columns of one list of rows first; 0 for a list by itself
}

// occurrence is one use of a sharded table with what pins it.
type occurrence struct {
	table   string
	columns []string
	parts   []part
}

// isList reports whether it is pinned to a list of keys.
func (o *occurrence) isList() bool {
	return slices.ContainsFunc(o.parts, func(p part) bool { return len(p.singles) == 0 })
}

// rowPart is one part of the key of a row that is inserted.
type rowPart struct {
	value
	typ   shard.Type
	limit int  // n of varchar(n): a longer value would be cut, and then be another key; 0 for none
	scope bool // the scope gives it
}

// row is the key of one row of an INSERT.
type row struct {
	table   string
	columns []string
	parts   []rowPart
}

// extra is an argument after the caller's: the slot of a row, or (row < 0) one part of the scope's key.
type extra struct {
	row         int
	part, parts int
	typ         shard.Type
}

// fast is the shape of most statements: one column, one parameter, nothing appended. Its param is 0 for all others.
type fast struct {
	param int
	typ   shard.Type
}

// Bind gives a plan its arguments and says which key they name. scope is the key of the handle, the zero Key without
// one; a plan that was built [Scoped] needs it.
//
// The errors are a [*Refusal] (wrong number of arguments, occurrences pinned to different keys), a [*shard.KeyError]
// (an argument that cannot be a key; NULL too) or a [*MismatchError] (the text names another key than the scope's).
// For one key and a fixed text, Bind allocates nothing when the argument is an int64, a string or a [16]byte.
func (p *Plan) Bind(args []any, scope shard.Key) (Binding, error) {
	if p.fast.param > 0 && len(args) == p.Params {
		v := args[p.fast.param-1]
		key, err := shard.FromValue(v, p.fast.typ)
		if err == nil && shard.SendsAsIs(v, p.fast.typ) {
			return Binding{Target: ToKey, Key: key, Args: args}, nil
		}
	}
	return p.bind(args, scope)
}

func (p *Plan) bind(args []any, scope shard.Key) (Binding, error) {
	options, err := p.checkArguments(args)
	if err != nil {
		return Binding{}, err
	}
	if p.scoped {
		if err := scope.Err(); err != nil {
			return Binding{}, err
		}
	}
	b := binder{p: p, args: args, sent: args, options: options, scope: scope}
	if len(p.rows) > 0 {
		return b.insert()
	}
	return b.read()
}

// checkArguments counts them. pgx takes options before the first one; they stay in place.
func (p *Plan) checkArguments(args []any) (options int, err error) {
	options = optionsOf(args)
	for _, o := range args[:options] {
		if o == pgx.QueryExecModeSimpleProtocol {
			return 0, refuse(Arguments, -1, "the simple protocol writes arguments into the text, where their types are lost",
				"use another QueryExecMode")
		}
	}
	if options < len(args) {
		if _, ok := args[options].(pgx.QueryRewriter); ok {
			return 0, refuse(Arguments, -1, "named arguments must be rewritten before the statement is planned", "call Rewrite first")
		}
	}
	if n := len(args) - options; n != p.Params {
		has := "has no parameters"
		if p.Params > 0 {
			has = fmt.Sprintf("has parameters up to $%d", p.Params)
		}
		return 0, refuse(Arguments, -1, fmt.Sprintf("the statement %s, and the number of arguments is %d", has, n), "")
	}
	return options, nil
}

// binder is one call of Bind.
type binder struct {
	p       *Plan
	args    []any
	sent    []any // args until something is converted or appended
	options int   // arguments of pgx before the first one
	scope   shard.Key
}

// arg returns $n.
func (b *binder) arg(n int) any { return b.args[b.options+n-1] }

// key reads $n as a key of the type, and sends what was read when pgx would make something else of the argument.
func (b *binder) key(n int, t shard.Type) (shard.Key, error) {
	v := b.arg(n)
	key, err := shard.FromValue(v, t)
	if err == nil && !shard.SendsAsIs(v, t) {
		b.send(n, key.Value())
	}
	return key, err
}

func (b *binder) send(n int, v any) {
	b.own()
	b.sent[b.options+n-1] = v
}

// own copies the caller's slice before the first change, with room for more arguments.
func (b *binder) own() {
	if len(b.args) == 0 || len(b.sent) > 0 && &b.sent[0] == &b.args[0] {
		b.sent = append(make([]any, 0, len(b.args)+len(b.p.extras)), b.args...)
	}
}

// read binds a statement whose occurrences all exist already.
func (b *binder) read() (Binding, error) {
	found, err := b.occurrences()
	if err != nil {
		return Binding{}, err
	}
	if b.p.scoped {
		if found, err = b.withScope(found); err != nil {
			return Binding{}, err
		}
	}
	switch {
	case b.p.Target == ToHome:
		found.Target = ToHome
	case found.Target == 0:
		found.Target = ToAny // every occurrence is empty, so any shard has all of its rows
	}
	if err := b.appendExtras(shard.Key{}, nil); err != nil {
		return Binding{}, err
	}
	found.Args = b.sent
	return found, nil
}

// occurrences evaluates what pins each occurrence. One whose conditions no row meets agrees with every key; the others
// must agree on one, unless a list is among them: then all the keys must turn out to be on one shard.
func (b *binder) occurrences() (Binding, error) {
	var sum Binding
	var first *occurrence
	lists := 0
	for i := range b.p.occs {
		o := &b.p.occs[i]
		if o.isList() {
			keys, err := b.list(o)
			if err != nil {
				return sum, err
			}
			if err := b.sameAsScope(o, keys...); err != nil {
				return sum, err
			}
			if sum.Keys == nil {
				sum.Keys = keys
			} else {
				sum.Keys = append(sum.Keys, keys...)
			}
			lists++
			continue
		}
		key, empty, err := b.one(o)
		if err != nil {
			return sum, err
		}
		if empty {
			continue
		}
		if err := b.sameAsScope(o, key); err != nil {
			return sum, err
		}
		if first != nil && key != sum.Key {
			return sum, manyKeys(first, o)
		}
		first, sum.Key, sum.Target = o, key, ToKey
	}
	return sum.withList(lists), nil
}

// withList joins the one key, if any, with those of so many lists, each without doubles.
func (s Binding) withList(lists int) Binding {
	if len(s.Keys) == 0 {
		s.Keys = nil
		return s
	}
	if s.Target == ToKey {
		s.Keys = append(s.Keys, s.Key)
		lists++
	}
	if lists > 1 {
		s.Keys = distinct(s.Keys)
	}
	if len(s.Keys) == 1 {
		return Binding{Target: ToKey, Key: s.Keys[0]}
	}
	return Binding{Target: ToKeyList, Keys: s.Keys}
}

// distinct drops keys that came before, in place. A table of places costs a tenth of a map of keys.
func distinct(keys []shard.Key) []shard.Key {
	if len(keys) < 2 {
		return keys
	}
	mask := uint64(1)<<bits.Len(uint(2*len(keys))) - 1
	seen := make([]int32, mask+1) // one more than the place in kept; 0 is free
	kept := keys[:0]
next:
	for _, k := range keys {
		at := k.Hash() & mask
		for ; seen[at] != 0; at = (at + 1) & mask {
			if kept[seen[at]-1] == k {
				continue next
			}
		}
		kept = append(kept, k)
		seen[at] = int32(len(kept))
	}
	return kept
}

func manyKeys(a, o *occurrence) error {
	return &Refusal{Reason: ManyKeys, Table: o.table, Offset: -1,
		Detail: "the arguments pin " + a.table + " and " + o.table + " to different keys, whose rows may be on different shards",
		Hint:   "send one statement per key"}
}

// one evaluates an occurrence that is pinned to one key. It is empty when no row can meet its conditions.
func (b *binder) one(o *occurrence) (key shard.Key, empty bool, err error) {
	if len(o.parts) == 1 {
		return b.part(&o.parts[0])
	}
	keys := make([]shard.Key, 0, len(o.parts))
	for i := range o.parts {
		k, none, err := b.part(&o.parts[i])
		if err != nil {
			return shard.Key{}, false, err
		}
		empty = empty || none
		keys = append(keys, k)
	}
	if empty {
		return shard.Key{}, true, nil
	}
	key = shard.Composite(keys...)
	return key, false, key.Err()
}

func (b *binder) part(p *part) (key shard.Key, empty bool, err error) {
	for i := range p.singles {
		v := &p.singles[i]
		if v.null {
			empty = true
			continue
		}
		k := v.key
		if v.param > 0 {
			if k, err = b.key(v.param, p.typ); err != nil {
				return shard.Key{}, false, err
			}
		}
		if err := FitsLength(k, p.typ, p.limit); err != nil {
			return shard.Key{}, false, err
		}
		if !key.IsZero() && key != k {
			empty = true
		}
		key = k
	}
	return key, empty, nil
}
