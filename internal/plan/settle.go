package plan

import (
	"reflect"
	"slices"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// add keeps one of several occurrences that are pinned to the same.
func (p *Plan) add(o occurrence) {
	for i := range p.occs {
		if reflect.DeepEqual(p.occs[i].parts, o.parts) {
			return
		}
	}
	p.occs = append(p.occs, o)
}

// keyShape is what a key must be for a table.
type keyShape struct {
	types  []shard.Type
	limits []int // n of varchar(n), where rows are stored under the key; 0 for none
}

// addShape notes what the scope's key must be for a table, in which rows are stored or only looked for.
func (p *Plan) addShape(t *catalog.Table, stored bool) {
	var s keyShape
	for i, k := range t.Key {
		s.types = append(s.types, k.Type)
		s.limits = append(s.limits, 0)
		if stored {
			s.limits[i] = keyLimit(t, i)
		}
	}
	if !slices.ContainsFunc(p.shapes, func(o keyShape) bool { return reflect.DeepEqual(o, s) }) {
		p.shapes = append(p.shapes, s)
	}
}

// settle decides what can be known without arguments.
func (p *Plan) settle(r *reader) {
	switch {
	case p.scoped:
		p.Target = ToKey
	case len(p.rows) > 0:
		p.Target = ToKey
		for i := range p.rows {
			if !reflect.DeepEqual(p.rows[i].parts, p.rows[0].parts) {
				p.Target = ToKeyList
			}
		}
	default:
		p.Target = p.target()
	}
	p.constants()
	if !p.scoped && len(p.rows) == 0 && len(p.occs) == 1 && len(p.occs[0].parts) == 1 {
		part := &p.occs[0].parts[0]
		if s := part.singles; len(s) == 1 && s[0].param > 0 && part.limit == 0 {
			p.fast = fast{param: s[0].param, typ: part.typ}
		}
	}
}

func (p *Plan) target() Target {
	t := ToAny
	b := binder{p: p}
	for i := range p.occs {
		o := &p.occs[i]
		switch {
		case o.isList():
			return ToKeyList
		case o.constant():
			if _, empty, err := b.one(o); err == nil && empty {
				continue
			}
		}
		t = ToKey
	}
	return t
}

// constant reports whether no argument decides the occurrence.
func (o *occurrence) constant() bool {
	for _, p := range o.parts {
		for _, v := range p.singles {
			if v.param > 0 {
				return false
			}
		}
		if len(p.lists) > 0 {
			return false
		}
	}
	return true
}

// constants refuses at once what no argument can make right.
func (p *Plan) constants() {
	b := binder{p: p}
	var first *occurrence
	for i := range p.occs {
		o := &p.occs[i]
		if !o.constant() {
			continue
		}
		key, empty, err := b.one(o)
		if err != nil || empty {
			continue
		}
		if first != nil {
			if k, _, _ := b.one(first); k != key {
				panic(manyKeys(first, o))
			}
		}
		first = o
	}
}
