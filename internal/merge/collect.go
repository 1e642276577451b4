package merge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNotCollectable is the error of a column whose values cannot be carried to another server as text: those of row(...)
// without a named type, and of statements whose columns were not asked for in text format.
var ErrNotCollectable = errors.New("the values of this column cannot be carried to another server as text")

// Settings are what the sessions on all servers must agree on, for what one prints to be what another reads. Where a
// value is given it is the one that this package relies on; an empty one may be any.
var Settings = map[string]string{
	"DateStyle":          "ISO, MDY",
	"IntervalStyle":      "postgres",
	"TimeZone":           "",
	"extra_float_digits": "1",
	"bytea_output":       "hex",
	"array_nulls":        "on",
	"xmloption":          "content",
	"lc_monetary":        "",
	"client_encoding":    "UTF8",
	"search_path":        "",
}

// Collected are the rows of all inputs, held in memory to be finished by one server.
type Collected struct {
	fields  []pgconn.FieldDescription
	columns []strings.Builder // array literals without the closing brace
	rows    int64
}

// Rows is their number.
func (c *Collected) Rows() int64 { return c.rows }

// FieldDescriptions are those of the rows.
func (c *Collected) FieldDescriptions() []pgconn.FieldDescription { return c.fields }

// Collect reads all inputs to their ends. Their columns must be in text format, as with pgx.QueryResultFormats{0}.
// Past opt.Budget bytes it fails with [*TooLargeError]. Every input is released when it returns. Offset and limit of opt
// are not for this.
func Collect(ctx context.Context, inputs []Input, opt Options) (*Collected, error) {
	rows := Concat(ctx, inputs, Options{
		Wave: opt.Wave, Together: opt.Together, First: opt.First, Prefetch: opt.Prefetch, Budget: opt.Budget, Grace: opt.Grace,
		Types: opt.Types, CompareTypes: opt.CompareTypes,
	})
	defer rows.Close()
	c := &Collected{fields: rows.FieldDescriptions()}
	if err := carried(c.fields); err != nil {
		return nil, err
	}
	c.columns = make([]strings.Builder, len(c.fields))
	for i := range c.columns {
		c.columns[i].WriteByte('{')
	}
	for rows.Next() {
		if c.add(rows.RawValues()) > rows.opt.Budget {
			return nil, &TooLargeError{What: "the groups or candidates", Budget: rows.opt.Budget}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.widen(c.fields)
	return c, nil
}

const recordOID, recordArrayOID, voidOID = 2249, 2287, 2278

func carried(fields []pgconn.FieldDescription) error {
	for _, f := range fields {
		switch {
		case f.Format != text, f.DataTypeOID == recordOID, f.DataTypeOID == recordArrayOID, f.DataTypeOID == voidOID:
			return fmt.Errorf("column %q: %w", f.Name, ErrNotCollectable)
		}
	}
	return nil
}

// add returns the bytes held.
func (c *Collected) add(row [][]byte) (held int64) {
	for i, v := range row {
		b := &c.columns[i]
		if c.rows > 0 {
			b.WriteByte(',')
		}
		writeElement(b, v)
		held += int64(b.Len())
	}
	c.rows++
	return held
}

// writeElement writes a value as array_in reads it: always quoted, so that a NULL cannot be meant by a word.
func writeElement(b *strings.Builder, v []byte) {
	if v == nil {
		b.WriteString("NULL")
		return
	}
	b.WriteByte('"')
	for {
		i := bytes.IndexAny(v, `"\`)
		if i < 0 {
			break
		}
		b.Write(v[:i])
		b.WriteByte('\\')
		b.WriteByte(v[i])
		v = v[i+1:]
	}
	b.Write(v)
	b.WriteByte('"')
}

// literal is column i as text[].
func (c *Collected) literal(i int) string {
	return c.columns[i].String() + "}"
}

// widen takes the type modifier away from columns that have another on another shard: a cast to it would cut values.
func (r *Rows) widen(fields []pgconn.FieldDescription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.widened {
		fields[i].TypeModifier = -1
	}
}
