package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// unknownKeys compares the document with the struct it is decoded into. The library's own strict mode names the Go
// type, not what the reader should have written.
func unknownKeys(root *yaml.Node) []error {
	var problems []error
	checkKeys(root, reflect.TypeFor[file](), "", &problems)
	return problems
}

func checkKeys(n *yaml.Node, t reflect.Type, place string, problems *[]error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	var known map[string]reflect.Type
	switch t.Kind() {
	case reflect.Struct:
		known = keysOf(t)
	case reflect.Map:
	default:
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if known == nil {
			checkKeys(value, t.Elem(), join(place, key.Value), problems)
			continue
		}
		inner, ok := known[key.Value]
		if !ok {
			*problems = append(*problems, fmt.Errorf("%s (line %d): is not a known key%s",
				join(place, key.Value), key.Line, suggestion(key.Value, known)))
			continue
		}
		checkKeys(value, inner, join(place, key.Value), problems)
	}
}

// keysOf returns the keys of a struct, those of inlined structs included.
func keysOf(t reflect.Type) map[string]reflect.Type {
	keys := map[string]reflect.Type{}
	for f := range t.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			maps.Copy(keys, keysOf(f.Type))
			continue
		}
		keys[tag] = f.Type
	}
	return keys
}

func suggestion(key string, known map[string]reflect.Type) string {
	if key == "password" {
		return "; a password is not written in the file: use password_env or password_file"
	}
	all := slices.Sorted(maps.Keys(known))
	best, least := "", max(2, len(key)/3)+1
	for _, k := range all {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; known here are " + strings.Join(all, ", ")
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
