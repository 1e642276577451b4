package merge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Aggregate says how one column of partial results becomes the result.
type Aggregate uint8

// The aggregates whose partial results can be put together without a server. NULLs are ignored, and a column of nothing
// but NULLs is NULL, except for Count, which has none.
const (
	// Count adds bigints; more than a bigint holds is the server's own error, 22003.
	Count Aggregate = iota + 1
	// Sum adds bigints as Count does, which is what sum of smallint and integer gives, and numerics, which is what sum of
	// bigint and numeric gives, with the scale of the longest.
	Sum
	// Min and Max compare values of types that [Ordered] can sort.
	Min
	Max
	// And is bool_and and every, Or is bool_or.
	And
	Or
	// BitAnd, BitOr and BitXor are those of smallint, integer and bigint.
	BitAnd
	BitOr
	BitXor
)

// ErrNotFoldable is the error of an aggregate over a type for which it cannot be followed exactly: let a server finish.
var ErrNotFoldable = errors.New("this aggregate of this type cannot be followed outside the server")

// FoldColumn is one column of a statement with aggregates and without GROUP BY.
type FoldColumn struct {
	Aggregate Aggregate
	// Of says for Min and Max what the type alone does not: Bytewise and the labels. The rest is ignored.
	Of SortColumn
}

// Fold puts the single rows of partial aggregates, one from each input, together to a single row. It returns at once:
// what fails is in Err of the rows, [ErrNotFoldable] among it. Every input is released by the time the rows are closed.
func Fold(ctx context.Context, inputs []Input, columns []FoldColumn, opt Options) *Rows {
	r := newRows(ctx, inputs, &fold{columns: columns}, opt)
	r.start()
	return r
}

// CheckFold says before a statement runs whether [Fold] can put its columns together, as its description gives them.
func CheckFold(columns []FoldColumn, fields []pgconn.FieldDescription) error {
	_, err := foldersOf(columns, fields)
	return err
}

// folder takes the values of one column.
type folder interface {
	// add takes a value that is not NULL and does not keep it.
	add(v []byte) error
	// result is nil for NULL.
	result() ([]byte, error)
}

// errValue is the error of a value that cannot be read.
var errValue = errors.New("unreadable value")

func foldersOf(columns []FoldColumn, fields []pgconn.FieldDescription) ([]folder, error) {
	if len(columns) != len(fields) {
		return nil, fmt.Errorf("%d aggregates of %d columns", len(columns), len(fields))
	}
	all := make([]folder, len(columns))
	for i, c := range columns {
		if all[i] = folderOf(c, fields[i]); all[i] == nil {
			return nil, fmt.Errorf("column %q: %w", fields[i].Name, ErrNotFoldable)
		}
	}
	return all, nil
}

func folderOf(c FoldColumn, f pgconn.FieldDescription) folder {
	oid, format := f.DataTypeOID, f.Format
	switch {
	case c.Aggregate == Count && oid == pgtype.Int8OID:
		return &integers{format: format, bytes: 8, some: true, join: add}
	case c.Aggregate == Sum && oid == pgtype.Int8OID:
		return &integers{format: format, bytes: 8, join: add}
	case c.Aggregate == Sum && oid == pgtype.NumericOID:
		return &numerics{format: format}
	case (c.Aggregate == And || c.Aggregate == Or) && oid == pgtype.BoolOID:
		return &booleans{or: c.Aggregate == Or}
	case c.Aggregate == Min || c.Aggregate == Max:
		if e := encoderOf(oid, format, c.Of); e != nil {
			return &extreme{encode: e, most: c.Aggregate == Max}
		}
	case c.Aggregate == BitAnd || c.Aggregate == BitOr || c.Aggregate == BitXor:
		if size := integerSizes[oid]; size > 0 {
			return &integers{format: format, bytes: size, join: bitwise[c.Aggregate]}
		}
	}
	return nil
}

// fold gives out one row.
type fold struct {
	concat

	columns []FoldColumn
	folders []folder
	seen    []int // rows of each input
	done    bool
}

func (f *fold) prepare(r *Rows) (err error) {
	f.folders, err = foldersOf(f.columns, r.fields)
	f.seen = make([]int, len(r.pumps))
	return err
}

