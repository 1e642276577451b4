package router

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
)

// registryDiff says in words how b differs from a, at most a few times.
func registryDiff(a, b *catalog.Registry) []string {
	const most = 5
	var out []string
	for _, t := range a.Tables() {
		name := t.Schema + "." + t.Name
		other, ok := b.Table(t.Schema, t.Name)
		if !ok {
			out = append(out, name+" is missing")
			continue
		}
		if d := tableDiff(t, other); d != "" {
			out = append(out, name+" "+d)
		}
	}
	for _, t := range b.Tables() {
		if _, ok := a.Table(t.Schema, t.Name); !ok {
			out = append(out, t.Schema+"."+t.Name+" is only there")
		}
	}
	out = append(out, functionDiff(a, b)...)
	switch {
	case len(out) == 0:
		return []string{"a registered table or function is not as it was registered"}
	case len(out) > most:
		out = append(out[:most], fmt.Sprintf("and %d more", len(out)-most))
	}
	return out
}

// functionDiff says which registered functions of the two are not the same.
func functionDiff(a, b *catalog.Registry) (out []string) {
	for _, f := range a.Functions() {
		name := "the function " + f.Schema + "." + f.Name
		switch other, ok := b.Function(f.Schema, f.Name); {
		case !ok && b.FunctionDriftOf(f.Schema, f.Name) != nil:
			out = append(out, name+" is not as it was registered: "+b.FunctionDriftOf(f.Schema, f.Name).Reason)
		case !ok:
			out = append(out, name+" is not registered")
		case !slices.Equal(f.Signatures, other.Signatures):
			out = append(out, name+" has another definition")
		}
	}
	for _, f := range b.Functions() {
		if _, ok := a.Function(f.Schema, f.Name); !ok {
			out = append(out, "the function "+f.Schema+"."+f.Name+" is registered only there")
		}
	}
	return out
}

func tableDiff(a, b *catalog.Table) string {
	switch {
	case describeKind(a) != describeKind(b):
		return fmt.Sprintf("is %s, not %s", describeKind(b), describeKind(a))
	case a.HasSlot != b.HasSlot:
		return "has its slot column on one of the two only"
	case len(a.Columns) != len(b.Columns):
		return fmt.Sprintf("has %d columns, not %d", len(b.Columns), len(a.Columns))
	}
	for i := range a.Columns {
		if x, y := a.Columns[i], b.Columns[i]; x.Name != y.Name || x.Type != y.Type || x.NotNull != y.NotNull {
			return fmt.Sprintf("has the column %s %s, not %s %s", y.Name, y.Type, x.Name, x.Type)
		}
	}
	return ""
}

func describeKind(t *catalog.Table) string {
	switch t.Kind {
	case catalog.Reference:
		return "a reference table"
	case catalog.Home:
		return "a home table of " + string(t.Home)
	default:
		keys := make([]string, len(t.Key))
		for i, k := range t.Key {
			keys[i] = k.Name + " " + k.Type.String()
		}
		return "sharded by (" + strings.Join(keys, ", ") + ")"
	}
}

// checkAsserted compares the tables of the configuration with the registry.
func (c Config) checkAsserted(r *catalog.Registry, f *openFailure) {
	for _, name := range slices.Sorted(maps.Keys(c.Tables)) {
		schema, table, ok := strings.Cut(name, ".")
		if !ok {
			schema, table = c.schema(), name
		}
		t, ok := r.Table(schema, table)
		if !ok {
			reason := "is not registered"
			if d := r.DriftOf(schema, table); d != nil {
				reason = "is not as it was registered (" + d.Reason + ")"
			}
			f.add("tables.%s: %s; register it in a migration, with keyway.shard_table, reference_table or home_table", name, reason)
			continue
		}
		have := Table{Key: keyNames(t), Reference: t.Kind == catalog.Reference, Home: t.Home}.describe()
		if want := c.Tables[name].describe(); want != have {
			f.add("tables.%s: the configuration says %s, and the registry says %s; the registry is what counts", name, want, have)
		}
	}
}

func keyNames(t *catalog.Table) []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = k.Name
	}
	return names
}

func (t Table) describe() string {
	switch {
	case t.Reference:
		return "reference"
	case t.Home != "":
		return "home " + string(t.Home)
	default:
		return "key " + strings.Join(t.Key, ", ")
	}
}
