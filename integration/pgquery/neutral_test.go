package pgquery

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// tree is a node of the neutral form: the fields of a struct of PostgreSQL's parse tree that are not zero. A node whose
// type is not clear from its place stands in a tree of its own, under the name of the type.
type tree map[string]any

// node gives the fields that are not zero, under the name of their type.
func node(kind string, fields tree) tree {
	return tree{kind: fields.compact()}
}

// compact drops the zero values, as libpg_query does. An empty tree is a value.
func (t tree) compact() tree {
	for k, v := range t {
		if v == nil || v == "" || v == false || v == 0 {
			delete(t, k)
			continue
		}
		if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.Len() == 0 || r.Kind() == reflect.Map && r.IsNil() {
			delete(t, k)
		}
	}
	return t
}

// difference says where two neutral forms differ first, or returns "".
func difference(path string, ours, theirs any) string {
	switch o := ours.(type) {
	case tree:
		t, ok := theirs.(tree)
		if !ok {
			break
		}
		keys := slices.Collect(maps.Keys(o))
		for k := range t {
			if _, ok := o[k]; !ok {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			if d := difference(path+"."+k, o[k], t[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		t, ok := theirs.([]any)
		if !ok || len(o) != len(t) {
			break
		}
		for i := range o {
			if d := difference(fmt.Sprintf("%s[%d]", path, i), o[i], t[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if reflect.DeepEqual(ours, theirs) {
		return ""
	}
	return fmt.Sprintf("%s: here %v, libpg_query %v", path, ours, theirs)
}