func (f *fold) advance(r *Rows) ([][]byte, bool) {
	if f.done {
		return nil, false
	}
	f.done = true
	for {
		row, ok := f.concat.advance(r)
		if !ok {
			break
		}
		f.seen[f.turn]++
		if err := f.add(r, row); err != nil {
			r.refuse(&ShardError{Shard: r.pumps[f.turn].in.Shard(), Err: err})
			return nil, false
		}
	}
	if r.stopping() {
		return nil, false
	}
	row, err := f.row(r)
	if err != nil {
		r.refuse(err)
	}
	return row, err == nil
}

func (f *fold) add(r *Rows, row [][]byte) error {
	for i, v := range row {
		if v == nil {
			continue
		}
		err := f.folders[i].add(v)
		if errors.Is(err, errValue) {
			return &ValueError{Column: r.fields[i].Name, Type: typeName(r.fields[i].DataTypeOID), Format: r.fields[i].Format}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *fold) row(r *Rows) ([][]byte, error) {
	for i, n := range f.seen {
		if n != 1 {
			return nil, &ShardError{Shard: r.pumps[i].in.Shard(), Err: fmt.Errorf("aggregates without GROUP BY gave %d rows", n)}
		}
	}
	row := make([][]byte, len(f.folders))
	for i, one := range f.folders {
		v, err := one.result()
		if err != nil {
			return nil, err
		}
		row[i] = v
	}
	return row, nil
}

var integerSizes = map[uint32]int{pgtype.Int2OID: 2, pgtype.Int4OID: 4, pgtype.Int8OID: 8}

var bitwise = map[Aggregate]func(a, b int64) (int64, bool){
	BitAnd: func(a, b int64) (int64, bool) { return a & b, true },
	BitOr:  func(a, b int64) (int64, bool) { return a | b, true },
	BitXor: func(a, b int64) (int64, bool) { return a ^ b, true },
}

// add is false when the sum is no int64.
func add(a, b int64) (int64, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

// integers of that many bytes.
type integers struct {
	format int16
	bytes  int
	join   func(a, b int64) (int64, bool)
	value  int64
	some   bool // a value, rather than NULL
	any    bool // a value was added
}

func (n *integers) add(v []byte) error {
	i, ok := integer(n.format, n.bytes, v)
	if !ok {
		return errValue
	}
	if !n.any {
		n.value, n.any, n.some = i, true, true
		return nil
	}
	if n.value, ok = n.join(n.value, i); !ok {
		return overflow()
	}
	return nil
}

func (n *integers) result() ([]byte, error) {
	if !n.some {
		return nil, nil
	}
	if n.format == text {
		return strconv.AppendInt(nil, n.value, 10), nil
	}
	return append64(nil, uint64(n.value))[8-n.bytes:], nil
}

func integer(format int16, size int, v []byte) (int64, bool) {
	if format == text {
		n, err := strconv.ParseInt(string(v), 10, 8*size)
		return n, err == nil
	}
	if len(v) != size {
		return 0, false
	}
	switch size {
	case 2:
		return int64(int16(be16(v))), true
	case 4:
		return int64(int32(be32(v))), true
	}
	return int64(be64(v)), true
}

// booleans keep the value as it was sent.
type booleans struct {
	or    bool
	value []byte
}

func (b *booleans) add(v []byte) error {
	if len(v) != 1 {
		return errValue
	}
	truth := v[0] == 't' || v[0] == 1
	if b.value == nil || truth == b.or {
		b.value = bytes.Clone(v)
	}
	return nil
}

func (b *booleans) result() ([]byte, error) { return b.value, nil }

// extreme keeps the least or the greatest value.
type extreme struct {
	encode     encoder
	most       bool
	value, key []byte
	spare      []byte
}

func (e *extreme) add(v []byte) error {
	key, ok := e.encode(e.spare[:0], v)
	if !ok {
		return errValue
	}
	e.spare = key
	if c := bytes.Compare(key, e.key); e.value == nil || e.most && c > 0 || !e.most && c < 0 {
		e.value = append(e.value[:0:0], v...)
		if e.value == nil {
			e.value = []byte{}
		}
		e.key, e.spare = key, e.key
	}
	return nil
}

func (e *extreme) result() ([]byte, error) { return e.value, nil }
