package merge

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Runner runs the finishing statement, on the database of the first input: user-defined types have their numbers there.
type Runner interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Template is a statement over collected rows. Its pieces are put together in their order; no text of a user is searched
// or replaced in.
//
//	merge.Template{Pieces: []merge.Piece{
//		merge.Text("select "), merge.Column(0), merge.Text(` as "state", sum(`), merge.Column(1),
//		merge.Text(")::bigint as n from "), merge.From(), merge.Text(" group by 1 having sum("), merge.Column(1),
//		merge.Text(") > "), merge.Param(0), merge.Text(" order by 1"),
//	}}
type Template struct {
	Pieces []Piece
	// Collations gives columns a collation that is not their type's own: its name, quoted and qualified as SQL wants it.
	Collations map[int]string
}

// Piece is a part of a [Template].
type Piece struct {
	kind  pieceKind
	text  string
	index int
}

type pieceKind uint8

const (
	pieceText pieceKind = iota
	pieceColumn
	pieceParam
	pieceFrom
)

// Text is SQL as it stands. It must not contain parameters.
func Text(sql string) Piece { return Piece{kind: pieceText, text: sql} }

// Column is a column of the collected rows, counted from 0, with its type and collation.
func Column(i int) Piece { return Piece{kind: pieceColumn, index: i} }

// Param is one of the arguments given to Finish, counted from 0.
func Param(i int) Piece { return Piece{kind: pieceParam, index: i} }

// From is the item of a FROM clause that the columns come from. It stands once in a template.
func From() Piece { return Piece{kind: pieceFrom} }

// Finish runs the template over the collected rows and returns the result as the server gives it. names is a cache that
// belongs to the database of the first input.
//
// A domain is its base type there, as it is in every description of columns.
//
// The rows travel as one array of texts for each column and become values of their types again there, so what groups,
// sorts, compares and adds is the server itself.
func (c *Collected) Finish(ctx context.Context, run Runner, names *TypeNames, t Template, args ...any) (pgx.Rows, error) {
	types, err := names.of(ctx, run, c.fields)
	if err != nil {
		return nil, err
	}
	sql, used := t.render(types)
	all := make([]any, 0, len(types)+len(used))
	for i := range types {
		all = append(all, c.literal(i))
	}
	for _, i := range used {
		if i >= len(args) {
			return nil, fmt.Errorf("bug: the finishing statement wants argument %d of %d", i+1, len(args))
		}
		all = append(all, args[i])
	}
	return run.Query(ctx, sql, all...)
}

// render returns the statement and the arguments it uses, in the order in which they follow the arrays.
func (t Template) render(types []string) (sql string, used []int) {
	var b strings.Builder
	numbers := map[int]int{}
	for _, p := range t.Pieces {
		switch p.kind {
		case pieceText:
			b.WriteString(p.text)
		case pieceColumn:
			b.WriteString("kw.c" + strconv.Itoa(p.index+1))
		case pieceParam:
			n, ok := numbers[p.index]
			if !ok {
				used = append(used, p.index)
				n = len(types) + len(used)
				numbers[p.index] = n
			}
			b.WriteString("$" + strconv.Itoa(n))
		case pieceFrom:
			t.renderFrom(&b, types)
		}
	}
	return b.String(), used
}

// renderFrom writes (select u.c1::bigint as c1, ... from unnest($1::text[], ...) as u(c1, ...)) as kw.
func (t Template) renderFrom(b *strings.Builder, types []string) {
	b.WriteString("(select ")
	for i, typ := range types {
		fmt.Fprintf(b, "%su.c%d::%s", comma(i), i+1, typ)
		if c := t.Collations[i]; c != "" {
			b.WriteString(" collate " + c)
		}
		fmt.Fprintf(b, " as c%d", i+1)
	}
	b.WriteString(" from unnest(")
	for i := range types {
		fmt.Fprintf(b, "%s$%d::pg_catalog.text[]", comma(i), i+1)
	}
	b.WriteString(") as u(")
	for i := range types {
		fmt.Fprintf(b, "%sc%d", comma(i), i+1)
	}
	b.WriteString(")) as kw")
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

// TypeNames remembers how types of one database are written. The zero value is ready, and it is safe for concurrent use.
type TypeNames struct {
	mu    sync.RWMutex
	names map[typeKey]string // grows with the types that statements return
}

type typeKey struct {
	oid      uint32
	modifier int32
}

// of returns the names of the types of fields, asking the server for those that are not known.
func (t *TypeNames) of(ctx context.Context, run Runner, fields []pgconn.FieldDescription) ([]string, error) {
	names := make([]string, len(fields))
	if t.known(names, fields) {
		return names, nil
	}
	if err := t.ask(ctx, run, fields); err != nil {
		return nil, err
	}
	if !t.known(names, fields) {
		return nil, fmt.Errorf("a column has a type that the server does not know: %w", ErrNotCollectable)
	}
	return names, nil
}

func (t *TypeNames) known(names []string, fields []pgconn.FieldDescription) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i, f := range fields {
		if names[i] = t.names[typeKey{f.DataTypeOID, f.TypeModifier}]; names[i] == "" {
			return false
		}
	}
	return true
}

func (t *TypeNames) ask(ctx context.Context, run Runner, fields []pgconn.FieldDescription) error {
	oids, modifiers := make([]uint32, len(fields)), make([]int32, len(fields))
	for i, f := range fields {
		oids[i], modifiers[i] = f.DataTypeOID, f.TypeModifier
	}
	rows, err := run.Query(ctx, `select t, m, pg_catalog.format_type(t, m)
		from unnest($1::oid[], $2::int4[]) as u(t, m) join pg_catalog.pg_type on oid = t`, oids, modifiers)
	if err != nil {
		return err
	}
	found := map[typeKey]string{}
	var k typeKey
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&k.oid, &k.modifier, &name}, func() error {
		found[k] = name
		return nil
	}); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names == nil {
		t.names = found
		return nil
	}
	maps.Copy(t.names, found)
	return nil
}
