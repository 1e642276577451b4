package merge

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// SortColumn is one item of an ORDER BY.
type SortColumn struct {
	// Index of the column in the rows of the inputs, hidden ones included, from 0. Negative ones count from the end: -1 is
	// the last.
	Index int
	// Desc and NullsFirst are as in SQL. There is no default that follows from Desc: PostgreSQL's is NullsFirst = Desc.
	Desc, NullsFirst bool
	// Bytewise says that the column's collation sorts by bytes: C, POSIX, C.UTF-8 or pg_c_utf8, in a database whose
	// encoding is UTF-8. Without it text, varchar and char(n) are not orderable. name is bytewise by itself, unless the
	// statement gives it another collation.
	Bytewise bool
	// Labels are those of an enum, in the order of pg_enum.enumsortorder, when the column is one or an array of one.
	Labels []string
	// LabelsOf is the oid of the enum type that Labels belong to; LabelArray that of its array type, 0 when not needed.
	LabelsOf, LabelArray uint32
}

// Orderable says whether values of the type with that oid can be ordered outside the server; the rest of c is as it
// would be in an order.
func Orderable(oid uint32, c SortColumn) bool {
	return encoderOf(oid, text, c) != nil && encoderOf(oid, binary, c) != nil
}

// keyer turns a row into a key: bytes that compare as the server compares the rows.
type keyer []keyColumn

type keyColumn struct {
	SortColumn
	field  pgconn.FieldDescription
	encode encoder
}

const (
	nullFirst = 0
	notNull   = 1
	nullLast  = 2
)

func newKeyer(order []SortColumn, fields []pgconn.FieldDescription) (keyer, error) {
	k := make(keyer, len(order))
	for i, c := range order {
		if c.Index < 0 {
			c.Index += len(fields)
		}
		if c.Index < 0 || c.Index >= len(fields) {
			return nil, fmt.Errorf("sort column %d of %d columns", c.Index, len(fields))
		}
		f := fields[c.Index]
		k[i] = keyColumn{SortColumn: c, field: f, encode: encoderOf(f.DataTypeOID, f.Format, c)}
		if k[i].encode == nil {
			return nil, fmt.Errorf("sort column %q: %w", f.Name, ErrNotOrderable)
		}
	}
	return k, nil
}

// append appends the key of a row to key.
func (k keyer) append(key []byte, row [][]byte) ([]byte, error) {
	for i := range k {
		c := &k[i]
		v := row[c.Index]
		if v == nil {
			if c.NullsFirst {
				key = append(key, nullFirst)
			} else {
				key = append(key, nullLast)
			}
			continue
		}
		key = append(key, notNull)
		from := len(key)
		var ok bool
		if key, ok = c.encode(key, v); !ok {
			return key, &ValueError{Column: c.field.Name, Type: typeName(c.field.DataTypeOID), Format: c.field.Format}
		}
		if c.Desc {
			invert(key[from:])
		}
	}
	return key, nil
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

func typeName(oid uint32) string {
	if t, ok := scalars[oid]; ok {
		return t.name
	}
	if e, ok := elements[oid]; ok {
		return scalars[e].name + "[]"
	}
	return "label of an enum"
}
