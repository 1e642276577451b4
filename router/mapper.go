package router

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// slotColumn is the column that the library adds to sharded tables.
const slotColumn = "slot"

// scanner turns rows into values of T. It is made for one result, whose columns it looks up at the first row.
type scanner[T any] struct {
	ready  bool
	fields [][]int // per column: the index path of its field; nil skips the column
	dest   []any
	scalar bool
	ptr    bool // T is a pointer to a struct
	value  T    // each row is scanned here, and copied
}

func (s *scanner[T]) row(r pgx.Rows) (T, error) {
	if !s.ready {
		if err := s.prepare(r.FieldDescriptions()); err != nil {
			return s.value, err
		}
		if !s.ptr {
			s.aim(reflect.ValueOf(&s.value).Elem())
		}
	}
	var none T
	s.value = none
	if s.ptr {
		target := reflect.ValueOf(&s.value).Elem()
		target.Set(reflect.New(target.Type().Elem()))
		s.aim(target.Elem())
	}
	err := r.Scan(s.dest...)
	return s.value, err
}

// aim points the destinations at a value of the struct, or at a scalar.
func (s *scanner[T]) aim(target reflect.Value) {
	if s.scalar {
		s.dest = []any{target.Addr().Interface()}
	}
	for i, path := range s.fields {
		if path != nil {
			s.dest[i] = target.FieldByIndex(path).Addr().Interface()
		}
	}
}

func (s *scanner[T]) prepare(columns []pgconn.FieldDescription) error {
	t := reflect.TypeFor[T]()
	st := t
	if t.Kind() == reflect.Pointer {
		st = t.Elem()
	}
	s.ready = true
	if !isRecord(st) {
		s.scalar = true
		if len(columns) != 1 {
			return fmt.Errorf("%sa %s takes one column, and the result has %d; select one, or use a struct",
				errPrefix, t, len(columns))
		}
		return nil
	}
	s.ptr = st != t
	known, err := fieldsOf(st)
	if err != nil {
		return err
	}
	s.dest = make([]any, len(columns))
	s.fields = make([][]int, len(columns))
	for i, c := range columns {
		name := c.Name
		f, ok, ambiguous := known.find(name)
		switch {
		case !ok && name == slotColumn:
			continue
		case ambiguous:
			return fmt.Errorf("%scolumn %q fits two fields of %s; tag one of them `db:\"-\"` or with another name",
				errPrefix, name, st)
		case !ok:
			return fmt.Errorf("%scolumn %q of the result has no field in %s; add one with `db:%q`, or do not select it",
				errPrefix, name, st, name)
		}
		if at := slices.IndexFunc(s.fields[:i], func(g []int) bool { return slices.Equal(f, g) }); at >= 0 {
			return sameField(columns[at].Name, name, st)
		}
		s.fields[i] = f
	}
	return nil
}

// sameField refuses two columns of which the second would take the place of the first.
func sameField(a, b string, t reflect.Type) error {
	if a == b {
		return fmt.Errorf("%scolumn %q is twice in the result; give one of them another name with AS", errPrefix, a)
	}
	return fmt.Errorf("%scolumns %q and %q fit the same field of %s; give one of them another name with AS", errPrefix, a, b, t)
}

// isRecord reports whether t is a struct whose fields are columns, rather than one value.
func isRecord(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return false
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]()) {
		return false
	}
	for f := range t.Fields() {
		if f.IsExported() || f.Anonymous {
			return true
		}
	}
	return false
}

// record is the fields of a struct type by column.
type record struct {
	tagged map[string][]int // by the exact name of the tag
	named  map[string][]int // by the folded name of the field

	// twice are columns that two embedded structs of one depth both have, by tag or folded name.
	twice map[string]bool
}

// find returns the field of a column. Two fields that hide neither the other are nobody's guess.
func (r *record) find(column string) (path []int, ok, ambiguous bool) {
	name := folded(column)
	if path, ok = r.tagged[column]; ok {
		return path, true, r.twice[column]
	}
	path, ok = r.named[name]
	return path, ok, r.twice[name]
}

// folded makes tenant_id and TenantID the same.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

var records sync.Map // reflect.Type -> *record

func fieldsOf(t reflect.Type) (*record, error) {
	if r, ok := records.Load(t); ok {
		return r.(*record), nil
	}
	r := &record{tagged: map[string][]int{}, named: map[string][]int{}, twice: map[string]bool{}}
	if err := r.add(t, nil); err != nil {
		return nil, err
	}
	records.Store(t, r)
	return r, nil
}

// add collects the fields of t. A field of an outer struct hides one of the same name in an embedded struct, as in Go.
func (r *record) add(t reflect.Type, at []int) error {
	var embedded []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		tag, hasTag := f.Tag.Lookup("db")
		tag, _, _ = strings.Cut(tag, ",")
		switch {
		case tag == "-":
			continue
		case f.Anonymous && !hasTag && f.Type.Kind() == reflect.Pointer:
			if f.Type.Elem().Kind() == reflect.Struct {
				return fmt.Errorf("%s%s embeds a pointer to %s; embed the struct itself, or tag it `db:\"-\"`",
					errPrefix, t, f.Type.Elem())
			}
		case f.Anonymous && !hasTag && isRecord(f.Type):
			embedded = append(embedded, f)
			continue
		}
		if !f.IsExported() {
			continue
		}
		path := append(append([]int(nil), at...), i)
		if tag != "" {
			r.put(r.tagged, tag, path)
		} else {
			r.put(r.named, folded(f.Name), path)
		}
	}
	// Only after the fields of t itself, which hide those of what it embeds.
	for _, f := range embedded {
		if err := r.add(f.Type, append(append([]int(nil), at...), f.Index...)); err != nil {
			return err
		}
	}
	return nil
}

// put remembers a field unless a shallower one has the name.
func (r *record) put(in map[string][]int, name string, path []int) {
	if taken, ok := in[name]; ok {
		if len(taken) == len(path) {
			r.twice[name] = true
		}
		return
	}
	in[name] = path
}
