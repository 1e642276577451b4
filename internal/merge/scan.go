package merge

import (
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// scanPlans are made for the first row and used for the others while the types of the destinations stay.
type scanPlans struct {
	plans []pgtype.ScanPlan
	types []reflect.Type
}

// Scan implements [pgx.Rows] by its rules: an error closes the rows, nil skips a column, and a sole [pgx.RowScanner] gets
// the row.
func (r *Rows) Scan(dest ...any) error {
	if r.closed || r.row == nil {
		return ErrClosed
	}
	err := r.scan(dest)
	if err != nil {
		r.refuse(err)
		r.Close()
	}
	return err
}

func (r *Rows) scan(dest []any) error {
	if len(dest) == 1 {
		if s, ok := dest[0].(pgx.RowScanner); ok {
			return s.ScanRow(r)
		}
	}
	fields, values := r.FieldDescriptions(), r.RawValues()
	if len(fields) != len(dest) {
		return fmt.Errorf("number of field descriptions must equal number of destinations, got %d and %d", len(fields), len(dest))
	}
	if r.plans.plans == nil {
		r.plans = scanPlans{make([]pgtype.ScanPlan, len(dest)), make([]reflect.Type, len(dest))}
	}
	for i, d := range dest {
		if d == nil {
			continue
		}
		if t := reflect.TypeOf(d); r.plans.types[i] != t {
			r.plans.plans[i] = r.types.PlanScan(fields[i].DataTypeOID, fields[i].Format, d)
			r.plans.types[i] = t
		}
		if err := r.plans.plans[i].Scan(values[i], d); err != nil {
			return pgx.ScanArgError{ColumnIndex: i, FieldName: fields[i].Name, Err: err}
		}
	}
	return nil
}

// Values implements [pgx.Rows].
func (r *Rows) Values() ([]any, error) {
	if r.closed || r.row == nil {
		return nil, ErrClosed
	}
	raw := r.RawValues()
	values := make([]any, len(raw))
	for i, b := range raw {
		v, err := r.value(i, b)
		if err != nil {
			r.refuse(err)
			r.Close()
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (r *Rows) value(column int, b []byte) (any, error) {
	if b == nil {
		return nil, nil
	}
	f := &r.fields[column]
	if t, ok := r.types.TypeForOID(f.DataTypeOID); ok {
		return t.Codec.DecodeValue(r.types, f.DataTypeOID, f.Format, b)
	}
	if f.Format == text {
		return string(b), nil
	}
	return append(make([]byte, 0, len(b)), b...), nil
}
