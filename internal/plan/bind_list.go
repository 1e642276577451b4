package plan

import (
	"fmt"
	"slices"

	"github.com/keyway-go/keyway/shard"
)

// maxKeys is how many keys the lists of a key's columns may give together. A list of rows, and one of a key of one column,
// may be longer.
const maxKeys = 1 << 14

// align puts first what narrows the keys most: of a list of rows as many columns as are parts of the key. aligned says that
// its columns, where two are met, are of one row.
func (o *occurrence) align(aligned bool) {
	for n := 1; aligned; n++ {
		var best *rowList
		most := 1
		for i := range o.parts {
			if o.parts[i].rows > 0 {
				continue
			}
			for _, l := range o.parts[i].lists {
				if parts := o.columnsOf(l.rows); parts > most {
					best, most = l.rows, parts
				}
			}
		}
		if best == nil {
			break
		}
		for i := range o.parts {
			if p := &o.parts[i]; p.rows == 0 && p.has(best) >= 0 {
				at := p.has(best)
				p.lists[0], p.lists[at] = p.lists[at], p.lists[0]
				p.rows = n
			}
		}
	}
	for i := range o.parts {
		for n := range o.parts[i].lists {
			o.parts[i].lists[n].rows = nil // plans are compared
		}
	}
}

// columnsOf counts the parts that have a column of the rows and are not taken by others.
func (o *occurrence) columnsOf(rows *rowList) int {
	n := 0
	for i := range o.parts {
		if p := &o.parts[i]; rows != nil && p.rows == 0 && p.has(rows) >= 0 {
			n++
		}
	}
	return n
}

func (p *part) has(rows *rowList) int {
	return slices.IndexFunc(p.lists, func(l value) bool { return l.rows == rows })
}

// wide reports whether its list is not one that a key of one column is compared with.
func (o *occurrence) wide() bool {
	return o.isList() && (len(o.parts) > 1 || o.parts[0].lists[0].unnested)
}

// list evaluates the first list of each part; the others could only leave fewer keys.
func (b *binder) list(o *occurrence) ([]shard.Key, error) {
	if len(o.parts) == 1 {
		keys, err := b.elements(&o.parts[0])
		return distinct(present(keys)), err
	}
	tuples := [][]shard.Key{make([]shard.Key, len(o.parts))}
	for i := range o.parts {
		p := &o.parts[i]
		of := []int{i}
		if p.rows > 0 {
			of = o.partsOf(p.rows)
		}
		if of[0] != i {
			continue // done with the first of them
		}
		rows, err := b.rows(o, of)
		if err != nil {
			return nil, err
		}
		if len(of) < len(o.parts) && len(tuples)*len(rows) > maxKeys {
			return nil, &Refusal{Reason: KeyList, Table: o.table, Offset: -1,
				Detail: fmt.Sprintf("the lists of the key's columns give more than %d keys of %s together", maxKeys, o.table),
				Hint:   "write the keys as rows, (a, b) IN ((...), (...)), or fewer of them in each statement"}
		}
		tuples = times(tuples, rows, of)
	}
	keys := make([]shard.Key, 0, len(tuples))
	for _, parts := range tuples {
		k := shard.Composite(parts...)
		if err := k.Err(); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return distinct(keys), nil
}

// partsOf are the parts that have the columns of one list of rows.
func (o *occurrence) partsOf(rows int) (of []int) {
	for i := range o.parts {
		if o.parts[i].rows == rows {
			of = append(of, i)
		}
	}
	return of
}

// rows evaluates parts that go together, without the rows that have a NULL.
func (b *binder) rows(o *occurrence, of []int) ([][]shard.Key, error) {
	var rows [][]shard.Key
	for n, i := range of {
		values, err := b.values(&o.parts[i], len(of) > 1)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			rows = make([][]shard.Key, len(values))
		}
		rows = rows[:min(len(rows), len(values))] // unnest fills up with NULL
		for at := range rows {
			rows[at] = append(rows[at], values[at])
		}
	}
	return slices.DeleteFunc(rows, func(row []shard.Key) bool {
		return slices.ContainsFunc(row, func(k shard.Key) bool { return k.IsZero() })
	}), nil
}

// values evaluates one part: a list, or the one value. aligned keeps each element in its place.
func (b *binder) values(p *part, aligned bool) ([]shard.Key, error) {
	if len(p.singles) > 0 {
		k, empty, err := b.part(p)
		if empty {
			return nil, err
		}
		return []shard.Key{k}, err
	}
	keys, err := b.elements(p)
	if aligned {
		return keys, err
	}
	return distinct(present(keys)), err
}

// elements evaluates a part's first list, element by element: the zero Key stands for NULL.
func (b *binder) elements(p *part) ([]shard.Key, error) {
	keys, err := b.evaluate(p)
	for i := 0; err == nil && p.limit > 0 && i < len(keys); i++ {
		err = FitsLength(keys[i], p.typ, p.limit)
	}
	return keys, err
}

func (b *binder) evaluate(p *part) ([]shard.Key, error) {
	l := &p.lists[0]
	if l.param > 0 {
		return b.array(l.param, p.typ)
	}
	keys := make([]shard.Key, 0, len(l.elems))
	for i := range l.elems {
		e := &l.elems[i]
		switch {
		case e.null:
			keys = append(keys, shard.Key{})
		case e.param > 0:
			k, err := b.key(e.param, p.typ)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
		default:
			keys = append(keys, e.key)
		}
	}
	return keys, nil
}

// present drops what stands for NULL, in place.
func present(keys []shard.Key) []shard.Key {
	return slices.DeleteFunc(keys, func(k shard.Key) bool { return k.IsZero() })
}

// times is every tuple with every row, whose values are for the parts of.
func times(tuples, rows [][]shard.Key, of []int) [][]shard.Key {
	all := make([][]shard.Key, 0, len(tuples)*len(rows))
	for _, t := range tuples {
		for _, row := range rows {
			tuple := slices.Clone(t)
			for n, i := range of {
				tuple[i] = row[n]
			}
			all = append(all, tuple)
		}
	}
	return all
}
