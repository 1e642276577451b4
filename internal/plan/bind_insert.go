package plan

import (
	"github.com/keyway-go/keyway/shard"
)

// insert binds an INSERT: each row has its own key, and whatever the statement reads besides must be under the same.
func (b *binder) insert() (Binding, error) {
	first, err := b.rowKey(&b.p.rows[0])
	if err != nil {
		return Binding{}, err
	}
	var keys []shard.Key // nil while there is one row, which is most of the time
	same := true
	for i := range b.p.rows[1:] {
		k, err := b.rowKey(&b.p.rows[i+1])
		if err != nil {
			return Binding{}, err
		}
		if keys == nil {
			keys = append(make([]shard.Key, 0, len(b.p.rows)), first)
		}
		keys = append(keys, k)
		same = same && k == first
	}
	if err := b.insertReads(first, same); err != nil {
		return Binding{}, err
	}
	if err := b.appendExtras(first, keys); err != nil {
		return Binding{}, err
	}
	if same {
		return Binding{Target: ToKey, Key: first, Args: b.sent}, nil
	}
	return Binding{Target: ToKeyList, Keys: keys, Args: b.sent}, nil
}

// rowKey is the key of one row.
func (b *binder) rowKey(r *row) (key shard.Key, err error) {
	if len(r.parts) == 1 {
		key, err = b.rowPart(&r.parts[0], 0, 1)
	} else {
		parts := make([]shard.Key, len(r.parts))
		for i := range r.parts {
			if parts[i], err = b.rowPart(&r.parts[i], i, len(parts)); err != nil {
				return shard.Key{}, err
			}
		}
		key = shard.Composite(parts...)
		err = key.Err()
	}
	if err != nil || !b.p.scoped {
		return key, err
	}
	types := make([]shard.Type, 0, len(r.parts))
	for i := range r.parts {
		types = append(types, r.parts[i].typ)
	}
	want, err := b.scopeKey(types)
	if err == nil && key != want {
		err = &MismatchError{Table: r.table, Columns: r.columns}
	}
	return key, err
}

// insertReads checks the sharded tables that an INSERT reads in subqueries.
func (b *binder) insertReads(key shard.Key, same bool) error {
	if len(b.p.occs) == 0 && len(b.p.shapes) == 0 {
		return nil
	}
	read, err := b.occurrences()
	if err == nil && b.p.scoped {
		read, err = b.withScope(read)
	}
	if err != nil {
		return err
	}
	if read.Target == ToKeyList || read.Target == ToKey && (!same || read.Key != key) {
		return &Refusal{Reason: ManyKeys, Table: b.p.KeyTable, Offset: -1,
			Detail: "the INSERT into " + b.p.KeyTable + " reads a sharded table under another key than that of its rows",
			Hint:   "read first, then insert, in two statements"}
	}
	return nil
}

func (b *binder) rowPart(r *rowPart, i, parts int) (shard.Key, error) {
	var k shard.Key
	var err error
	switch {
	case r.scope:
		k, err = scopePart(b.scope, i, parts, r.typ)
	case r.param == 0:
		return r.key, nil
	default:
		k, err = b.key(r.param, r.typ)
	}
	if err == nil {
		err = r.fits(k)
	}
	return k, err
}

// fits refuses a key that would not be stored as it is.
func (r *rowPart) fits(k shard.Key) error { return FitsLength(k, r.typ, r.limit) }

// appendExtras appends what the text's edits ask for. first is the key of an INSERT's first row; keys are those of all
// rows when there are several.
func (b *binder) appendExtras(first shard.Key, keys []shard.Key) error {
	if len(b.p.extras) == 0 {
		return nil
	}
	b.own()
	for _, e := range b.p.extras {
		if e.row >= 0 {
			k := first
			if keys != nil {
				k = keys[e.row]
			}
			b.sent = append(b.sent, int16(k.Slot()))
			continue
		}
		k, err := scopePart(b.scope, e.part, e.parts, e.typ)
		if err != nil {
			return err
		}
		b.sent = append(b.sent, k.Value())
	}
	return nil
}
